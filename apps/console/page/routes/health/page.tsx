import { sumOf, labelValuesOf } from '@facet/http/metrics-text';
import { useQueries, useQuery } from '@tanstack/react-query';
import type { UseQueryResult } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import type { Upstreams } from '../../../src/schemas.ts';
import { fetchApi } from '../../api/fetch-api.ts';
import { DataTable, numeric } from '../../parts/data-table.tsx';
import { formatBytes, formatDuration, formatNumber, Time } from '../../parts/format.tsx';
import { Card, DocLink, Page } from '../../parts/page.tsx';
import { Empty, QueryView } from '../../parts/states.tsx';
import './health.css';
import { metricsQuery, upstreamsQuery } from './readings.ts';
import type { Reading } from './readings.ts';
import { LatencyCard, MonitorsCard, ServingCard, TrendsCard } from './serving-cards.tsx';

export function Content() {
  return (
    <Page name="health">
      <QueryView query={useQuery(upstreamsQuery)} what="Loading the processes">
        {(data) => <Health {...data} />}
      </QueryView>
    </Page>
  );
}

function Health({ upstreams, hasPrometheus }: Upstreams) {
  const names = ['console', ...upstreams.flatMap(({ name, state }) => (state === 'ready' ? [name] : []))];
  const queries = useQueries({ queries: names.map((name) => metricsQuery(name)) });
  const queryOf = (name: string) => queries[names.indexOf(name)];
  const serving = queryOf('serving');
  return (
    <>
      <Card title="Processes">
        <ProcessTable upstreams={upstreams} queryOf={queryOf} />
      </Card>
      {serving === undefined ? null : (
        <QueryView query={serving} what="Loading the metrics of serving">
          {({ metrics }) => (
            <>
              <ServingCard metrics={metrics} />
              <TrendsCard />
              <LatencyCard metrics={metrics} />
              <MonitorsCard metrics={metrics} />
            </>
          )}
        </QueryView>
      )}
      <AlertsCard isConfigured={hasPrometheus} />
    </>
  );
}

interface ProcessTableProps extends Pick<Upstreams, 'upstreams'> {
  readonly queryOf: (name: string) => UseQueryResult<Reading, Error> | undefined;
}

/** One row for each process: whether it responds, its version, its load. */
function ProcessTable({ upstreams, queryOf }: ProcessTableProps) {
  const rows: Upstreams['upstreams'] = [...upstreams, { name: 'console', url: location.origin, state: 'ready' }];
  return (
    <DataTable
      label="Processes"
      columns={[
        { title: 'Process', isRowHeader: true },
        'State',
        'Version',
        'Started',
        numeric('Requests/s'),
        numeric('Memory'),
        numeric('Event loop delay, p99'),
      ]}
      rows={rows.map(({ name, url, state, problem }) => {
        const { data, error } = queryOf(name) ?? {};
        return {
          key: name,
          cells: [
            <>
              {name}
              <div className="muted small process-url">{url}</div>
            </>,
            <>
              <span className={states[state].className}>{states[state].text}</span>
              <div className="muted small">{problem ?? error?.message}</div>
            </>,
            ...(data === undefined
              ? [state === 'unreachable' && 'Not started, or at another address.']
              : figures(data)),
          ],
        };
      })}
    />
  );
}

const states = {
  ready: { className: 'badge good', text: 'Ready' },
  'not-ready': { className: 'badge warning', text: 'Not ready' },
  unreachable: { className: 'badge', text: 'Not running' },
} as const;

function figures({ metrics, requestsPerSecond }: Reading): ReactNode[] {
  const write = (value: number | undefined, format: (value: number) => ReactNode): ReactNode =>
    value === undefined ? '–' : format(value);
  const [version = '–'] = labelValuesOf(metrics, 'facet_build_info', 'version');
  const [node = ''] = labelValuesOf(metrics, 'nodejs_version_info', 'version');
  return [
    <>
      {version}
      <div className="muted small">Node {node.slice(1)}</div>
    </>,
    write(sumOf(metrics, 'process_start_time_seconds'), (seconds) => <Time at={seconds * 1000} isRelative />),
    write(requestsPerSecond, formatNumber),
    write(sumOf(metrics, 'process_resident_memory_bytes'), formatBytes),
    write(sumOf(metrics, 'nodejs_eventloop_lag_p99_seconds'), (seconds) => formatDuration(seconds * 1000)),
  ];
}

interface Alert {
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  readonly state: 'firing' | 'pending';
  readonly activeAt: string;
}

const pollMs = 15_000;

async function readAlerts({ signal }: { readonly signal: AbortSignal }): Promise<readonly Alert[]> {
  const response = await fetchApi('/api/prometheus/api/v1/alerts', { signal });
  return ((await response.json()) as { readonly data: { readonly alerts: readonly Alert[] } }).data.alerts;
}

/** The alerts of Prometheus. */
function AlertsCard({ isConfigured }: { readonly isConfigured: boolean }) {
  const options = { queryKey: ['alerts'], queryFn: readAlerts, refetchInterval: pollMs, enabled: isConfigured };
  const query = useQuery(options);
  return (
    <Card title="Alerts" actions={<DocLink to="operations.md#watch">The rules</DocLink>}>
      {isConfigured ? (
        <QueryView query={query} what="Loading alerts">
          {(alerts) =>
            alerts.length === 0 ? (
              <Empty title="No alert is firing" />
            ) : (
              <ul className="stack">
                {alerts.map((alert) => (
                  <AlertLine key={JSON.stringify(alert.labels)} {...alert} />
                ))}
              </ul>
            )
          }
        </QueryView>
      ) : (
        <Empty title="No Prometheus">
          Set <code>FACET_PROMETHEUS_URL</code> of the console to the address of a Prometheus with the rules of{' '}
          <code>infra/alerts</code>.
        </Empty>
      )}
    </Card>
  );
}

function AlertLine({ labels, annotations, state, activeAt }: Alert) {
  // The rules of Facet name pages of this folder.
  const [, runbook] = annotations['runbook']?.split(/^docs\//) ?? [];
  return (
    <li>
      <p className="row">
        <span className={state === 'firing' ? 'badge bad' : 'badge warning'}>{state}</span>
        <strong>{labels['alertname']}</strong>
        <span className="muted small">
          since <Time at={activeAt} isRelative />
        </span>
      </p>
      <p>{annotations['summary']}</p>
      <p className="muted small">
        {annotations['description']} {runbook !== undefined && <DocLink to={runbook}>Runbook</DocLink>}
      </p>
    </li>
  );
}
