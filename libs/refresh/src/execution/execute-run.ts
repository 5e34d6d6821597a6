import { lakeStatus } from '@facet/lake';
import { AppError, isAppError } from '@facet/platform';
import { recordCancellations, refreshStages, runStage } from '@facet/runs';
import type {
  RunStore,
  RefreshOutputs,
  RefreshRun,
  RefreshStage,
  StageProgress,
  RunReport,
  StageResult,
} from '@facet/runs';
import type { StageContext, StageWatch } from '@facet/stages';
import { datasetStage, evaluateStage, headlineMetrics, indexStage, trainStage } from '@facet/stages';
import { gateStage } from '@facet/gate';
import { decideStart, skipReasonWithoutEvents } from './decide-start.ts';
import { judgeNewDays } from './judge-days.ts';
import { pruneHome } from './prune-home.ts';

export interface StageTask {
  readonly run: RefreshRun;
  readonly stage: RefreshStage;
  /** Outputs of the earlier stages. */
  readonly outputs: RefreshOutputs;
}

interface StageExecution extends StageWatch {
  readonly runs: RunStore;
}

type Executor = (
  context: StageContext,
  task: StageTask,
  execution: StageExecution,
) => Promise<StageResult<RefreshOutputs>>;

/**
 * Executes one stage of a run. A repeated execution gives the same artifacts, because the run and the outputs of the earlier
 * stages fix its inputs.
 *
 * @throws AppError as the stages; `REFRESH_DATA_BAD` if a day that no run has read is bad; `PROMOTION_SUPERSEDED` if
 * the run was canceled or a newer run has fenced the day.
 */
export async function executeStage(
  context: StageContext,
  task: StageTask,
  execution: StageExecution,
): Promise<StageResult<RefreshOutputs>> {
  const { run, stage, outputs } = task;
  const { runs } = execution;
  const copyCancellations = async (): Promise<void> =>
    recordCancellations(runs, await context.store.promotions(), run.day);
  // A process may have died after it recorded the cancellation in the promotion log, and before it did in the run.
  await copyCancellations();
  try {
    const { output, isReused } = await executors[stage](context, task, execution);
    return { output: { ...outputs, ...output }, isReused };
  } catch (error) {
    if (isAppError(error, 'PROMOTION_SUPERSEDED')) await copyCancellations();
    throw error;
  }
}

const executors: Readonly<Record<RefreshStage, Executor>> = {
  async dataset(context, { run }, { runs, onProgress, signal }) {
    onProgress?.({ share: 0, detail: 'users, items, behavior sequences' });
    // First, because earlier runs may have failed before their end, and may have filled the disk.
    await pruneHome(context, Date.now());
    // The request fences the day, too, unless it was killed before.
    await context.store.fence({ runId: run.runId, day: run.day });
    const { offsets: offsetsNow } = await lakeStatus(context.home.lakeFolder);
    const offsets = await runs.pinOffsets(run.runId, offsetsNow);
    const cut = { ...run.cut, offsets };
    const made = await datasetStage(context, cut, { signal, onProgress }).catch(async (error: unknown) => {
      const isEmpty = isAppError(error, 'DATASET_EMPTY_WINDOW');
      const skipped = isEmpty ? await skipReasonWithoutEvents(context, offsets) : undefined;
      if (skipped === undefined) throw error;
      return { skipped };
    });
    if ('skipped' in made) return { output: made, isReused: false };
    const { datasetId, info } = made.output;
    // Pinned: after the promotion of this run, its own bundle would decide the start.
    const reports = await runs.list();
    const start = await runs.pinStart(run.runId, await decideStart(context, run, info, reports));
    if (start.skipped !== undefined) {
      await pruneHome(context, Date.now());
      return { output: { datasetId, ...start }, isReused: made.isReused };
    }
    const badDays = await judgeNewDays(context, run, reports, signal).catch(async (error: unknown) => {
      // Each refused run leaves a dataset.
      if (isAppError(error, 'REFRESH_DATA_BAD')) await pruneHome(context, Date.now());
      throw error;
    });
    return {
      output: { datasetId, ...start, ...(badDays.length === 0 ? {} : { badDays }) },
      isReused: made.isReused,
    };
  },

  async train(context, { outputs }, { onProgress, signal }) {
    const inputs = { datasetId: requireOutput(outputs, 'datasetId'), warmFrom: outputs.warmFrom };
    const { output, isReused } = await trainStage(context, inputs, { onProgress, signal });
    return { output: { modelId: output.modelId, start: output.start.kind }, isReused };
  },

  async evaluate(context, { outputs }, { onProgress, signal }) {
    const { isReused } = await evaluateStage(context, modelOf(outputs), { onProgress, signal });
    return { output: {}, isReused };
  },

  async index(context, { outputs }, { onProgress }) {
    const ids = modelOf(outputs);
    const { output: report } = await evaluateStage(context, ids);
    return indexStage(context, ids, headlineMetrics(report), { onProgress });
  },

  async gate(context, { outputs }, { onProgress }) {
    onProgress?.({ share: 0, detail: 'comparison with the current bundle' });
    return judgeBundle(context, outputs, (await context.store.readRef('current'))?.id ?? null);
  },

  async promote(context, { run, outputs }) {
    const { store } = context;
    let judged: StageResult<RefreshOutputs> = { output: outputs, isReused: false };
    const current = (await store.readRef('current'))?.id ?? null;
    const isOurs = current === outputs.bundleId;
    // After a promotion or rollback in the meantime, the bundle that would be replaced counts.
    if (!isOurs && current !== outputs.incumbentId) judged = await judgeBundle(context, outputs, current);
    if (judged.output.verdict !== 'pass') {
      await pruneHome(context, Date.now());
      return judged;
    }
    const { number } = await store.promote(
      { kind: 'bundle', id: requireOutput(outputs, 'bundleId') },
      { by: 'refresh', run: { runId: run.runId, day: run.day }, ...(isOurs ? {} : { expectedCurrent: current }) },
    );
    await pruneHome(context, Date.now());
    return { output: { ...judged.output, promotion: number }, isReused: false };
  },
};

/** Returns the verdict of the gate about the bundle of the run, compared with `incumbentId`. */
async function judgeBundle(
  context: StageContext,
  outputs: RefreshOutputs,
  incumbentId: string | null,
): Promise<StageResult<RefreshOutputs>> {
  const { output, isReused } = await gateStage(context, {
    datasetId: requireOutput(outputs, 'datasetId'),
    bundleId: requireOutput(outputs, 'bundleId'),
    incumbentId: incumbentId ?? undefined,
  });
  const { verdict, reasons, checks } = output;
  const hasTooFewUsers = checks.some(({ name, passed }) => name === 'users' && !passed);
  return { output: { incumbentId, verdict, reasons, hasTooFewUsers }, isReused };
}

function modelOf(outputs: RefreshOutputs): { datasetId: string; modelId: string } {
  return { datasetId: requireOutput(outputs, 'datasetId'), modelId: requireOutput(outputs, 'modelId') };
}

function requireOutput(outputs: RefreshOutputs, name: 'datasetId' | 'modelId' | 'bundleId'): string {
  const value = outputs[name];
  if (value !== undefined) return value;
  throw new AppError(`The run has no ${name} from an earlier stage.`, {
    code: 'REFRESH_OUTPUT_MISSING',
    category: 'internal',
    remedy: 'Start another run with facet refresh --force.',
  });
}

interface ExecuteRunOptions {
  readonly runs: RunStore;
  /** The clock in epoch milliseconds. */
  readonly now: () => number;
  readonly signal?: AbortSignal | undefined;
  readonly onBegin?: (stage: RefreshStage) => void;
  readonly onProgress?: (stage: RefreshStage, progress: StageProgress) => void;
  readonly onStage?: (stage: RefreshStage, result: StageResult<RefreshOutputs>) => void;
}

/**
 * Executes the stages of a run in order, in this process. Executing a killed run again resumes it. Returns early if the run is
 * canceled: training stops soon, other stages finish first.
 *
 * @throws as `runStage` and {@link executeStage}.
 */
export async function executeRun(
  context: StageContext,
  run: RefreshRun,
  { runs, now, signal, onBegin, onProgress, onStage }: ExecuteRunOptions,
): Promise<RunReport> {
  const { runId } = run;
  let outputs: RefreshOutputs = {};
  try {
    for (const stage of refreshStages) {
      const task = { run, stage, outputs };
      const result = await runStage(
        { runs, now },
        { runId, stage },
        {
          signal,
          // An aborted run can be resumed.
          willRetry: () => signal?.aborted === true,
          onStart: () => onBegin?.(stage),
          execute: (either) =>
            executeStage(context, task, {
              runs,
              signal: either,
              onProgress: (progress) => onProgress?.(stage, progress),
            }),
        },
      );
      if (result === undefined) break;
      outputs = result.output;
      onStage?.(stage, result);
    }
  } catch (error) {
    // The error only says that the canceled run may not continue.
    if (!(await runs.isCanceled(runId))) throw error;
  }
  return runs.read(runId);
}
