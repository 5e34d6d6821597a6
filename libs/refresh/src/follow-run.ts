import { setTimeout as sleep } from 'node:timers/promises';
import { hasEnded, refreshStages } from '@facet/runs';
import type { RefreshStage, RunReport, RunStore, StageProgress } from '@facet/runs';
import { Queue, QueueEvents } from 'bullmq';
import { callQueue, connectClient, connectWorker, prefixOf } from './queue/connection.ts';
import type { QueueOptions } from './queue/connection.ts';
import { belongsTo, jobIdOf, workerOf, workers } from './queue/flow.ts';
import type { StageJobData } from './queue/flow.ts';

/** A changed record of a run, or the progress of its current stage. */
export type RunNews =
  | { readonly type: 'report'; readonly report: RunReport }
  | { readonly type: 'progress'; readonly stage: RefreshStage; readonly progress: StageProgress };

const pollEveryMs = 500;

/** Yields the record of a run and the last progress of its stage, then every change until the run has ended. */
export async function* followRun(
  runs: RunStore,
  runId: string,
  { signal, ...options }: QueueOptions & { readonly signal: AbortSignal },
): AsyncGenerator<RunNews> {
  const news: RunNews[] = [];
  const connections = workers.map(() => connectWorker(options));
  const listeners = workers.map((name, position) => {
    const connection = connections[position]!;
    const events = new QueueEvents(name, { connection, prefix: prefixOf(options) });
    events.on('error', () => undefined);
    events.on('progress', ({ jobId, data }) => {
      const stage = refreshStages.find((one) => jobId === jobIdOf(runId, one));
      if (stage !== undefined) news.push({ type: 'progress', stage, progress: data as unknown as StageProgress });
    });
    return events;
  });
  try {
    let reported = '';
    for (;;) {
      const report = await runs.read(runId);
      const state = JSON.stringify(report);
      yield* news.splice(0);
      if (state !== reported) yield { type: 'report', report };
      if (reported === '') yield* await lastProgress(report, options);
      reported = state;
      if (hasEnded(report) || signal.aborted) return;
      await sleep(pollEveryMs, undefined, { signal }).catch(() => undefined);
    }
  } finally {
    await Promise.all(listeners.map((events) => events.close().catch(() => undefined)));
    for (const connection of connections) connection.disconnect();
  }
}

/** Reads the progress before the first event. Without it, a page that opens during a training shows nothing until its next step. */
async function lastProgress({ run, stages }: RunReport, options: QueueOptions): Promise<RunNews[]> {
  const stage = stages.find(({ state }) => state === 'running')?.stage;
  if (stage === undefined || run.place === 'here') return [];
  const connection = connectClient(options);
  const queue = new Queue<StageJobData>(workerOf[stage], { connection, prefix: prefixOf(options) });
  queue.on('error', () => undefined);
  try {
    const job = await callQueue(connection, () => queue.getJob(jobIdOf(run.runId, stage)));
    if (job === undefined || !belongsTo(job.data, run) || typeof job.progress !== 'object') return [];
    return [{ type: 'progress', stage, progress: job.progress as StageProgress }];
  } catch {
    return [];
  } finally {
    await queue.close().catch(() => undefined);
    connection.disconnect();
  }
}
