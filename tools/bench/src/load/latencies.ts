/** Latencies of requests in milliseconds. */
export interface Latencies {
  readonly count: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly p999Ms: number;
  readonly maxMs: number;
}

/** Returns nearest-rank percentiles, or NaN without requests. */
export function describeLatencies(latenciesMs: Float64Array): Latencies {
  const sorted = Float64Array.from(latenciesMs).sort();
  const at = (share: number): number => sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? Number.NaN;
  return { count: sorted.length, p50Ms: at(0.5), p99Ms: at(0.99), p999Ms: at(0.999), maxMs: at(1) };
}

/** Number of responses by status other than 200. Status 0 is a broken connection. */
export type Failures = Readonly<Record<number, number>>;

/** @param statuses the statuses of the responses of each load */
export function countFailures(...statuses: readonly Uint16Array[]): Failures {
  const failures: Record<number, number> = {};
  for (const ofLoad of statuses) {
    for (const status of ofLoad) if (status !== 200) failures[status] = (failures[status] ?? 0) + 1;
  }
  return failures;
}

export function hasFailures(failures: Failures): boolean {
  return Object.keys(failures).length > 0;
}

/** Returns `none`, or text such as `3 of status 503, 1 of status 0`. */
export function renderFailures(failures: Failures): string {
  const counts = Object.entries(failures).map(([status, count]) => `${count} of status ${status}`);
  return counts.join(', ') || 'none';
}
