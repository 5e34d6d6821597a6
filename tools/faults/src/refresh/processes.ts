import { readdir, readFile } from 'node:fs/promises';

export interface StageProcess {
  readonly pid: number;
  /** The worker that started it, which may have ended. */
  readonly worker: number;
}

/** How the command line of a stage's process ends: its file, and the process id of its worker. */
const commandPattern = /\/child-process\/stage\.[jt]s\0(\d+)\0$/;

/** The processes that work on stages of some workers, also of those that have ended. */
export async function stageProcesses(workers: readonly number[]): Promise<StageProcess[]> {
  const found: StageProcess[] = [];
  for (const name of await readdir('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    // One that has ended, and nobody has asked how, has none.
    const command = await readFile(`/proc/${name}/cmdline`, 'utf8').catch(() => '');
    const worker = Number(commandPattern.exec(command)?.[1]);
    if (workers.includes(worker)) found.push({ pid: Number(name), worker });
  }
  return found;
}
