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
