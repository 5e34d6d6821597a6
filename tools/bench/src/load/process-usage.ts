import { readFile } from 'node:fs/promises';
import { processMemory } from '../figures.ts';
import type { ProcessMemory } from '../figures.ts';

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
export async function eventLoopCpuMs(pid: number): Promise<number> {
  return cpuMsOf(`${pid}/task/${pid}`);
}

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
