import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { isCheckpointDue } from './lake-events.ts';

export const repeatedWorks = ['checkpoint', 'compaction', 'erasure', 'rebuild'] as const;
export type Work = 'upload' | (typeof repeatedWorks)[number];

export interface WorkerOrder {
  readonly lake: string;
  /** The folder of the transaction log and the data files. */
  readonly table: string;
  /** Whether the process begins with an upload of the lake to S3. */
  readonly isOnS3: boolean;
  readonly logFolder: string;
  /** The work during which the process is killed. */
  readonly target: Work;
  readonly seed: number;
  /** How far the clock of the process is ahead, so that the log is pruned and replaced files are deleted. */
  readonly clockAheadMs: number;
}

/** What a process has acknowledged. */
export interface Acknowledged {
  /** The offset after the last acknowledged event. */
  committed: number;
  readonly erasureIds: Set<string>;
  /**
   * The most checkpoints that the process can have failed to write. Counts a checkpoint, too, that a concurrent commit was still
   * writing.
   */
  failedCheckpoints: number;
}

const worker = fileURLToPath(new URL('worker.js', import.meta.url));
const targetWithinMs = 180_000;

/**
 * Starts a process that works on a lake, and kills it `delayMs` after it has begun the target. Records what the process
 * acknowledges. Returns the works that the kill interrupted.
 *
 * @throws Error if the process exits before, or does not begin the target in time.
 */
export async function runAndKill(
  order: WorkerOrder,
  { delayMs, acknowledged }: { readonly delayMs: number; readonly acknowledged: Acknowledged },
): Promise<ReadonlySet<Work>> {
  const child = spawn(process.execPath, [worker, JSON.stringify(order)], { stdio: ['ignore', 'pipe', 'inherit'] });
  const interrupted = new Set<Work>();
  const lines = createInterface({ input: child.stdout });
  const ended = Promise.all([once(child, 'exit'), once(lines, 'close')]);
  const begun = new Promise<true>((resolve) => {
    lines.on('line', (line) => {
      const [step, value] = line.split(' ') as [string, string];
      if (step === 'begin') interrupted.add(value as Work);
      else if (step === 'end') interrupted.delete(value as Work);
      else if (step === 'failed') acknowledged.failedCheckpoints++;
      else if (step === 'committed') acknowledged.committed = Number(value);
      else acknowledged.erasureIds.add(value);
      if (step === 'begin' && value === order.target) resolve(true);
    });
  });
  const isBegun = await Promise.race([begun, ended, sleep(targetWithinMs, undefined, { ref: false })]);
  if (isBegun === true) await sleep(delayMs);
  child.kill('SIGKILL');
  const [[code, signal]] = await ended;
  if (signal !== 'SIGKILL') throw new Error(`The process that works on the lake exited with code ${String(code)}.`);
  if (isBegun !== true) throw new Error(`The ${order.target} did not begin in ${targetWithinMs / 1_000} s.`);
  // The step `checkpoint` does not prove that the kill interrupted it. The commits without a checkpoint do.
  interrupted.delete('checkpoint');
  if (await isCheckpointDue(order.table)) interrupted.add('checkpoint');
  return interrupted;
}
