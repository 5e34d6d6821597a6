import { readFileSync } from 'node:fs';

/** Returns the processor time of all threads of this process so far, in milliseconds. */
export function cpuTimeMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1_000;
}

/**
 * Returns memory of a process in MB: the peak (VmHWM), the resident memory (VmRSS), or the resident memory without mapped
 * files (RssAnon).
 */
export function memoryMb(field: 'VmHWM' | 'VmRSS' | 'RssAnon', pid: number | 'self' = 'self'): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  return (Number(new RegExp(`^${field}:\\s+(\\d+)`, 'm').exec(status)?.[1]) * 1_024) / 1e6;
}

/** Returns the median, or NaN without values. */
export function median(values: Iterable<number>): number {
  const sorted = Float64Array.from(values).sort();
  return (sorted[(sorted.length - 1) >> 1]! + sorted[sorted.length >> 1]!) / 2;
}
