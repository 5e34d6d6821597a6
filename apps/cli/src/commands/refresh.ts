import { mkdir } from 'node:fs/promises';
import { countEvents, newestLakeDays, openLakeSnapshot } from '@facet/lake';
import { publishDelta } from '@facet/stages';
import { executeRun } from '@facet/refresh/execution';
import type { StageContext } from '@facet/stages';
import { createRunStore, hasEnded, newestDayOver, rejectedForTooFewUsers, requestRun } from '@facet/runs';
import type { RefreshRequest, RefreshStage, RunReport, RunStore, StageProgress } from '@facet/runs';
import { AppError, takeFolderLock } from '@facet/platform';
import { claimQueue, followRun, openRefreshQueue } from '@facet/refresh';
import type { QueueOptions } from '@facet/refresh';
import { addHome, addNotes, addQueue, facet, parseDate, parseReason, usageError, queueOf } from '../command.ts';
import type { CommandContext, CommonOptions, Register, QueueFlags } from '../command.ts';
import { openCheckedPipeline } from '../stages.ts';
import type { StageDisplay } from '../terminal/progress.ts';
import { countOf, formatDuration, shortId } from '../terminal/text.ts';
import { describeOutputs, durationMs, endOf } from '../terminal/runs.ts';

interface RefreshOptions extends CommonOptions, QueueFlags {
  readonly day?: string;
  readonly force?: boolean;
  readonly full?: boolean;
  readonly acceptBadData?: string;
  /** False: request the run without following it. */
  readonly wait: boolean;
}

export const registerRefresh: Register = (command, deps) => {
  addNotes(
    addQueue(addHome(command, deps))
      .option('--day <date>', 'data day in refresh.timeZone (default: the newest complete day)', parseDate)
      .option('--force', 'refresh without new data, or a second time for the same day')
      .option('--full', 'train from scratch instead of from the current model')
      .option('--accept-bad-data <reason>', 'refresh although days are bad, and record why', parseReason)
      .option('--no-wait', 'with a queue: request the run without following it'),
    `Runs dataset, train, evaluate, index, gate and promote.
With a queue: trainer and indexer run the stages, and this command follows them. Ctrl-C stops the command, but not the run.
Without a queue: this process runs the stages. After Ctrl-C, the same command resumes.

Exits with 0 if the bundle was promoted or there is no new data, with 3 if a new day is bad (see facet validate), and with 6 if the
gate rejected the bundle. A rejected bundle is kept.`,
    'facet refresh',
    'facet refresh --day 2026-01-31 --force',
    'facet refresh --queue redis://127.0.0.1:6379 --no-wait --json',
  ).action(deps.action(refresh));
};

/**
 * Runs a refresh on the workers of the queue, or in this process.
 *
 * @throws AppError `REFRESH_REJECTED`, `REFRESH_FAILED`, `REFRESH_CANCELED`, `REFRESH_BUSY`; without a queue those of the stages.
 */
async function refresh(options: RefreshOptions, context: CommandContext): Promise<void> {
  const startedAt = Date.now();
  const queue = queueOf(options, context);
  if (queue === undefined && !options.wait) {
    throw usageError('--no-wait works only with a queue.', 'Add --queue URL, set FACET_QUEUE_URL, or omit --no-wait.');
  }
  const pipeline = await openCheckedPipeline(options);
  const runs = createRunStore(pipeline.home.runsFolder);
  const request = {
    day: options.day ?? (await newestDayWithEvents(pipeline)),
    isForced: options.force,
    isFull: options.full,
    acceptedBadData: options.acceptBadData,
    requestedBy: 'facet refresh',
  };
  const report =
    queue === undefined
      ? await refreshInProcess(pipeline, runs, request, context)
      : await refreshOnWorkers(pipeline, runs, request, { queue, isFollowed: options.wait }, context);
  const { state } = report;
  const isEarlier = ['promoted', 'rejected', 'skipped'].includes(state) && endOf(report) < startedAt;
  const lateEvents = isEarlier ? await countLateEvents(pipeline, report) : 0;
  reportOutcome(report, options, context, { isEarlier, lateEvents });
}

/** Counts the events up to the day of an earlier run that arrived after it. */
async function countLateEvents({ home, config }: StageContext, { run }: RunReport): Promise<number> {
  const { occurredBefore, receivedBefore } = run.cut;
  const snapshot = await openLakeSnapshot(home.lakeFolder);
  return countEvents(snapshot, { occurredBefore, receivedFrom: receivedBefore }, config.dataset);
}

/** Returns the newest complete day. If all events are older, as in an imported file, returns the day of the newest event. */
async function newestDayWithEvents({ home, config }: StageContext): Promise<string> {
  const over = newestDayOver(Date.now(), config.refresh);
  const [newest = over] = await newestLakeDays(home.lakeFolder, 1);
  return newest < over ? newest : over;
}

async function refreshInProcess(
  pipeline: StageContext,
  runs: RunStore,
  request: RefreshRequest,
  { progress, signal }: CommandContext,
): Promise<RunReport> {
  const { runsFolder, lakeFolder } = pipeline.home;
  await mkdir(runsFolder, { recursive: true });
  const lock = await takeFolderLock(runsFolder);
  if ('heldBy' in lock) {
    throw new AppError(`Process ${lock.heldBy} is refreshing ${pipeline.home.folder}.`, {
      code: 'REFRESH_BUSY',
      category: 'conflict',
      remedy: 'Wait until that process ends.',
      retryable: true,
    });
  }
  const display = createStageDisplay(progress);
  try {
    const now = Date.now;
    const { report } = await requestRun(
      { runs, store: pipeline.store, lakeFolder, schedule: pipeline.config.refresh, now },
      { ...request, place: 'here' },
    );
    if (hasEnded(report)) return report;
    if (report.run.place === 'queue') throw workersBusy(report.run.runId);
    const ended = await executeRun(pipeline, report.run, {
      runs,
      now,
      signal,
      onBegin: (stage) => display.begin(stage),
      onProgress: (stage, progress) => display.update(stage, progress),
      onStage: (stage, { output, isReused }) => display.done(stage, describeOutputs(stage, output), isReused),
    });
    // Publishes catalog changes after the cut. With workers, the indexer does this.
    if (ended.state === 'promoted') await publishDelta(pipeline);
    return ended;
  } finally {
    display.close();
    await lock.release();
  }
}

function workersBusy(runId: string): AppError {
  return new AppError(`Trainer and indexer execute run ${runId}, not this command.`, {
    code: 'REFRESH_BUSY',
    category: 'conflict',
    remedy: `Follow the run with --queue URL or FACET_QUEUE_URL, or cancel it with: ${facet} runs cancel ${runId}.`,
    retryable: true,
  });
}

async function refreshOnWorkers(
  { home, store, config }: StageContext,
  runs: RunStore,
  request: RefreshRequest,
  { queue: options, isFollowed }: { readonly queue: QueueOptions; readonly isFollowed: boolean },
  { progress, signal }: CommandContext,
): Promise<RunReport> {
  await (await claimQueue({ home }, options)).close();
  const schedule = config.refresh;
  const { lakeFolder } = home;
  const queue = openRefreshQueue({ runs, store, lakeFolder, schedule, now: Date.now }, options);
  const display = createStageDisplay(progress);
  try {
    let { report } = await queue.request(request);
    if (!hasEnded(report)) await reportMissingWorkers(await queue.missingWorkers(), report, progress);
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

async function reportMissingWorkers(
  missing: readonly string[],
  { run }: RunReport,
  progress: CommandContext['progress'],
): Promise<void> {
  if (missing.length === 0) return;
  const commands = missing.map((name) => `npm run ${name}`).join(' and ');
  await progress.run('queue', '', async (stage) =>
    stage.note(
      `run ${run.runId} waits: no ${missing.join(' and no ')} is connected to the queue. ` +
        `Start ${commands}, or cancel the run with: ${facet} runs cancel ${run.runId}`,
    ),
  );
}

/** Shows a bar for the running stage and a line for each finished stage. */
function createStageDisplay(progress: CommandContext['progress']) {
  const shown = new Set<RefreshStage>();
  let current: { readonly stage: RefreshStage; readonly bar: StageDisplay } | undefined;
  const begin = (stage: RefreshStage): StageDisplay | undefined => {
    if (shown.has(stage)) return undefined;
    if (current?.stage === stage) return current.bar;
    current?.bar.close();
    current = { stage, bar: progress.stage(stage) };
    return current.bar;
  };
  return {
    begin: (stage: RefreshStage) => void begin(stage),
    update: (stage: RefreshStage, progress: StageProgress) => begin(stage)?.report(progress),
    done(stage: RefreshStage, result: string, reused: boolean) {
      begin(stage)?.done(result, { reused });
      shown.add(stage);
      current = undefined;
    },
    close: () => current?.bar.close(),
  };
}

/** Prints the outcome of a run. @throws AppError if the run was rejected, failed or was canceled. */
function reportOutcome(
  report: RunReport,
  { home }: CommonOptions,
  { output }: CommandContext,
  { isEarlier, lateEvents }: { readonly isEarlier: boolean; readonly lateEvents: number },
): void {
  const { run, state, reason = '', stages } = report;
  const { runId, day } = run;
  const took = stages.length === 0 ? '' : ` in ${formatDuration(durationMs(report))}`;
  output.document({ home, ...report, isEarlier, lateEvents });
  if (isEarlier && lateEvents > 0 && state !== 'rejected') {
    output.show(
      `Run ${runId} already refreshed ${day}. Since then, ${countOf(lateEvents, 'late event')} arrived. Add --force to include them now, or wait for the refresh of the next day.`,
    );
    return;
  }
  switch (state) {
    case 'promoted': {
      const bundleId = stages.at(-1)?.outputs?.bundleId ?? '';
      if (isEarlier) {
        return output.show(
          `Run ${runId} already refreshed ${day}, and no late events arrived since. Its bundle is ${shortId(bundleId)}.`,
        );
      }
      return output.show(`Run ${runId}: bundle ${bundleId} is current, built from data up to ${day}${took}.`);
    }
    case 'skipped':
      return output.show(`Run ${runId}: ${reason} Use --force to retrain anyway.`);
    case 'waiting':
    case 'running':
      return output.show(`Run ${runId} continues. Follow it with: ${facet} refresh --day ${day} --home ${home}`);
    case 'rejected': {
      const { bundleId } = stages.at(-1)?.outputs ?? {};
      let again = '';
      if (rejectedForTooFewUsers(report)) {
        again = ' Run the same command again when there are more events, or add --force after a change of facet.yaml.';
      } else if (isEarlier) {
        again = ` Since this run, ${countOf(lateEvents, 'late event')} arrived. Add --force to refresh the day again.`;
      }
      throw new AppError(`Run ${runId}: the gate rejects the bundle. ${reason}`, {
        code: 'REFRESH_REJECTED',
        category: 'rejected',
        remedy: `See ${facet} bundles.${again} Promote the bundle anyway with: ${facet} promote ${bundleId} --reason "REASON".`,
      });
    }
    case 'failed': {
      const problem = stages.findLast(({ state: ended }) => ended === 'failed')?.problem;
      throw new AppError(`Run ${runId} failed: ${reason}`, {
        code: 'REFRESH_FAILED',
        category: problem?.category ?? 'unavailable',
        remedy:
          problem?.remedy ??
          `See ${facet} runs show ${runId}. Run the same command again: the new run reuses finished stages.`,
      });
    }
    case 'canceled':
      throw new AppError(`Run ${runId} was canceled: ${reason}`, { code: 'REFRESH_CANCELED', category: 'conflict' });
  }
}
