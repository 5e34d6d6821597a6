import type { ExperimentReport } from '@facet/client/trainer-api';
import { interestColor } from '../../parts/colors.ts';
import { DataTable, numeric } from '../../parts/data-table.tsx';
import { formatCount, formatShare } from '../../parts/format.ts';

/** Users, responses and items of each arm. */
export function ArmsTable({ report: { arms, sampleRatio } }: { readonly report: ExperimentReport }) {
  return (
    <DataTable
      label="Arms"
      columns={[
        'Arm',
        numeric('Users'),
        numeric('Expected users'),
        numeric('Responses'),
        numeric('Items'),
        numeric('Fallback share'),
      ]}
    >
      {arms.map(({ arm, users, exposures, items, fallbacks }, index) => (
        <tr key={arm}>
          <td>
            <ArmName arm={arm} index={index} />
          </td>
          <td className="numeric">{formatCount(users)}</td>
          <td className="numeric">{sampleRatio === undefined ? '–' : formatCount(sampleRatio.expected[index] ?? 0)}</td>
          <td className="numeric">{formatCount(exposures)}</td>
          <td className="numeric">{formatCount(items)}</td>
          <td className="numeric">{fallbacks.estimate === undefined ? '–' : formatShare(fallbacks.estimate.value)}</td>
        </tr>
      ))}
    </DataTable>
  );
}

/** An arm with its color. */
export function ArmName({ arm, index }: { readonly arm: string; readonly index: number }) {
  return (
    <span className="experiments-arm">
      <span className="swatch" style={{ background: interestColor(index) }} aria-hidden />
      {arm}
      {index === 0 && arm !== 'control' ? <span className="small muted">control</span> : null}
    </span>
  );
}

/** How the lists of shadow arms overlap with what users saw and chose. */
export function ShadowTable({ shadow }: Pick<ExperimentReport, 'shadow'>) {
  const share = (part: number, whole: number): string => (whole === 0 ? '–' : formatShare(part / whole));
  return (
    <DataTable
      label="Shadow arms"
      columns={[
        'Shadow arm',
        numeric('Responses'),
        numeric('Share shown to users'),
        numeric('Shown items with an outcome'),
        numeric('Share also in the shadow list'),
      ]}
    >
      {shadow.map(({ arm, responses, items, shown, chosen, chosenHeld }) => (
        <tr key={arm}>
          <td>{arm}</td>
          <td className="numeric">{formatCount(responses)}</td>
          <td className="numeric">{share(shown, items)}</td>
          <td className="numeric">{formatCount(chosen)}</td>
          <td className="numeric">{share(chosenHeld, chosen)}</td>
        </tr>
      ))}
    </DataTable>
  );
}
