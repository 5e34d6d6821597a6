import { useQuery } from '@tanstack/react-query';
import { fetchApi } from '../../api/fetch-api.ts';
import { Time } from '../../parts/format.tsx';
import { Card, DocLink } from '../../parts/page.tsx';
import { Empty, QueryView } from '../../parts/states.tsx';

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
export function AlertsCard({ isConfigured }: { readonly isConfigured: boolean }) {
  return (
    <Card title="Alerts" actions={<DocLink to="operations.md#watch">The rules</DocLink>}>
      {isConfigured ? (
        <Alerts />
      ) : (
        <Empty title="No Prometheus">
          Set <code>FACET_PROMETHEUS_URL</code> of the console to the address of a Prometheus with the rules of{' '}
          <code>infra/alerts</code>.
        </Empty>
      )}
    </Card>
  );
}

function Alerts() {
  const query = { queryKey: ['alerts'], queryFn: readAlerts, refetchInterval: pollMs };
  return (
    <QueryView query={useQuery(query)} what="Loading alerts">
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
