import { formatDuration, formatShare } from '../../parts/format.ts';
import { LineChart } from '../../parts/line-chart.tsx';
import { Card } from '../../parts/page.tsx';
import { Empty } from '../../parts/states.tsx';
import { sumOf } from './metrics.ts';
import { growthOf, latencyBetween, overTime } from './readings.ts';
import type { Reading } from './readings.ts';

const readingsMin = 3;

/** Latency, recall and fallback share since this page was opened. */
export function TrendsCard({ readings }: { readonly readings: readonly Reading[] }) {
  return (
    <Card title="Since you opened this page">
      {readings.length < readingsMin ? (
        <Empty title="Collecting">A reading every 10 seconds, kept for half an hour while this page is open.</Empty>
      ) : (
        <div className="grid">
          <Latency readings={readings} />
          <Shares readings={readings} />
        </div>
      )}
    </Card>
  );
}

function Latency({ readings }: { readonly readings: readonly Reading[] }) {
  const p50 = overTime(readings, latencyBetween(0.5));
  const p99 = overTime(readings, latencyBetween(0.99));
  return (
    <LineChart
      title="Duration of requests for recommendations"
      kind="time"
      x={p50.x}
      series={[
        { name: 'p50', color: 'var(--series-1)', values: p50.y },
        { name: 'p99', color: 'var(--series-3)', values: p99.y },
      ]}
      format={(seconds) => formatDuration(seconds * 1000)}
    />
  );
}

function Shares({ readings }: { readonly readings: readonly Reading[] }) {
  const recall = overTime(readings, (metrics) => sumOf(metrics, 'facet_serving_index_recall'));
  const fallback = overTime(readings, (metrics, before) => {
    const of = (wanted: Record<string, string>): number =>
      growthOf('facet_serving_responses_total', { kind: 'recommendations', ...wanted })(metrics, before);
    const all = of({});
    return all === 0 ? undefined : of({ source: 'popular' }) / all;
  });
  return (
    <LineChart
      title="Index recall and fallback share"
      kind="time"
      x={recall.x}
      yMax={1}
      series={[
        { name: 'index recall', color: 'var(--series-2)', values: recall.y },
        { name: 'fallback share', color: 'var(--series-5)', values: fallback.y },
      ]}
      format={formatShare}
    />
  );
}
