import type { ExperimentReport } from '@facet/client/trainer-api';
import { interestColor } from '../../parts/colors.ts';
import { formatCount, formatShare } from '../../parts/format.ts';

/** Users, responses and items of each arm. */
export function ArmsTable({ report: { arms, sampleRatio } }: { readonly report: ExperimentReport }) {
  return (
    <div className="table-scroll" tabIndex={0} role="region" aria-label="Arms">
      <table className="table">
        <thead>
          <tr>
            <th>Arm</th>
            <th className="numeric">Users</th>
            <th className="numeric">Expected users</th>
            <th className="numeric">Responses</th>
            <th className="numeric">Items</th>
            <th className="numeric">Fallback share</th>
          </tr>
        </thead>
        <tbody>
          {arms.map(({ arm, users, exposures, items, fallbacks }, place) => (
            <tr key={arm}>
              <td>
                <ArmName arm={arm} place={place} />
              </td>
              <td className="numeric">{formatCount(users)}</td>
              <td className="numeric">
                {sampleRatio === undefined ? '–' : formatCount(sampleRatio.expected[place] ?? 0)}
              </td>
              <td className="numeric">{formatCount(exposures)}</td>
              <td className="numeric">{formatCount(items)}</td>
              <td className="numeric">
                {fallbacks.estimate === undefined ? '–' : formatShare(fallbacks.estimate.value)}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

/** An arm with its color. */
export function ArmName({ arm, place }: { readonly arm: string; readonly place: number }) {
  return (
    <span className="experiments-arm">
      <span className="swatch" style={{ background: interestColor(place) }} aria-hidden />
      {arm}
      {place === 0 && arm !== 'control' ? <span className="small muted">control</span> : null}
    </span>
  );
}

/** How the lists of shadow arms overlap with what users saw and chose. */
export function ShadowTable({ shadow }: Pick<ExperimentReport, 'shadow'>) {
  const share = (part: number, whole: number): string => (whole === 0 ? '–' : formatShare(part / whole));
  return (
    <div className="table-scroll" tabIndex={0} role="region" aria-label="Shadow arms">
      <table className="table">
        <thead>
          <tr>
            <th>Shadow arm</th>
            <th className="numeric">Responses</th>
            <th className="numeric">Share shown to users</th>
            <th className="numeric">Shown items with an outcome</th>
            <th className="numeric">Share also in the shadow list</th>
          </tr>
        </thead>
        <tbody>
          {shadow.map(({ arm, responses, items, shown, chosen, chosenHeld }) => (
            <tr key={arm}>
              <td>{arm}</td>
              <td className="numeric">{formatCount(responses)}</td>
              <td className="numeric">{share(shown, items)}</td>
              <td className="numeric">{formatCount(chosen)}</td>
              <td className="numeric">{share(chosenHeld, chosen)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
