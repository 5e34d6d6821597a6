import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';

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

/** Returns memory of this process in MB: the peak (VmHWM), or the resident memory without mapped files (RssAnon). */
export function memoryMb(field: 'VmHWM' | 'RssAnon'): number {
  const status = readFileSync('/proc/self/status', 'utf8');
  return (Number(new RegExp(`^${field}:\\s+(\\d+)`, 'm').exec(status)?.[1]) * 1_024) / 1e6;
}

/** Resident memory of a process. */
export type ProcessMemory = ReturnType<typeof processMemory>;

function processMemory(pid: number) {
  const rollup = readFileSync(`/proc/${pid}/smaps_rollup`, 'latin1');
  const of = (name: string): number =>
    (Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(rollup)?.[1]) * 1_024) / 1e6;
  // In the second one, shared pages count in proportion to the number of their processes.
  return { residentMb: of('Rss'), proportionalMb: of('Pss') };
}

/** `sysconf(_SC_CLK_TCK)`, 100 on every Linux that Node runs on. */
const ticksPerSecond = 100;

/** Returns the memory of a process and its descendants. */
export async function treeMemory(rootPid: number): Promise<ProcessMemory[]> {
  return (await treeOf(rootPid)).map(processMemory);
}

/** Returns user and system time of a process and its descendants, in milliseconds. */
export async function treeCpuMs(rootPid: number): Promise<number> {
  const times = await Promise.all((await treeOf(rootPid)).map(cpuMsOf));
  return times.reduce((sum, ms) => sum + ms, 0);
}

/** Returns user and system time of the event-loop thread, in milliseconds. */
export const eventLoopCpuMs = (pid: number): Promise<number> => cpuMsOf(`${pid}/task/${pid}`);

async function treeOf(rootPid: number): Promise<number[]> {
  const children = await readFile(`/proc/${rootPid}/task/${rootPid}/children`, 'utf8').catch(() => '');
  const trees = await Promise.all(children.split(' ').filter(Boolean).map(Number).map(treeOf));
  return [rootPid, ...trees.flat()];
}

/** @param task path of a process or thread below /proc */
async function cpuMsOf(task: number | string): Promise<number> {
  const text = await readFile(`/proc/${task}/stat`, 'utf8');
  // The name in parentheses may contain spaces and parentheses.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return ((Number(fields[11]) + Number(fields[12])) * 1_000) / ticksPerSecond;
}

/** Returns the median, or NaN without values. */
export function median(values: Iterable<number>): number {
  const sorted = Float64Array.from(values).sort();
  return (sorted[(sorted.length - 1) >> 1]! + sorted[sorted.length >> 1]!) / 2;
}

export type Latencies = ReturnType<typeof describeLatencies>;

/** Returns nearest-rank percentiles, or NaN without requests. */
export function describeLatencies(latenciesMs: Float64Array) {
  const sorted = Float64Array.from(latenciesMs).sort();
  const at = (share: number): number => sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? Number.NaN;
  return { count: sorted.length, p50Ms: at(0.5), p99Ms: at(0.99), p999Ms: at(0.999), maxMs: at(1) };
}

/** Returns the number of responses by status other than 200. Status 0 is a broken connection. */
export function countFailures(loads: readonly { readonly statuses: Uint16Array }[]): Record<string, number> {
  const failures: Record<string, number> = {};
  for (const { statuses } of loads) {
    for (const status of statuses) if (status !== 200) failures[status] = (failures[status] ?? 0) + 1;
  }
  return failures;
}
