import { readdir, readFile, readlink } from 'node:fs/promises';

/** Processor time and memory of a process. */
export interface ProcessUsage {
  readonly pid: number;
  /** User and system time since the start. */
  readonly cpuMs: number;
  readonly residentMb: number;
  /** Private memory and a proportional share of shared memory (PSS). */
  readonly proportionalMb: number;
}

/** `sysconf(_SC_CLK_TCK)`, 100 on every Linux that Node runs on. */
const ticksPerSecond = 100;

/** Returns the usage of a Node process and its descendants, without the compilers of a run from source. */
export async function treeUsage(rootPid: number): Promise<ProcessUsage[]> {
  return Promise.all((await treeOf(rootPid)).map(usageOf));
}

/** Returns user and system time of a Node process and its descendants, in milliseconds. */
export async function treeCpuMs(rootPid: number): Promise<number> {
  const times = await Promise.all((await treeOf(rootPid)).map(async (pid) => (await statOf(pid)).cpuMs));
  return times.reduce((sum, ms) => sum + ms, 0);
}

/** Returns user and system time of the event-loop thread, in milliseconds. */
export async function eventLoopCpuMs(pid: number): Promise<number> {
  return (await statOf(`${pid}/task/${pid}`)).cpuMs;
}

async function treeOf(rootPid: number): Promise<number[]> {
  const pids = (await readdir('/proc')).map(Number).filter((pid) => pid > 0);
  const parents = new Map<number, number>();
  for (const pid of pids) {
    const stat = await statOf(pid).catch(() => undefined);
    if (stat !== undefined) parents.set(pid, stat.parent);
  }
  const isInTree = (pid: number | undefined): boolean =>
    pid !== undefined && (pid === rootPid || isInTree(parents.get(pid)));
  const inTree = [...parents.keys()].filter(isInTree);
  const programs = await Promise.all(inTree.map(async (pid) => readlink(`/proc/${pid}/exe`).catch(() => '')));
  return inTree.filter((_, position) => programs[position] === programs[inTree.indexOf(rootPid)]);
}

/** @param task path of a process or thread below /proc */
async function statOf(task: number | string): Promise<{ readonly parent: number; readonly cpuMs: number }> {
  const text = await readFile(`/proc/${task}/stat`, 'utf8');
  // The name in parentheses may contain spaces and parentheses.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return { parent: Number(fields[1]), cpuMs: ((Number(fields[11]) + Number(fields[12])) * 1000) / ticksPerSecond };
}

async function usageOf(pid: number): Promise<ProcessUsage> {
  const { cpuMs } = await statOf(pid);
  const memory = await readFile(`/proc/${pid}/smaps_rollup`, 'utf8');
  const megabytes = (name: string): number =>
    Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(memory)?.[1]) / 1024;
  return { pid, cpuMs, residentMb: megabytes('Rss'), proportionalMb: megabytes('Pss') };
}
