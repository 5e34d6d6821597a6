import { valuesOf } from '@facet/http/metrics-text';
import type { Metrics } from '@facet/http/metrics-text';
import { useQueries, useQuery } from '@tanstack/react-query';
import { Card, Page } from '../../parts/page.tsx';
import { QueryView } from '../../parts/states.tsx';
import { AlertsCard } from './alerts-card.tsx';
import { LatencyCard } from './latency-card.tsx';
import { ProcessTable } from './process-table.tsx';
import { MonitorsCard } from './monitors-card.tsx';
import { metricsQuery, upstreamsQuery } from './readings.ts';
import type { ProcessName, Upstreams } from './readings.ts';
import { ServingCard } from './serving-card.tsx';
import { TrendsCard } from './trends-card.tsx';
import './health.css';

export function Content() {
  const query = useQuery(upstreamsQuery);
  return (
    <Page name="health">
      <QueryView query={query} what="Loading the processes">
        {(data) => <Health {...data} />}
      </QueryView>
    </Page>
  );
}

function Health({ upstreams, hasPrometheus }: Upstreams) {
  const names: ProcessName[] = [
    'console',
    ...upstreams.flatMap(({ name, state }) => (state === 'ready' ? [name] : [])),
  ];
  const queries = useQueries({ queries: names.map((name) => metricsQuery(name)) });
  const queryOf = (name: ProcessName) => queries[names.indexOf(name)];
  const serving = queryOf('serving');
  return (
    <>
      <Card title="Processes">
        <ProcessTable upstreams={upstreams} queryOf={queryOf} />
      </Card>
      {serving === undefined ? null : (
        <QueryView query={serving} api="serving" what="Loading the metrics of serving">
          {({ metrics }) => (
            <>
              <ServingCard metrics={metrics} />
              <TrendsCard />
              <LatencyCard metrics={metrics} />
              <LiveMonitors metrics={metrics} />
            </>
          )}
        </QueryView>
      )}
      <AlertsCard isConfigured={hasPrometheus} />
    </>
  );
}

function LiveMonitors({ metrics }: { readonly metrics: Metrics }) {
  const [bundleId] = valuesOf(metrics, 'facet_serving_bundle_info', 'bundle');
  return bundleId === undefined ? null : <MonitorsCard bundleId={bundleId} />;
}
