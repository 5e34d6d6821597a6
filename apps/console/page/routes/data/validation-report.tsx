import type { Validation } from '@facet/client/sink-api';
import { DataTable, numeric } from '../../parts/data-table.tsx';
import { Fact } from '../../parts/fact.tsx';
import { formatBytes, formatCount, formatNumber, formatShare } from '../../parts/format.ts';
import { Stat } from '../../parts/stat.tsx';
import { Time } from '../../parts/time.tsx';

interface ValidationReportProps {
  readonly report: Validation;
  /** The part of the file that was validated. */
  readonly share: number;
}

const linesMax = 5;

/** What an import of the file would read. */
export function ValidationReport({ report, share }: ValidationReportProps) {
  const [file] = report.files;
  if (file === undefined) return null;
  const { events, refusals, ignored, learning, time, types, users, items, attributes, suspiciousUsers } = report;
  const refused = file.rows - file.accepted;
  return (
    <div className="stack">
      <p className="row">
        <span className={`badge ${file.accepted === 0 ? 'bad' : refused === 0 ? 'good' : 'warning'}`}>
          {file.accepted === 0 ? 'no rows accepted' : refused === 0 ? 'all rows accepted' : 'some rows refused'}
        </span>
        <strong className="data-file">{file.path}</strong>
        <span className="small muted">
          {file.format}, {formatBytes(file.bytes)}
          {share < 1 ? `, the first ${formatShare(share)} of the file` : ''}
        </span>
      </p>
      <div className="grid data-stats">
        <Stat name="Rows" value={formatCount(file.rows)} note={`${formatCount(file.accepted)} accepted`} />
        <Stat
          name="Refused"
          value={formatCount(refused)}
          note={formatShare(file.rows === 0 ? 0 : refused / file.rows)}
        />
        {file.kind === 'events' ? (
          <>
            <Stat name="Duplicate events" value={formatCount(events.duplicates)} note="each id counts once" />
            <Stat name="Users" value={formatCount(users.count)} note={`median ${formatNumber(users.median)} events`} />
            <Stat name="Items" value={formatCount(items.count)} note={`median ${formatNumber(items.median)} events`} />
          </>
        ) : null}
      </div>
      <dl className="facts small">
        <Fact name="Columns">
          {Object.entries(file.columns)
            .map(([field, column]) => (field === column ? field : `${field} from ${column}`))
            .join(', ')}
          {file.defaultType === undefined ? '' : `; every event is a ${file.defaultType}`}
        </Fact>
        {time.earliest === undefined || time.latest === undefined ? null : (
          <Fact name="Time">
            <Time at={time.earliest} /> to <Time at={time.latest} />
          </Fact>
        )}
        {types.length === 0 ? null : (
          <Fact name="Types">{types.map(({ type, count }) => `${type} ${formatCount(count)}`).join(', ')}</Fact>
        )}
        {learning === undefined || file.kind !== 'events' ? null : (
          <>
            <Fact name="Learns from">{countsOf(learning.positives)}</Fact>
            <Fact name="Leaves out">{countsOf(learning.leftOut)}</Fact>
          </>
        )}
        {attributes.length === 0 ? null : (
          <Fact name="Attributes">
            {attributes
              .map(({ name, types: kinds, isNumericText }) =>
                isNumericText ? `${name} (text; every value is a number)` : `${name} (${kinds.join(' or ')})`,
              )
              .join(', ')}
          </Fact>
        )}
        {suspiciousUsers.length === 0 ? null : (
          <Fact name="Suspicious users">
            {suspiciousUsers.map(({ userId, events: count }) => `${userId} (${formatCount(count)})`).join(', ')}
          </Fact>
        )}
      </dl>
      <Reasons title="Reason of refusal" reasons={refusals} />
      <Reasons title="Ignored value, row accepted" reasons={ignored} />
    </div>
  );
}

function countsOf(events: readonly { readonly type: string; readonly count: number }[]): string {
  return events.length === 0 ? 'nothing' : events.map(({ type, count }) => `${type} ${formatCount(count)}`).join(', ');
}

interface ReasonsProps {
  readonly title: string;
  readonly reasons: Validation['refusals'];
}

function Reasons({ title, reasons }: ReasonsProps) {
  if (reasons.length === 0) return null;
  return (
    <DataTable label={title} columns={[numeric('Rows'), title, 'First lines']}>
      {reasons.map(({ field, reason, count, lines, nestedPath }) => (
        <tr key={`${field} ${reason}`}>
          <td className="numeric">{formatCount(count)}</td>
          <td>
            {field === '' ? reason : `${field}: ${reason}`}
            {nestedPath === undefined ? '' : `; map it to ${nestedPath}`}
          </td>
          <td>
            {lines
              .slice(0, linesMax)
              .map(({ line }) => formatCount(line))
              .join(', ')}
          </td>
        </tr>
      ))}
    </DataTable>
  );
}
