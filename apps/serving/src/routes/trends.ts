import { describeRoutes } from '@facet/http';
import type { HttpApp } from '@facet/http';
import { bucketsOf, observationsOf, growthOf, parseMetrics, quantileOf, labelValuesOf } from '@facet/http/metrics-text';
import type { Buckets, Metrics } from '@facet/http/metrics-text';
import { describeError, epochMs, repeat } from '@facet/platform';
import { Type } from 'typebox';
import type { Static } from 'typebox';

/** A day of readings every minute. */
const readingsMax = 1_440;
const route = '/v1/recommendations';
const stageSeconds = 'facet_serving_stage_duration_seconds';

const milliseconds = (of: string) => Type.Optional(Type.Number({ description: `Milliseconds; ${of}.` }));
const latency = {
  p50Ms: milliseconds('half of the durations are lower'),
  p99Ms: milliseconds('99 % of the durations are lower'),
};

const Reading = Type.Object({
  at: epochMs('Epoch milliseconds: the end of the interval.'),
  requests: Type.Integer({ description: 'Requests to /v1/recommendations, including refused requests.' }),
  ...latency,
  stages: Type.Array(Type.Object({ stage: Type.String(), ...latency })),
  fallbackShare: Type.Optional(Type.Number({ description: 'Share of the lists that are popular items.' })),
  indexRecall: Type.Optional(
    Type.Number({ description: 'Share of the exact nearest items that the sampled searches found.' }),
  ),
});
type Reading = Static<typeof Reading>;

const TrendsResponse = Type.Object(
  {
    intervalSeconds: Type.Number({ description: 'The time between two readings.' }),
    readings: Type.Array(Reading, { description: 'Oldest first: up to 1,440, of all processes on the port.' }),
  },
  {
    title: 'TrendsResponse',
    description:
      'Latency, fallbacks and index recall over time. A reading has no value for what did not happen in its interval.',
    examples: [
      {
        intervalSeconds: 60,
        readings: [
          {
            at: 1_767_225_600_000,
            requests: 512,
            p50Ms: 3.1,
            p99Ms: 8.4,
            stages: [{ stage: 'search', p50Ms: 1.2, p99Ms: 4.1 }],
            fallbackShare: 0.02,
            indexRecall: 0.983,
          },
        ],
      },
    ],
  },
);

interface TrendsOptions {
  /** Returns the metrics of all processes, as text. */
  readonly readMetrics: () => Promise<string>;
  readonly intervalMs: number;
}

/** Adds `GET /v1/trends`, and reads the metrics at intervals from now on. */
export function addTrends(app: HttpApp, { readMetrics, intervalMs }: TrendsOptions): void {
  const { now, logger } = app.serving;
  const readings: Reading[] = [];
  let before: Metrics | undefined;
  const sample = async (): Promise<void> => {
    const metrics = parseMetrics(await readMetrics());
    if (before !== undefined) readings.push(readInterval(now(), metrics, before));
    before = metrics;
    if (readings.length > readingsMax) readings.shift();
  };
  const stop = repeat(intervalMs, sample, (error) =>
    logger.warn({ problem: describeError(error) }, 'cannot read the metrics for trends'),
  );
  app.addHook('onClose', stop);
  app.get(
    '/v1/trends',
    describeRoutes({ scope: 'admin', tag: 'operations' })({
      operationId: 'readTrends',
      summary: 'Read latency, fallbacks and index recall of the last day',
      description: 'The readings are in memory since the start of the process. Use Prometheus to keep them for longer.',
      response: TrendsResponse,
    }),
    () => ({ intervalSeconds: intervalMs / 1000, readings }),
  );
}

/** Reduces the metrics of an interval to its reading. */
function readInterval(at: number, metrics: Metrics, before: Metrics): Reading {
  const durations = bucketsOf(metrics, 'facet_http_request_duration_seconds', { route }, before);
  const lists = (wanted: object): number =>
    growthOf('facet_serving_responses_total', { metrics, before, wanted: { kind: 'recommendations', ...wanted } });
  const recallItems = (of: 'hits' | 'wanted'): number =>
    growthOf(`facet_serving_index_recall_${of}_total`, { metrics, before });
  return {
    at,
    requests: observationsOf(durations),
    ...latencyOf(durations),
    stages: labelValuesOf(metrics, `${stageSeconds}_bucket`, 'stage').flatMap((stage) => {
      const spans = bucketsOf(metrics, stageSeconds, { route, stage }, before);
      return observationsOf(spans) > 0 ? [{ stage, ...latencyOf(spans) }] : [];
    }),
    ...(lists({}) > 0 ? { fallbackShare: lists({ source: 'popular' }) / lists({}) } : {}),
    ...(recallItems('wanted') > 0 ? { indexRecall: recallItems('hits') / recallItems('wanted') } : {}),
  };
}

function latencyOf(buckets: Buckets): Pick<Reading, 'p50Ms' | 'p99Ms'> {
  const [p50, p99] = [quantileOf(buckets, 0.5), quantileOf(buckets, 0.99)];
  return p50 === undefined || p99 === undefined ? {} : { p50Ms: p50 * 1000, p99Ms: p99 * 1000 };
}
