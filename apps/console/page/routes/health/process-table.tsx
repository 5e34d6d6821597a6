import { sumOf, valuesOf } from '@facet/http/metrics-text';
import type { UseQueryResult } from '@tanstack/react-query';
import { DataTable, numeric } from '../../parts/data-table.tsx';
import { formatBytes, formatDuration, formatNumber } from '../../parts/format.ts';
import { Time } from '../../parts/time.tsx';
import type { ProcessName, Reading, Upstream } from './readings.ts';

interface ProcessTableProps {
  readonly upstreams: readonly Upstream[];
  readonly queryOf: (name: ProcessName) => UseQueryResult<Reading, Error> | undefined;
}

/** One row for each process: whether it responds, its version, its load. */
export function ProcessTable({ upstreams, queryOf }: ProcessTableProps) {
  const rows = [...upstreams, { name: 'console', url: location.origin, state: 'ready' } as const];
  return (
    <DataTable
      label="Processes"
      columns={[
        'Process',
        'State',
        'Version',
        'Started',
        numeric('Requests/s'),
        numeric('Memory'),
        numeric('Event loop delay, p99'),
      ]}
    >
      {rows.map((row) => (
        <ProcessRow key={row.name} {...row} query={queryOf(row.name)} />
      ))}
    </DataTable>
  );
}

interface RowProps extends Omit<Upstream, 'name'> {
  readonly name: ProcessName;
  readonly query: UseQueryResult<Reading, Error> | undefined;
}

function ProcessRow({ name, url, state, problem, query }: RowProps) {
  const last = query?.data;
  return (
    <tr>
      <th scope="row">
        {name}
        <div className="muted small process-url">{url}</div>
      </th>
      <td>
        <StateBadge state={state} />
        <div className="muted small">{problem ?? (query?.error === null ? undefined : query?.error.message)}</div>
      </td>
      {last === undefined ? (
        <td colSpan={5} className="muted">
          {state === 'unreachable' ? 'Not started, or at another address.' : null}
        </td>
      ) : (
        <Figures {...last} />
      )}
    </tr>
  );
}

const states = {
  ready: { className: 'badge good', text: 'Ready' },
  'not-ready': { className: 'badge warning', text: 'Not ready' },
  unreachable: { className: 'badge', text: 'Not running' },
} as const;

function StateBadge({ state }: { readonly state: Upstream['state'] }) {
  const { className, text } = states[state];
  return <span className={className}>{text}</span>;
}

function Figures({ metrics, requestsPerSecond }: Reading) {
  const started = sumOf(metrics, 'process_start_time_seconds');
  const memory = sumOf(metrics, 'process_resident_memory_bytes');
  const delay = sumOf(metrics, 'nodejs_eventloop_lag_p99_seconds');
  const [version = '–'] = valuesOf(metrics, 'facet_build_info', 'version');
  const [node = ''] = valuesOf(metrics, 'nodejs_version_info', 'version');
  return (
    <>
      <td>
        {version}
        <div className="muted small">Node {node.slice(1)}</div>
      </td>
      <td>{started === undefined ? '–' : <Time at={started * 1000} isRelative />}</td>
      <td className="numeric">{requestsPerSecond === undefined ? '–' : formatNumber(requestsPerSecond)}</td>
      <td className="numeric">{memory === undefined ? '–' : formatBytes(memory)}</td>
      <td className="numeric">{delay === undefined ? '–' : formatDuration(delay * 1000)}</td>
    </>
  );
}
