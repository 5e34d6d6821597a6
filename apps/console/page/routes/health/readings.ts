import { queryOptions } from '@tanstack/react-query';
import type { ApiName } from '../../api/api-error.ts';
import { fetchApi } from '../../api/fetch-api.ts';
import { bucketsOf, parseMetrics, quantileOf, sumOf } from './metrics.ts';
import type { Metrics } from './metrics.ts';

/** A process behind the console, or the console. */
export type ProcessName = ApiName | 'console';

export interface Upstream {
  readonly name: ApiName;
  readonly url: string;
  readonly state: 'ready' | 'not-ready' | 'unreachable';
  readonly problem?: string;
}

export interface Upstreams {
  readonly upstreams: readonly Upstream[];
  readonly hasPrometheus: boolean;
}

const pollMs = 10_000;
/** Half an hour. */
const readingsMax = 180;

export const upstreamsQuery = queryOptions({
  queryKey: ['upstreams'],
  queryFn: async ({ signal }) => (await (await fetchApi('/upstreams', { signal })).json()) as Upstreams,
  refetchInterval: pollMs,
});

/** The metrics of a process at a time. */
export interface Reading {
  readonly at: number;
  readonly metrics: Metrics;
}

/** Readings of this visit, oldest first. A new array for each reading. */
const readings = new Map<ProcessName, readonly Reading[]>();

/** Reads the metrics of a process, and returns the readings of this visit. */
export const metricsQuery = (name: ProcessName) =>
  queryOptions({
    queryKey: ['metrics', name],
    queryFn: async ({ signal }) => {
      const response = await fetchApi(name === 'console' ? '/metrics' : `/api/${name}/metrics`, { signal });
      const reading = { at: Date.now(), metrics: parseMetrics(await response.text()) };
      const before = readings.get(name) ?? [];
      // Counters start again after a restart.
      const isSameProcess = startOf(before.at(-1)?.metrics) === startOf(reading.metrics);
      const all = [...(isSameProcess ? before : []), reading].slice(-readingsMax);
      readings.set(name, all);
      return all;
    },
    refetchInterval: pollMs,
    structuralSharing: false,
  });

function startOf(metrics: Metrics | undefined): number | undefined {
  return metrics === undefined ? undefined : sumOf(metrics, 'process_start_time_seconds');
}

/** Returns a value for each reading that can be compared with the one before it. */
export function overTime(
  all: readonly Reading[],
  value: (metrics: Metrics, before: Metrics, seconds: number) => number | undefined,
): { readonly x: number[]; readonly y: (number | null)[] } {
  const pairs = all.slice(1).map((reading, index) => [all[index]!, reading] as const);
  return {
    x: pairs.map(([, { at }]) => at / 1000),
    y: pairs.map(([before, { at, metrics }]) => value(metrics, before.metrics, (at - before.at) / 1000) ?? null),
  };
}

export const requestSeconds = 'facet_http_request_duration_seconds';

/** Returns a quantile of the duration of requests to `/v1/recommendations` between two readings, in seconds. */
export const latencyBetween = (quantile: number) => (metrics: Metrics, before: Metrics) =>
  quantileOf(bucketsOf(metrics, requestSeconds, { route: '/v1/recommendations' }, before), quantile);

/** Returns how much a counter grew between two readings. */
export function growthOf(name: string, wanted: Readonly<Record<string, string>> = {}) {
  return (metrics: Metrics, before: Metrics): number =>
    (sumOf(metrics, name, wanted) ?? 0) - (sumOf(before, name, wanted) ?? 0);
}
