import { lakeStatus } from '@facet/lake';
import { AppError, isAppError } from '@facet/platform';
import type { StageContext } from '../context/stage-context.ts';
import { recordCancellations } from '../runs/cancel-run.ts';
import type { StageOutcome } from '../runs/record-stage.ts';
import type { RunStore } from '../runs/run-store.ts';
import type { RefreshOutputs, RefreshRun, RefreshStage, StageProgress, TrainedEpoch } from '../runs/run.ts';
import {
  datasetStage,
  evaluateStage,
  gateStage,
  headlineMetrics,
  indexStage,
  trainStage,
} from '../stages/pipeline-stages.ts';
import { trainingProgress } from '../training/training-progress.ts';
import { decideStart, skipReasonWithoutEvents } from './decide-start.ts';
import { judgeNewDays } from './judge-days.ts';
import { pruneHome } from './prune-home.ts';

export interface StageTask {
  readonly run: RefreshRun;
  readonly stage: RefreshStage;
  /** Outputs of the earlier stages. */
  readonly outputs: RefreshOutputs;
}

export interface StageExecution {
  readonly runs: RunStore;
  readonly onProgress?: ((progress: StageProgress) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

type Executor = (context: StageContext, task: StageTask, execution: StageExecution) => Promise<StageOutcome>;

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
): Promise<StageOutcome> {
  try {
    const { outputs, isReused } = await executors[task.stage](context, task, execution);
    return { outputs: { ...task.outputs, ...outputs }, isReused };
  } catch (error) {
    if (isAppError(error, 'PROMOTION_SUPERSEDED')) {
      await recordCancellations(execution.runs, await context.store.promotions(), task.run.day);
    }
    throw error;
  }
}

const executors: Readonly<Record<RefreshStage, Executor>> = {
  async dataset(context, { run }, { runs, onProgress, signal }) {
    const report = (share: number, detail: string): void => onProgress?.({ share, detail });
    report(0, 'users, items, behavior sequences');
    // First, because earlier runs may have failed before their end, and may have filled the disk.
    await pruneHome(context, Date.now());
    // The request fences the day, too, unless it was killed before.
    await context.store.fence({ runId: run.runId, day: run.day });
    const { offsets: offsetsNow } = await lakeStatus(context.home.lakeFolder);
    const offsets = await runs.pinOffsets(run.runId, offsetsNow);
    const cut = { ...run.cut, offsets };
    const made = await datasetStage(context, cut, { signal, onProgress: report }).catch(async (error: unknown) => {
      const isEmpty = isAppError(error, 'DATASET_EMPTY_WINDOW');
      const skipped = isEmpty ? await skipReasonWithoutEvents(context, offsets) : undefined;
      if (skipped === undefined) throw error;
      return { skipped };
    });
    if ('skipped' in made) return { outputs: made, isReused: false };
    const { datasetId, info } = made.output;
    // Pinned: after the promotion of this run, its own bundle would decide the start.
    const reports = await runs.list();
    const start = await runs.pinStart(run.runId, await decideStart(context, run, info, reports));
    if (start.skipped !== undefined) {
      await pruneHome(context, Date.now());
      return { outputs: { datasetId, ...start }, isReused: made.reused };
    }
    const badDays = await judgeNewDays(context, run, reports, signal).catch(async (error: unknown) => {
      // Each refused run leaves a dataset.
      if (isAppError(error, 'REFRESH_DATA_BAD')) await pruneHome(context, Date.now());
      throw error;
    });
    return {
      outputs: { datasetId, ...start, ...(badDays.length === 0 ? {} : { badDays }) },
      isReused: made.reused,
    };
  },

  async train(context, { outputs }, { onProgress, signal }) {
    const inputs = { datasetId: requireOutput(outputs, 'datasetId'), warmFrom: outputs.warmFrom };
    let epochs: readonly TrainedEpoch[] = [];
    let reached: StageProgress | undefined;
    const { output, reused } = await trainStage(context, inputs, {
      onEpoch: (phase, { epoch, loss, score }, { spec, training: { labels } }) => {
        const { interests } = spec.config;
        epochs = [...epochs, { phase, interests, labels, epoch, loss, recall: score }];
        if (reached !== undefined) onProgress?.({ ...reached, epochs });
      },
      onProgress: (progress) => {
        reached = trainingProgress(progress);
        onProgress?.({ ...reached, epochs });
      },
      signal,
    });
    return { outputs: { modelId: output.modelId, start: output.start.kind }, isReused: reused };
  },

  async evaluate(context, { outputs }, { onProgress, signal }) {
    const { reused } = await evaluateStage(context, modelOf(outputs), {
      onProgress: (share, detail) => onProgress?.({ share, detail }),
      signal,
    });
    return { outputs: {}, isReused: reused };
  },

  async index(context, { outputs }, { onProgress }) {
    const ids = modelOf(outputs);
    const { output: report } = await evaluateStage(context, ids);
    const { output, reused } = await indexStage(context, ids, {
      metrics: headlineMetrics(report),
      onProgress: (share, detail) => onProgress?.({ share, detail }),
    });
    return { outputs: output, isReused: reused };
  },

  async gate(context, { outputs }, { onProgress }) {
    onProgress?.({ share: 0, detail: 'comparison with the current bundle' });
    return judgeBundle(context, outputs, (await context.store.readRef('current'))?.id ?? null);
  },

  async promote(context, { run, outputs }) {
    const { store } = context;
    let judged: StageOutcome = { outputs, isReused: false };
    const current = (await store.readRef('current'))?.id ?? null;
    const isOurs = current === outputs.bundleId;
    // After a promotion or rollback in the meantime, the bundle that would be replaced counts.
    if (!isOurs && current !== outputs.incumbentId) judged = await judgeBundle(context, outputs, current);
    if (judged.outputs.verdict !== 'pass') {
      await pruneHome(context, Date.now());
      return judged;
    }
    const { number } = await store.promote(
      { kind: 'bundle', id: requireOutput(outputs, 'bundleId') },
      { by: 'refresh', run: { runId: run.runId, day: run.day }, ...(isOurs ? {} : { expectedCurrent: current }) },
    );
    await pruneHome(context, Date.now());
    return { outputs: { ...judged.outputs, promotion: number }, isReused: false };
  },
};

/** Returns the verdict of the gate about the bundle of the run, compared with `incumbentId`. */
async function judgeBundle(
  context: StageContext,
  outputs: RefreshOutputs,
  incumbentId: string | null,
): Promise<StageOutcome> {
  const { output, reused } = await gateStage(context, {
    datasetId: requireOutput(outputs, 'datasetId'),
    bundleId: requireOutput(outputs, 'bundleId'),
    incumbentId: incumbentId ?? undefined,
  });
  const { verdict, reasons, checks } = output;
  const hasTooFewUsers = checks.some(({ name, passed }) => name === 'users' && !passed);
  return { outputs: { incumbentId, verdict, reasons, hasTooFewUsers }, isReused: reused };
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
