import { growthOf, parseMetrics } from '@facet/http/metrics-text';
import type { Metrics } from '@facet/http/metrics-text';
import { queryOptions } from '@tanstack/react-query';
import type { Upstreams } from '../../../src/schemas.ts';
import { fetchApi, servingQuery } from '../../api/fetch-api.ts';

const pollMs = 10_000;

export const upstreamsQuery = queryOptions({
  queryKey: ['upstreams'],
  queryFn: async ({ signal }) => (await (await fetchApi('/upstreams', { signal })).json()) as Upstreams,
  refetchInterval: pollMs,
});

/** The metrics of a process, and its requests per second since the reading before. */
export interface Reading {
  readonly at: number;
  readonly metrics: Metrics;
  readonly requestsPerSecond: number | undefined;
}

/** Reads the metrics of an API, or of the console. */
export const metricsQuery = (name: string) =>
  queryOptions({
    queryKey: ['metrics', name],
    queryFn: async ({ signal, client, queryKey }): Promise<Reading> => {
      const response = await fetchApi(name === 'console' ? '/metrics' : `/api/${name}/metrics`, { signal });
      const metrics = parseMetrics(await response.text());
      const at = Date.now();
      const before = client.getQueryData<Reading>(queryKey);
      return { at, metrics, requestsPerSecond: before && rateOf({ at, metrics }, before) };
    },
    refetchInterval: pollMs,
    structuralSharing: false,
  });

/** Returns undefined after a restart, which sets counters to 0. */
function rateOf(now: Omit<Reading, 'requestsPerSecond'>, before: Reading): number | undefined {
  const requests = growthOf(`${requestSeconds}_count`, { metrics: now.metrics, before: before.metrics });
  return requests < 0 ? undefined : (1000 * requests) / (now.at - before.at);
}

/** Reads latency, fallbacks and index recall of the last day. */
export const trendsQuery = queryOptions({
  ...servingQuery('/v1/trends', {}),
  refetchInterval: ({ state }) => Math.max(pollMs, 1000 * (state.data?.intervalSeconds ?? 0)),
});

export const requestSeconds = 'facet_http_request_duration_seconds';
