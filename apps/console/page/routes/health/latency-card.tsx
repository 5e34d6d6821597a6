import { bucketsOf, countOf, quantileOf, valuesOf } from '@facet/http/metrics-text';
import type { Metrics } from '@facet/http/metrics-text';
import { DataTable, numeric } from '../../parts/data-table.tsx';
import { formatCount, formatDuration } from '../../parts/format.ts';
import { Card, DocLink } from '../../parts/page.tsx';
import { Empty } from '../../parts/states.tsx';
import { requestSeconds, stages } from './readings.ts';

const stageSeconds = 'facet_serving_stage_duration_seconds';

interface Timing {
  readonly route: string;
  /** Undefined for the whole request. */
  readonly stage?: string;
  readonly count: number;
  readonly p50: number;
  readonly p99: number;
}

/** Durations of requests and their stages since the process started. */
export function LatencyCard({ metrics }: { readonly metrics: Metrics }) {
  const timings = readTimings(metrics);
  const longest = Math.max(...timings.map(({ p99 }) => p99));
  return (
    <Card
      title="Latency of serving, by stage"
      actions={<DocLink to="serving.md#request-timing">What the stages are</DocLink>}
    >
      {timings.length === 0 ? (
        <Empty title="No request yet">Open a user in Explore. Each request appears here.</Empty>
      ) : (
        <DataTable
          label="Latency"
          columns={[
            'Route',
            'Stage',
            numeric('Count'),
            numeric('p50'),
            numeric('p99'),
            { title: 'p50 and p99', className: 'latency-bar' },
          ]}
        >
          {timings.map((timing) => (
            <TimingRow key={`${timing.route} ${timing.stage}`} {...timing} longest={longest} />
          ))}
        </DataTable>
      )}
    </Card>
  );
}

function TimingRow({ route, stage, count, p50, p99, longest }: Timing & { readonly longest: number }) {
  const width = (seconds: number): string => `${(seconds / longest) * 100}%`;
  return (
    <tr className={stage === undefined ? 'latency-request' : ''}>
      <td className="mono">{stage === undefined ? route : ''}</td>
      <td>{stage ?? 'whole request'}</td>
      <td className="numeric">{formatCount(count)}</td>
      <td className="numeric">{formatDuration(p50 * 1000)}</td>
      <td className="numeric">{formatDuration(p99 * 1000)}</td>
      <td className="latency-bar" aria-hidden>
        <div className="latency-p99" style={{ width: width(p99) }}>
          <div className="latency-p50" style={{ width: `${(p50 / p99) * 100}%` }} />
        </div>
      </td>
    </tr>
  );
}

/** Hides the console's own requests. */
const isWork = (route: string): boolean => route.startsWith('/v1/');

function readTimings(metrics: Metrics): Timing[] {
  return valuesOf(metrics, `${requestSeconds}_bucket`, 'route')
    .filter(isWork)
    .sort()
    .flatMap((route) => [
      ...timingOf(metrics, requestSeconds, { route }),
      ...stages.flatMap((stage) => timingOf(metrics, stageSeconds, { route, stage })),
    ]);
}

function timingOf(
  metrics: Metrics,
  name: string,
  wanted: { readonly route: string; readonly stage?: string },
): Timing[] {
  const buckets = bucketsOf(metrics, name, wanted);
  const [p50, p99] = [quantileOf(buckets, 0.5), quantileOf(buckets, 0.99)];
  return p50 === undefined || p99 === undefined ? [] : [{ ...wanted, count: countOf(buckets), p50, p99 }];
}
