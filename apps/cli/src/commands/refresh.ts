import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { newestLakeDays } from '@facet/lake';
import { publishDelta, executeRun } from '@facet/pipeline';
import type { StageContext } from '@facet/pipeline';
import { createRunStore, hasEnded, newestDayOver, requestRun } from '@facet/pipeline/runs';
import type { RefreshRequest, RefreshStage, RunReport, RunStore, StageProgress as Told } from '@facet/pipeline/runs';
import { AppError, takeFolderLock } from '@facet/platform';
import { followRun, openRefreshQueue } from '@facet/refresh';
import type { QueueOptions } from '@facet/refresh';
import type { CommandContext, CommonOptions } from '../command-context.ts';
import { facet } from '../invocation.ts';
import { openPipeline } from '../pipeline-context.ts';
import type { StageProgress } from '../terminal/progress.ts';
import { showProgress } from '../terminal/show-progress.ts';
import { formatDuration, shortId } from '../terminal/text.ts';

export interface QueueFlags {
  readonly queue?: string;
  readonly queuePrefix?: string;
}

export interface RefreshOptions extends CommonOptions, QueueFlags {
  readonly day?: string;
  readonly force?: boolean;
  readonly full?: boolean;
  /** False: it is asked for and not followed. */
  readonly wait: boolean;
}

/**
 * `facet refresh`: the model retrained on the data of a day and, when the gate lets it, promoted. By the workers of a queue where
 * there is one, else in this process.
 *
 * @throws AppError `REFRESH_REJECTED`, `REFRESH_FAILED`, `REFRESH_CANCELLED`, `REFRESH_BUSY`; in this process those of the stages.
 */
export async function refreshCommand(options: RefreshOptions, context: CommandContext): Promise<void> {
  const pipeline = await openPipeline(options);
  const runs = createRunStore(pipeline.home.runsFolder);
  const asked = {
    day: options.day ?? (await newestDayWithEvents(pipeline)),
    isForced: options.force,
    isFull: options.full,
    requestedBy: 'facet refresh',
  };
  const queue = queueOf(options, context);
  const report =
    queue === undefined
      ? await refreshHere(pipeline, runs, asked, context)
      : await refreshByWorkers(pipeline, runs, asked, { queue, isFollowed: options.wait }, context);
  tell(report, options, context);
}

/** The queue that the options or the environment name. */
export function queueOf({ queue, queuePrefix }: QueueFlags, { environment }: CommandContext): QueueOptions | undefined {
  const redisUrl = queue ?? environment.queueUrl;
  if (redisUrl === undefined) return undefined;
  const prefix = queuePrefix ?? environment.queuePrefix;
  return { redisUrl, ...(prefix === undefined ? {} : { prefix }) };
}

/** Of old data, such as that of a file, the day of the newest event: nothing has come since. */
async function newestDayWithEvents({ home, config }: StageContext): Promise<string> {
  const over = newestDayOver(Date.now(), config.refresh);
  const [newest = over] = await newestLakeDays(home.lakeFolder, 1);
  return newest < over ? newest : over;
}

async function refreshHere(
  pipeline: StageContext,
  runs: RunStore,
  asked: RefreshRequest,
  { progress, signal }: CommandContext,
): Promise<RunReport> {
  const { runsFolder } = pipeline.home;
  await mkdir(runsFolder, { recursive: true });
  const lock = await takeFolderLock(runsFolder);
  if ('heldBy' in lock) {
    throw new AppError(`Process ${lock.heldBy} refreshes ${dirname(runsFolder)} already.`, {
      code: 'REFRESH_BUSY',
      category: 'conflict',
      remedy: 'Wait until it has ended.',
      retryable: true,
    });
  }
  const display = createStageDisplay(progress);
  try {
    const now = Date.now;
    const { report } = await requestRun(
      { runs, store: pipeline.store, schedule: pipeline.config.refresh, now },
      { ...asked, place: 'here' },
    );
    if (hasEnded(report)) return report;
    if (report.run.place === 'queue') throw doneByWorkers(report.run.runId);
    const ended = await executeRun(pipeline, report.run, {
      runs,
      now,
      signal,
      onBegin: (stage) => display.begin(stage),
      onProgress: (stage, told) => display.update(stage, told),
      onStage: (stage, { outputs, isReused }) => display.done(stage, describeOutputs(stage, outputs), isReused),
    });
    // What of the catalog came after the cut; with workers the indexer sees to it.
    if (ended.state === 'promoted') await publishDelta(pipeline);
    return ended;
  } finally {
    display.close();
    await lock.release();
  }
}

function doneByWorkers(runId: string): AppError {
  return new AppError(`Trainer and indexer work on run ${runId}.`, {
    code: 'REFRESH_BUSY',
    category: 'conflict',
    remedy: `Follow it with --queue URL or FACET_QUEUE_URL, or end it: ${facet} runs cancel ${runId}.`,
    retryable: true,
  });
}

async function refreshByWorkers(
  { store, config }: StageContext,
  runs: RunStore,
  asked: RefreshRequest,
  { queue: options, isFollowed }: { readonly queue: QueueOptions; readonly isFollowed: boolean },
  { progress, signal }: CommandContext,
): Promise<RunReport> {
  const schedule = config.refresh;
  const queue = openRefreshQueue({ runs, store, schedule, now: Date.now, attempts: schedule.attempts }, options);
  const display = createStageDisplay(progress);
  try {
    let { report } = await queue.request(asked);
    if (!isFollowed) return report;
    for await (const news of followRun(runs, report.run.runId, { ...options, signal })) {
      if (news.type === 'progress') display.update(news.stage, news.progress);
      else {
        ({ report } = news);
        for (const { stage, state, outputs = {}, isReused = false } of report.stages) {
          if (state === 'running') display.begin(stage);
          if (state === 'finished') display.done(stage, describeOutputs(stage, outputs), isReused);
        }
      }
    }
    return report;
  } finally {
    display.close();
    await queue.close();
  }
}

/** A bar for the stage that is worked on, and a line for each that is done. */
function createStageDisplay(progress: CommandContext['progress']) {
  const shown = new Set<RefreshStage>();
  let current: { readonly stage: RefreshStage; readonly bar: StageProgress } | undefined;
  const begin = (stage: RefreshStage): StageProgress | undefined => {
    if (shown.has(stage)) return undefined;
    if (current?.stage === stage) return current.bar;
    current?.bar.failed();
    current = { stage, bar: progress.stage(stage) };
    return current.bar;
  };
  return {
    begin: (stage: RefreshStage) => void begin(stage),
    update(stage: RefreshStage, told: Told) {
      const bar = begin(stage);
      if (bar !== undefined) showProgress(bar, told);
    },
    done(stage: RefreshStage, result: string, reused: boolean) {
      begin(stage)?.done(result, { reused });
      shown.add(stage);
      current = undefined;
    },
    close: () => current?.bar.failed(),
  };
}

function describeOutputs(stage: RefreshStage, outputs: RunReport['stages'][number]['outputs'] = {}): string {
  const { skipped, datasetId = '', modelId = '', start, bundleId = '', verdict, promotion } = outputs;
  if (skipped !== undefined) return 'nothing new';
  switch (stage) {
    case 'dataset':
      return `dataset ${shortId(datasetId)}`;
    case 'train':
      return `model ${shortId(modelId)}, ${start === 'warm' ? `from model ${shortId(outputs.warmFrom ?? '')}` : 'from the beginning'}`;
    case 'evaluate':
      return 'beside the baselines';
    case 'index':
      return `bundle ${shortId(bundleId)}`;
    case 'gate':
      return verdict === 'pass' ? 'passes' : 'rejected';
    case 'promote':
      return promotion === undefined ? 'left as it is' : `bundle ${shortId(bundleId)} is current`;
  }
}

/** How it ended, and what that means for the exit code. */
function tell(report: RunReport, { home }: CommonOptions, { output }: CommandContext): void {
  const { run, state, reason = '', stages } = report;
  const { runId, day } = run;
  const took = stages.length === 0 ? '' : ` in ${formatDuration(tookMs(report))}`;
  output.document({ home, ...report });
  switch (state) {
    case 'promoted': {
      const bundleId = stages.at(-1)?.outputs?.bundleId ?? '';
      return output.show(`Run ${runId}: bundle ${bundleId} is current, made of the data up to ${day}${took}.`);
    }
    case 'skipped':
      return output.show(`Run ${runId}: ${reason} Retrain all the same with --force.`);
    case 'waiting':
    case 'running':
      return output.show(`Run ${runId} goes on. Follow it with: ${facet} refresh --day ${day} --home ${home}`);
    case 'rejected':
      throw new AppError(`Run ${runId}: the gate rejects the bundle. ${reason}`, {
        code: 'REFRESH_REJECTED',
        category: 'rejected',
        remedy: `See ${facet} bundles; promote it all the same with ${facet} promote ${stages.at(-1)?.outputs?.bundleId} --because "…".`,
      });
    case 'failed':
      throw new AppError(`Run ${runId} failed: ${reason}`, {
        code: 'REFRESH_FAILED',
        category: 'unavailable',
        remedy: `See ${facet} runs show ${runId}; then the same command makes another run, which uses what is finished.`,
      });
    case 'cancelled':
      throw new AppError(`Run ${runId} was cancelled: ${reason}`, { code: 'REFRESH_CANCELLED', category: 'conflict' });
  }
}

/** From the first stage's beginning to the last one's end, waiting included. */
export function tookMs({ stages }: RunReport): number {
  const ends = stages.map(({ startedAt, endedAt = startedAt }) => endedAt);
  return Math.max(0, ...ends) - Math.min(...stages.map(({ startedAt }) => startedAt));
}
