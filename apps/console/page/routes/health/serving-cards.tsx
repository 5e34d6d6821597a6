import { bucketsOf, observationsOf, quantileOf, sumOf, labelValuesOf } from '@facet/http/metrics-text';
import type { Metrics } from '@facet/http/metrics-text';
import type { TrendsResponse } from '@facet/client/serving-api';
import { requestSpans } from '@facet/recommendations/spans';
import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useState } from 'react';
import type { ReactNode } from 'react';
import { gateQuery } from '../../api/queries.ts';
import { interestColor } from '../../parts/colors.ts';
import { DataTable, numeric } from '../../parts/data-table.tsx';
import { Select } from '../../parts/fields.tsx';
import { formatCount, formatDuration, formatNumber, formatShare, shortId, Time } from '../../parts/format.tsx';
import { LineChart } from '../../parts/line-chart.tsx';
import type { LineSeries } from '../../parts/line-chart.tsx';
import { Card, DocLink, Stat } from '../../parts/page.tsx';
import { Empty, QueryCard } from '../../parts/states.tsx';
import { requestSeconds, trendsQuery } from './readings.ts';

/** What serving serves, with its metrics since the start of the process. */
export function ServingCard({ metrics }: { readonly metrics: Metrics }) {
  const read = (name: string, wanted?: Record<string, string>): number => sumOf(metrics, name, wanted) ?? 0;
  const [bundle = '–'] = labelValuesOf(metrics, 'facet_serving_bundle_info', 'bundle');
  const dataEnd = read('facet_serving_bundle_data_end_seconds');
  const responses = read('facet_serving_responses_total', { kind: 'recommendations' });
  const popular = read('facet_serving_responses_total', { kind: 'recommendations', source: 'popular' });
  const wanted = read('facet_serving_index_recall_wanted_total');
  const hits = read('facet_serving_index_recall_hits_total');
  const failures = read('facet_serving_bundle_load_failures_total');
  const exposures = (outcome: string): string => formatCount(read('facet_serving_exposures_total', { outcome }));
  const dataUntil = (
    <>
      Data until <Time at={dataEnd * 1000} />
    </>
  );
  const noRecall = (
    <>
      No sample yet, or an exact index. <DocLink to="serving.md#live-index-recall">How recall is measured</DocLink>
    </>
  );
  const stats: readonly (readonly [name: string, value: ReactNode, note: ReactNode])[] = [
    ['Bundle', <span className="mono">{shortId(bundle)}</span>, dataUntil],
    ['Items', formatCount(read('facet_serving_bundle_items')), 'including added items of the delta'],
    [
      'Fallback share',
      responses === 0 ? '–' : formatShare(popular / responses),
      `${formatCount(popular)} of ${formatCount(responses)} recommendations are popular items`,
    ],
    [
      'Live index recall',
      wanted === 0 ? '–' : formatShare(hits / wanted),
      wanted === 0 ? noRecall : `of ${formatCount(wanted)} exact nearest items`,
    ],
    [
      'Rollbacks by guardrails',
      formatCount(read('facet_serving_rollbacks_total')),
      <Link to="/compare">Compare bundles</Link>,
    ],
    [
      'Bundle load failures',
      formatCount(failures),
      failures === 0 ? 'including deltas and arms' : 'The log of serving has the reasons',
    ],
    ['Overload rejections', formatCount(read('facet_http_turned_away_total')), 'requests, with 503 and Retry-After'],
    ['Dropped exposures', exposures('dropped'), `${exposures('written')} written`],
  ];
  return (
    <Card title="Serving" actions={<DocLink to="serving.md#metrics">How these are measured</DocLink>}>
      <div className="grid health-stats">
        {stats.map(([name, value, note]) => (
          <Stat key={name} name={name} value={value} note={note} />
        ))}
      </div>
    </Card>
  );
}

type Reading = TrendsResponse['readings'][number];
type Quantile = 'p50Ms' | 'p99Ms';

/** Latency, index recall and fallback share of serving over the last day. */
export function TrendsCard() {
  return (
    <QueryCard
      title="Over time"
      actions={<DocLink to="serving.md#trends">What is kept</DocLink>}
      query={useQuery(trendsQuery)}
      what="Loading the trends"
    >
      {({ readings, intervalSeconds }) =>
        readings.length < 2 ? (
          <Empty title="Collecting">
            Serving takes a reading every {formatDuration(1000 * intervalSeconds)}, and keeps those of a day.
          </Empty>
        ) : (
          <TrendCharts readings={readings} />
        )
      }
    </QueryCard>
  );
}

function TrendCharts({ readings }: Pick<TrendsResponse, 'readings'>) {
  const [quantile, setQuantile] = useState<Quantile>('p99Ms');
  const time = { kind: 'time', x: readings.map(({ at }) => at / 1000) } as const;
  const line = (name: string, color: string, read: (reading: Reading) => number | undefined): LineSeries => ({
    name,
    color,
    values: readings.map((reading) => read(reading) ?? null),
  });
  return (
    <div className="grid health-trends">
      <LineChart
        {...time}
        title="Duration of requests for recommendations"
        series={[
          line('p50', 'var(--series-1)', ({ p50Ms }) => p50Ms),
          line('p99', 'var(--series-3)', ({ p99Ms }) => p99Ms),
        ]}
        format={formatDuration}
      />
      <div className="health-stages">
        <Select
          className="input small"
          label="Quantile of the stages"
          value={quantile}
          options={[
            ['p50Ms', 'p50'],
            ['p99Ms', 'p99'],
          ]}
          onChange={setQuantile}
        />
        <LineChart
          {...time}
          title={`${quantile.slice(0, 3)} by stage`}
          series={requestSpans.map((name, index) =>
            line(
              name,
              interestColor(index),
              (reading) => reading.stages.find(({ stage }) => stage === name)?.[quantile],
            ),
          )}
          format={formatDuration}
        />
      </div>
      <LineChart
        {...time}
        title="Index recall and fallback share"
        yMax={1}
        series={[
          line('index recall', 'var(--series-2)', ({ indexRecall }) => indexRecall),
          line('fallback share', 'var(--series-5)', ({ fallbackShare }) => fallbackShare),
        ]}
        format={formatShare}
      />
    </div>
  );
}

const stageSeconds = 'facet_serving_stage_duration_seconds';

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
            { title: 'Route', cellClass: 'mono' },
            'Stage',
            numeric('Count'),
            numeric('p50'),
            numeric('p99'),
            { title: 'p50 and p99', className: 'latency-bar' },
          ]}
          rows={timings.map(({ route, stage, count, p50, p99 }) => ({
            key: `${route} ${stage}`,
            className: stage === undefined ? 'latency-request' : '',
            cells: [
              stage === undefined ? route : '',
              stage ?? 'whole request',
              formatCount(count),
              formatDuration(p50 * 1000),
              formatDuration(p99 * 1000),
              <div className="latency-p99" style={{ width: percent(p99 / longest) }} aria-hidden>
                <div className="latency-p50" style={{ width: percent(p50 / p99) }} />
              </div>,
            ],
          }))}
        />
      )}
    </Card>
  );
}

const percent = (share: number): string => `${100 * share}%`;

/** Hides the console's own requests. */
const isWork = (route: string): boolean => route.startsWith('/v1/');

function readTimings(metrics: Metrics) {
  return labelValuesOf(metrics, `${requestSeconds}_bucket`, 'route')
    .filter(isWork)
    .sort()
    .flatMap((route) => [
      ...timingOf(metrics, requestSeconds, { route }),
      ...requestSpans.flatMap((stage) => timingOf(metrics, stageSeconds, { route, stage })),
    ]);
}

/** Returns the quantiles of the whole request, or of a stage, in seconds. Returns none without requests. */
function timingOf(metrics: Metrics, name: string, wanted: { readonly route: string; readonly stage?: string }) {
  const buckets = bucketsOf(metrics, name, wanted);
  const [p50, p99] = [quantileOf(buckets, 0.5), quantileOf(buckets, 0.99)];
  return p50 === undefined || p99 === undefined ? [] : [{ ...wanted, count: observationsOf(buckets), p50, p99 }];
}

/** The checks of the gate that detect collapsed interests. */
const monitors: readonly string[] = ['interest cosine', 'effective interests'];

/** Whether the interests of the live bundle have collapsed, as the gate measured it. */
export function MonitorsCard({ metrics }: { readonly metrics: Metrics }) {
  const [bundleId = ''] = labelValuesOf(metrics, 'facet_serving_bundle_info', 'bundle');
  const query = useQuery({ ...gateQuery(bundleId), enabled: bundleId !== '' });
  if (bundleId === '') return null;
  return (
    <QueryCard
      title="Interests of the live bundle"
      actions={<DocLink to="promotion.md#the-gate">What the gate checks</DocLink>}
      query={query}
      what="Loading the verdict of the gate"
    >
      {({ report }) => {
        const checks = report?.checks.filter(({ name }) => monitors.includes(name)) ?? [];
        if (checks.length === 0) {
          return (
            <Empty title="The gate has not checked this bundle">
              Refreshes run the gate. You can run it on the page <Link to="/compare">Compare</Link>.
            </Empty>
          );
        }
        return (
          <div className="grid health-stats">
            {checks.map(({ name, value, passed, sentence }) => (
              <Stat
                key={name}
                name={
                  <span className="row">
                    {name} <span className={passed ? 'badge good' : 'badge bad'}>{passed ? 'passed' : 'failed'}</span>
                  </span>
                }
                value={formatNumber(value)}
                note={sentence}
              />
            ))}
          </div>
        );
      }}
    </QueryCard>
  );
}
