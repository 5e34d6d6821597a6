import { lakeStatus } from '@facet/lake';
import { bundlesOfExperiments, parseExperiments } from '@facet/exposures';
import { AppError, isAppError } from '@facet/platform';
import type { DatasetInfo } from '../dataset/dataset.ts';
import type { StageContext } from '../context/stage-context.ts';
import {
  datasetStage,
  evaluateStage,
  gateStage,
  headlineMetrics,
  indexStage,
  trainStage,
} from '../stages/pipeline-stages.ts';
import { chooseStart, whyNothingNew, whyNothingReceived } from './decide-start.ts';
import type { StageOutcome } from '../runs/run-store.ts';
import type { RefreshOutputs, RefreshRun, RefreshStage } from '../runs/run.ts';
import type { RunStart, RunStore } from '../runs/run-store.ts';
import { trainingProgress } from './training-progress.ts';
import type { StageProgress } from '../runs/run.ts';

const dayMs = 86_400_000;

export interface StageTask {
  readonly run: RefreshRun;
  readonly stage: RefreshStage;
  /** Of the stages before. */
  readonly outputs: RefreshOutputs;
}

export interface StageWatch {
  readonly onProgress?: (progress: StageProgress) => void;
  readonly signal?: AbortSignal;
}

type StageWork = (context: StageContext, task: StageTask, watch: StageWatch, runs: RunStore) => Promise<StageOutcome>;

/**
 * Does one stage of a refresh. Done again after it was killed, it gives the same artifacts: what it works on is fixed by the
 * run and by the outputs of the stages before.
 *
 * @throws AppError those of the stages; `PROMOTION_SUPERSEDED` when another run has taken over.
 */
export async function executeStage(
  context: StageContext,
  task: StageTask,
  { runs, ...watch }: StageWatch & { readonly runs: RunStore },
): Promise<StageOutcome> {
  const { outputs, isReused } = await stageWork[task.stage](context, task, watch, runs);
  return { outputs: { ...task.outputs, ...outputs }, isReused };
}

const stageWork: Readonly<Record<RefreshStage, StageWork>> = {
  async dataset(context, { run }, { onProgress }, runs) {
    onProgress?.({ share: 0, detail: 'users, items, behavior sequences' });
    // Already done by whoever asked for the run, unless it was killed in between.
    await context.store.fence({ runId: run.runId, day: run.day });
    const { offsets: offsetsNow } = await lakeStatus(context.home.lakeFolder);
    const offsets = await runs.pinOffsets(run.runId, offsetsNow);
    const made = await datasetStage(context, { ...run.cut, offsets }).catch(async (error: unknown) => {
      const skipped = isAppError(error, 'DATASET_EMPTY_WINDOW')
        ? await whyNothingReceived(context, offsets)
        : undefined;
      if (skipped === undefined) throw error;
      return { skipped };
    });
    if ('skipped' in made) return { outputs: made, isReused: false };
    const { datasetId, info } = made.output;
    const start = await runs.pinStart(run.runId, await decideStart(context, run, info, runs));
    if (start.skipped !== undefined) await pruneArtifacts(context);
    return { outputs: { datasetId, ...start }, isReused: made.reused };
  },

  async train(context, { outputs }, { onProgress, signal }) {
    const { warmFrom } = outputs;
    const inputs = { datasetId: needed(outputs, 'datasetId'), ...(warmFrom === undefined ? {} : { warmFrom }) };
    const { output, reused } = await trainStage(context, inputs, {
      onProgress: (progress) => onProgress?.(trainingProgress(progress)),
      ...(signal === undefined ? {} : { signal }),
    });
    return { outputs: { modelId: output.modelId, start: output.start.kind }, isReused: reused };
  },

  async evaluate(context, { outputs }, { onProgress }) {
    const { reused } = await evaluateStage(context, modelOf(outputs), {
      onMethod: (name, done, total) => onProgress?.({ share: (done + 1) / (total + 1), detail: name }),
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
    onProgress?.({ share: 0, detail: 'beside the current bundle' });
    return judge(context, outputs, (await context.store.readRef('current'))?.id ?? null);
  },

  async promote(context, { run, outputs }) {
    const { store } = context;
    let judged: StageOutcome = { outputs, isReused: false };
    const current = (await store.readRef('current'))?.id ?? null;
    const isOurs = current === outputs.bundleId;
    // Somebody has promoted or rolled back since: what counts is the bundle that would be replaced.
    if (!isOurs && current !== outputs.incumbentId) judged = await judge(context, outputs, current);
    if (judged.outputs.verdict !== 'pass') {
      await pruneArtifacts(context);
      return judged;
    }
    const { number } = await store.promote(
      { kind: 'bundle', id: needed(outputs, 'bundleId') },
      {
        by: 'refresh',
        run: { runId: run.runId, day: run.day },
        ...(isOurs ? {} : { expectedCurrent: current }),
      },
    );
    await pruneArtifacts(context);
    return { outputs: { ...judged.outputs, promotion: number }, isReused: false };
  },
};

/** By what is current now; done again after the run has promoted, it would be decided by the run's own bundle. */
async function decideStart(
  context: StageContext,
  run: RefreshRun,
  info: DatasetInfo,
  runs: RunStore,
): Promise<RunStart> {
  const skipped = run.isForced ? undefined : await whyNothingNew(context, info);
  if (skipped !== undefined) return { skipped };
  const warmFrom = await chooseStart(context, run, await runs.list());
  return warmFrom === undefined ? {} : { warmFrom };
}

/** After each run, whatever became of it: days that are rejected, or bring nothing new, must not fill the disk. */
async function pruneArtifacts({ store, config }: StageContext): Promise<void> {
  const { keep } = config.artifacts;
  // Bundles first: what they name is kept with them.
  await store.prune('bundle', { keep, needed: bundlesInExperiments(config) });
  for (const kind of ['model', 'dataset']) await store.prune(kind, { keep });
}

/** Those of experiments, until their answers have left the exposure log: so long they can be replayed. */
function bundlesInExperiments({ experiments, exposures }: StageContext['config']): string[] {
  return bundlesOfExperiments(parseExperiments(experiments), Date.now() - exposures.retentionDays * dayMs);
}

/** The gate's word on the run's bundle, compared with `incumbentId`. */
async function judge(
  context: StageContext,
  outputs: RefreshOutputs,
  incumbentId: string | null,
): Promise<StageOutcome> {
  const { output, reused } = await gateStage(context, {
    datasetId: needed(outputs, 'datasetId'),
    bundleId: needed(outputs, 'bundleId'),
    ...(incumbentId === null ? {} : { incumbentId }),
  });
  const { verdict, reasons } = output;
  return { outputs: { incumbentId, verdict, reasons }, isReused: reused };
}

function modelOf(outputs: RefreshOutputs): { datasetId: string; modelId: string } {
  return { datasetId: needed(outputs, 'datasetId'), modelId: needed(outputs, 'modelId') };
}

function needed(outputs: RefreshOutputs, name: 'datasetId' | 'modelId' | 'bundleId'): string {
  const value = outputs[name];
  if (value !== undefined) return value;
  throw new AppError(`The stages before gave no ${name}.`, {
    code: 'REFRESH_OUTPUT_MISSING',
    category: 'internal',
    remedy: 'Start the run again: facet refresh --force.',
  });
}
