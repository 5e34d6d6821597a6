import { join } from 'node:path';
import { ifUsable, useArtifact } from '@facet/artifacts';
import type { ArtifactRef } from '@facet/artifacts';
import { bundleFormat, createdTime, readBundleInfo } from '@facet/bundles';
import { resolveModel } from '@facet/config';
import type { HomePaths } from '@facet/config';
import { metricsOf, storedMetric } from '@facet/evaluation';
import { openLakeSnapshot } from '@facet/lake';
import type { LakeSnapshot } from '@facet/lake';
import { openDataset, readDatasetInfo } from './dataset/dataset-artifact.ts';
import { appliedOffsets, describeLake, buildDatasetFromLake, readCatalog } from './dataset/dataset-from-lake.ts';
import type { StoredDataset } from './dataset/dataset-from-lake.ts';
import { datasetVersion } from './dataset/dataset.ts';
import type { Dataset, DatasetCut } from './dataset/dataset.ts';
import { checkTrainingMemory, sizeOf } from './estimate/estimate-memory.ts';
import { evaluateWithBaselines } from './ranking/evaluate.ts';
import type { EvaluationReport } from './ranking/evaluate.ts';
import { buildBundle } from './indexing/build-bundle.ts';
import { openModel, readModelInfo } from './model/model-artifact.ts';
import type { TrainingStart } from './model/model-artifact.ts';
import { findStageOutput, hashJson, runCachedStage } from './stage.ts';
import type { CachedStage, StageContext, StageWatch } from './stage.ts';
import type { StageProgress, StageResult, TrainedEpoch } from '@facet/runs';
import { trainingProgress } from './training/training-progress.ts';
import type { TrainOptions } from './training/train-model.ts';
import { importTrainedModel, writeTrainingFolder } from './training/training-folder.ts';

/** Increase a version when the stage computes another output from the same inputs, so that stored outputs are not reused. */
export const stageVersions = { dataset: datasetVersion, train: 16, evaluate: 5, index: 9, gate: 5 } as const;

/**
 * Lake and catalog → dataset, of all events or of the events before a cut.
 *
 * @throws AppError `FEATURES_RULE_INVALID`; as `buildDataset`.
 */
export async function datasetStage(
  context: StageContext,
  cut: DatasetCut = {},
  watch: StageWatch = {},
): Promise<StageResult<StoredDataset>> {
  const { home, config, store } = context;
  // Sinks and compactions continue during the stage, so it reads one snapshot.
  const snapshot = await openLakeSnapshot(home.lakeFolder);
  return runCachedStage({
    ...(await cachedDataset(context, snapshot, cut)),
    run: async () =>
      buildDatasetFromLake({ home, store, snapshot, settings: config, resources: config.dataset, watch }, cut),
  });
}

/** Returns where a stage stores its output for these inputs. @param refOf returns the artifact without which the output is not reused */
function cachedStage<Output>(
  { home, store }: StageContext,
  name: keyof typeof stageVersions,
  inputs: object,
  refOf: (output: Output) => ArtifactRef,
): CachedStage<Output> {
  return {
    folder: home.stagesFolder,
    name,
    inputs: { version: stageVersions[name], ...inputs },
    isUsable: async (output) => (await ifUsable(() => useArtifact(store, refOf(output), () => true))) ?? false,
  };
}

async function cachedDataset(
  context: StageContext,
  snapshot: LakeSnapshot,
  cut: DatasetCut,
): Promise<CachedStage<StoredDataset>> {
  const { interactions, split, features } = context.config;
  const inputs = { ...(await cutInputs(context.home, snapshot, cut)), interactions, split, features };
  return cachedStage(context, 'dataset', inputs, ({ datasetId: id }) => ({ kind: 'dataset', id }));
}

/**
 * Returns the inputs that determine the events, items and users of a dataset. A cut with offsets determines the events alone, so
 * its dataset is reused after compactions and changes of user attributes.
 */
async function cutInputs(home: HomePaths, snapshot: LakeSnapshot, cut: DatasetCut): Promise<object> {
  if (cut.offsets !== undefined) {
    const offsets = appliedOffsets(snapshot, cut.offsets);
    return { cut: { ...cut, offsets }, erasures: snapshot.erasures.map(({ erasureId }) => erasureId) };
  }
  return {
    cut,
    lake: (await describeLake(snapshot, cut)).lake,
    // The events of these users are left out, although the files still contain them.
    pendingErasures: snapshot.pendingErasures.map(({ erasureId }) => erasureId),
    catalog: (await readCatalog(home, cut.receivedBefore)).files,
  };
}

/** A dataset and, for a warm start, the model to start from. */
interface TrainInputs {
  readonly datasetId: string;
  readonly warmFrom?: string | undefined;
}

interface TrainOutput {
  readonly modelId: string;
  readonly start: TrainingStart;
}

/**
 * Dataset → model with its training curves. A killed training resumes after its last epoch.
 *
 * @throws AppError `TRAIN_OUT_OF_MEMORY` if the estimated memory is not available.
 */
export async function trainStage(
  context: StageContext,
  { datasetId, warmFrom }: TrainInputs,
  {
    onProgress,
    ...watch
  }: StageWatch & Pick<TrainOptions, 'onStart' | 'onNote' | 'onFit' | 'onDivergence' | 'now'> = {},
): Promise<StageResult<TrainOutput>> {
  const { home, config, store } = context;
  const { model, training } = resolveModel(config);
  const cached = cachedTraining(context, { datasetId, warmFrom });
  return runCachedStage({
    ...cached,
    run: async () => {
      const dataset = await openDataset(store, datasetId);
      if (config.trainer.memoryCheck) {
        const size = sizeOf(dataset, { model, training }, dataset.split.validationFrom);
        checkTrainingMemory(size, { model, training });
      }
      // Loads TensorFlow, which the other stages do not need.
      const { trainModel } = await import('./training/train-model.ts');
      const checkpoints = join(home.checkpointsFolder, hashJson(cached.inputs));
      const reporting = reportTraining(onProgress);
      const options = { store, dataset, model, training, warmFrom, checkpoints, ...reporting, ...watch };
      const { ref, start } = await trainModel(options);
      return { modelId: ref.id, start };
    },
  });
}

/** Returns the callbacks of a training that report its progress with the finished epochs. */
function reportTraining(onProgress: StageWatch['onProgress']): Pick<TrainOptions, 'onProgress' | 'onEpoch'> {
  let epochs: readonly TrainedEpoch[] = [];
  let reached: StageProgress | undefined;
  return {
    onEpoch(trained) {
      epochs = [...epochs, trained];
      if (reached !== undefined) onProgress?.({ ...reached, epochs });
    },
    onProgress(progress) {
      reached = trainingProgress(progress);
      onProgress?.({ ...reached, epochs });
    },
  };
}

function cachedTraining(context: StageContext, { datasetId, warmFrom }: TrainInputs): CachedStage<TrainOutput> {
  const { model, training } = resolveModel(context.config);
  const { warm, ...full } = training;
  const starts = warmFrom === undefined ? {} : { warmFrom, warm };
  const inputs = { datasetId, model, training: full, ...starts };
  return cachedStage(context, 'train', inputs, ({ modelId: id }) => ({ kind: 'model', id }));
}

/** Writes a folder for another training program. @throws AppError as {@link writeTrainingFolder}. */
export async function exportTraining(
  { config, store }: StageContext,
  datasetId: string,
  folder: string,
): Promise<void> {
  await writeTrainingFolder(folder, await openDataset(store, datasetId), resolveModel(config));
}

/** Stores the model that another program trained in a prepared folder. @throws AppError as {@link importTrainedModel}. */
export async function importTraining(
  { config, store }: StageContext,
  folder: string,
): Promise<{ readonly datasetId: string; readonly modelId: string }> {
  return importTrainedModel(store, folder, resolveModel(config));
}

/** A model and the dataset that it was trained on. */
interface ModelIds {
  readonly datasetId: string;
  readonly modelId: string;
}

/** Dataset and model → evaluation report on the test window, with baselines. */
export async function evaluateStage(
  { home, config, store }: StageContext,
  ids: ModelIds,
  watch: StageWatch = {},
): Promise<StageResult<EvaluationReport>> {
  return runCachedStage({
    folder: home.stagesFolder,
    name: 'evaluate',
    inputs: { version: stageVersions.evaluate, ...ids, evaluation: config.evaluation },
    isUsable: async (report) => Array.isArray(report.methods),
    run: async () => {
      const dataset = await openDataset(store, ids.datasetId);
      const model = await openModel(store, ids.modelId);
      return evaluateWithBaselines({ dataset, model, ...config.evaluation, ...watch });
    },
  });
}

interface IndexOutput {
  readonly bundleId: string;
  /** The number of available items whose age is unknown. */
  readonly undatedItems: number;
}

/** Model → bundle with its index. Serving ignores the bundle until it is promoted. */
export async function indexStage(
  context: StageContext,
  ids: ModelIds,
  metrics: Readonly<Record<string, number>> = {},
  { onProgress }: StageWatch = {},
): Promise<StageResult<IndexOutput>> {
  const { config, store } = context;
  return runCachedStage({
    ...cachedBundle(context, ids, metrics),
    run: async (once) => {
      const dataset = await openDataset(store, ids.datasetId);
      const model = await openModel(store, ids.modelId);
      const { index, popularity } = config;
      const { id } = await buildBundle({ store, dataset, model, index, popularity, metrics, once, onProgress });
      return { bundleId: id, undatedItems: countUndatedItems(dataset) };
    },
  });
}

/** Counts the available items that have neither a creation time nor an interaction. */
function countUndatedItems({ items, sequences }: Dataset): number {
  const chosen = new Set(sequences.items);
  return items.filter(
    ({ available, attributes }, item) =>
      item > 0 && available !== false && !chosen.has(item) && createdTime(attributes) === undefined,
  ).length;
}

function cachedBundle(
  context: StageContext,
  { datasetId, modelId }: ModelIds,
  metrics: Readonly<Record<string, number>>,
): CachedStage<IndexOutput> {
  const { index, popularity } = context.config;
  const inputs = { format: bundleFormat, datasetId, modelId, index, popularity, metrics };
  return cachedStage(context, 'index', inputs, ({ bundleId: id }) => ({ kind: 'bundle', id }));
}

/**
 * Returns whether the stages would compute a bundle again from the events and items of its dataset. Returns false after a change of
 * their settings or of the version of Facet, after an erasure, and if an artifact is missing or damaged.
 *
 * @throws AppError as `readBundleInfo`, `readDatasetInfo` and `readModelInfo`.
 */
export async function wouldRepeat(context: StageContext, bundle: ArtifactRef): Promise<boolean> {
  const { home, store } = context;
  const { datasetId, modelId, metrics } = await readBundleInfo(store, bundle);
  const { occurredBefore, receivedBefore, offsets } = (await readDatasetInfo(store, datasetId)).window;
  const { start } = await readModelInfo(store, modelId);
  const warmFrom = start.kind === 'warm' ? start.modelId : start.refused?.modelId;
  const snapshot = await openLakeSnapshot(home.lakeFolder);
  const cut = { occurredBefore, receivedBefore, offsets };
  const dataset = await findStageOutput(await cachedDataset(context, snapshot, cut));
  const trained = await findStageOutput(cachedTraining(context, { datasetId, warmFrom }));
  const built = await findStageOutput(cachedBundle(context, { datasetId, modelId }, metrics));
  return dataset?.datasetId === datasetId && trained?.modelId === modelId && built?.bundleId === bundle.id;
}

/** Returns the metrics that a bundle stores, by name: `new.recall@50`. */
export function headlineMetrics({ methods, mainCutoff }: EvaluationReport): Record<string, number> {
  const model = methods[0]!;
  return Object.fromEntries(
    (['new', 'all'] as const).flatMap((task) => {
      const measured = model[task].cutoffs.find(({ cutoff }) => cutoff === mainCutoff)!;
      return metricsOf('bundle').map((name) => [storedMetric(task, name, mainCutoff), measured[name]]);
    }),
  );
}
