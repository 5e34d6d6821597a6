import { readFileSync } from 'node:fs';

/** Returns the processor time of all threads of this process so far, in milliseconds. */
export function cpuTimeMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1_000;
}

/** Times of a piece of work. */
export interface Effort {
  readonly seconds: number;
  /** Processor time of all threads. More reliable than `seconds` on a busy machine. */
  readonly cpuSeconds: number;
}

/** Runs `work`. Returns its result and its times. */
export async function timed<Result>(
  work: () => Result | Promise<Result>,
): Promise<Effort & { readonly result: Result }> {
  const cpuBefore = cpuTimeMs();
  const startedAt = performance.now();
  const result = await work();
  const seconds = (performance.now() - startedAt) / 1_000;
  return { result, seconds, cpuSeconds: (cpuTimeMs() - cpuBefore) / 1_000 };
}

/**
 * Returns memory of a process in MB: the peak (VmHWM), the resident memory (VmRSS), or the resident memory without mapped
 * files (RssAnon).
 */
export function memoryMb(field: 'VmHWM' | 'VmRSS' | 'RssAnon', pid: number | 'self' = 'self'): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  return (Number(new RegExp(`^${field}:\\s+(\\d+)`, 'm').exec(status)?.[1]) * 1_024) / 1e6;
}

/** Resident memory of a process in MB. */
export interface ProcessMemory {
  readonly residentMb: number;
  /** Shared pages count in proportion to the number of their processes (PSS). */
  readonly proportionalMb: number;
}

/** Returns the resident memory of a process. */
export function processMemory(pid: number | 'self' = 'self'): ProcessMemory {
  const rollup = readFileSync(`/proc/${pid}/smaps_rollup`, 'latin1');
  const of = (name: string): number =>
    (Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(rollup)?.[1]) * 1_024) / 1e6;
  return { residentMb: of('Rss'), proportionalMb: of('Pss') };
}

/** Returns the median, or NaN without values. */
export function median(values: Iterable<number>): number {
  const sorted = Float64Array.from(values).sort();
  return (sorted[(sorted.length - 1) >> 1]! + sorted[sorted.length >> 1]!) / 2;
}

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

/** Returns text such as ` (at most 5 ms: met)`. */
export function verdict(target: string, isMet: boolean): string {
  return `   (${target}: ${isMet ? 'met' : 'MISSED'})`;
}

export function ms(value: number): string {
  return `${value.toFixed(2)} ms`;
}
