import { join } from 'node:path';
import { createFolderArtifactStore, hashFile } from '@facet/artifacts';
import type { ArtifactRef, ArtifactStore } from '@facet/artifacts';
import { catalogFiles, listLakeFiles, openLakeSnapshot, readChoices, readItems, readUsers } from '@facet/events';
import { parsePositiveClauses } from '@facet/features';
import { isAppError } from '@facet/platform';
import { buildDataset } from './dataset/build-dataset.ts';
import { openDataset, putDataset } from './dataset/dataset-artifact.ts';
import type { DatasetCut, DatasetInfo } from './dataset/dataset.ts';
import { resolveModel } from './config.ts';
import type { FacetConfig } from './config.ts';
import { evaluateModel } from './evaluation/evaluate.ts';
import type { EvaluateOptions, EvaluationReport } from './evaluation/evaluate.ts';
import { saveGateReport } from './gate/gate-report.ts';
import type { GateReport } from './gate/gate-report.ts';
import { runGate } from './gate/run-gate.ts';
import type { GateWatch } from './gate/run-gate.ts';
import type { HomePaths } from './home.ts';
import { buildBundle } from './indexing/build-bundle.ts';
import type { BuildBundleOptions } from './indexing/build-bundle.ts';
import { hashJson, runStage } from './stage.ts';
import type { StageResult } from './stage.ts';
import { openModel } from './training/model-artifact.ts';
import type { TrainingStart } from './training/model-artifact.ts';
import type { TrainOptions } from './training/train.ts';

/** What every stage works with. */
export interface StageContext {
  readonly home: HomePaths;
  readonly config: FacetConfig;
  readonly store: ArtifactStore;
}

/** Raised when a stage computes something else from the same inputs, so that kept outputs are not reused. */
const stageVersions = { dataset: 2, train: 2, evaluate: 1, index: 3, gate: 1 } as const;

export function createStageContext(home: HomePaths, config: FacetConfig): StageContext {
  return { home, config, store: createFolderArtifactStore(home.artifactsFolder) };
}

/**
 * Lake and catalog → dataset: of all events, or of what is before a cut.
 *
 * @throws AppError `FEATURES_RULE_INVALID`, those of `buildDataset`.
 */
export async function datasetStage(
  { home, config, store }: StageContext,
  cut: DatasetCut = {},
): Promise<StageResult<{ datasetId: string; info: DatasetInfo }>> {
  // Sinks and compactions go on: files and events are to be those of one moment.
  const snapshot = await openLakeSnapshot(home.lakeFolder);
  const lake = (await listLakeFiles(snapshot, cut)).map(({ path, sha256, rows }) => ({ path, sha256, rows }));
  const catalog = await catalogSources(home.catalogFolder);
  return runStage({
    folder: home.stagesFolder,
    name: 'dataset',
    inputs: {
      version: stageVersions.dataset,
      cut,
      lake,
      // What they are about is left out of the events, though it is still in the files.
      pendingErasures: snapshot.pendingErasures.map(({ erasureId }) => erasureId),
      catalog,
      interactions: config.interactions,
      split: config.split,
      features: config.features,
    },
    isUsable: ({ datasetId }) => isSound(store, { kind: 'dataset', id: datasetId }),
    run: async () => {
      const choices = await readChoices(
        snapshot,
        cut,
        { positives: parsePositiveClauses(config.interactions.positives), bots: config.interactions.bots },
        config.dataset,
      );
      const parts = buildDataset(
        {
          choices,
          items: await readItems(home.catalogFolder),
          users: await readUsers(home.catalogFolder),
          files: { lakeVersion: snapshot.version, lake, catalog },
          window: {
            occurredBefore: cut.occurredBefore ?? choices.newest.occurredAt + 1,
            receivedBefore: cut.receivedBefore ?? choices.newest.receivedAt + 1,
            offsets: appliedOffsets(snapshot.offsets, cut.offsets),
          },
        },
        config,
      );
      const { id } = await putDataset(store, parts);
      return { datasetId: id, info: parts.info };
    },
  });
}

/** The offsets of the lake, where the cut does not end before them. */
function appliedOffsets(
  lake: Readonly<Record<string, number>>,
  cut: DatasetCut['offsets'] = lake,
): Record<string, number> {
  return Object.fromEntries(
    Object.entries(lake).flatMap(([source, next]) => {
      const applied = Math.min(next, cut[source] ?? 0);
      return applied === 0 ? [] : [[source, applied]];
    }),
  );
}

/** What a model is made from: a dataset and, where a warm start is wanted, the model whose tables it starts from. */
export interface TrainInputs {
  readonly datasetId: string;
  readonly warmFrom?: string;
}

/** Dataset → model. Its curves, and what it started from, are in the model; a killed run goes on from its last epoch. */
export async function trainStage(
  { home, config, store }: StageContext,
  { datasetId, warmFrom }: TrainInputs,
  watch: Pick<TrainOptions, 'onStart' | 'onProgress' | 'onEpoch' | 'signal' | 'now'> = {},
): Promise<StageResult<{ modelId: string; start: TrainingStart }>> {
  const { model, training } = resolveModel(config);
  const { warm, ...full } = training;
  const starts = warmFrom === undefined ? {} : { warmFrom, warm };
  const inputs = { version: stageVersions.train, datasetId, model, training: full, ...starts };
  return runStage({
    folder: home.stagesFolder,
    name: 'train',
    inputs,
    isUsable: ({ modelId }) => isSound(store, { kind: 'model', id: modelId }),
    run: async () => {
      // TensorFlow comes with it: only training loads it.
      const { trainModel } = await import('./training/train.ts');
      const dataset = await openDataset(store, datasetId);
      const checkpoints = join(home.checkpointsFolder, hashJson(inputs));
      const { ref, start } = await trainModel({ store, dataset, model, training, warmFrom, checkpoints, ...watch });
      return { modelId: ref.id, start };
    },
  });
}

/** Dataset and model → the report on the test window, beside the baselines. */
export async function evaluateStage(
  { home, config, store }: StageContext,
  ids: { readonly datasetId: string; readonly modelId: string },
  watch: Pick<EvaluateOptions, 'onMethod'> = {},
): Promise<StageResult<EvaluationReport>> {
  return runStage({
    folder: home.stagesFolder,
    name: 'evaluate',
    inputs: { version: stageVersions.evaluate, ...ids, evaluation: config.evaluation },
    isUsable: async (report) => Array.isArray(report.methods),
    run: async () => {
      const dataset = await openDataset(store, ids.datasetId);
      const model = await openModel(store, ids.modelId);
      return evaluateModel({ dataset, model, ...config.evaluation, ...watch });
    },
  });
}

/** Model → bundle with its index. Nothing serves it until it is promoted. */
export async function indexStage(
  { home, config, store }: StageContext,
  ids: { readonly datasetId: string; readonly modelId: string },
  options: { readonly metrics?: Readonly<Record<string, number>> } & Pick<BuildBundleOptions, 'onProgress'> = {},
): Promise<StageResult<{ bundleId: string }>> {
  const { metrics = {}, ...watch } = options;
  return runStage({
    folder: home.stagesFolder,
    name: 'index',
    inputs: { version: stageVersions.index, ...ids, index: config.index, metrics },
    isUsable: ({ bundleId }) => isSound(store, { kind: 'bundle', id: bundleId }),
    run: async (once) => {
      const dataset = await openDataset(store, ids.datasetId);
      const model = await openModel(store, ids.modelId);
      const { id } = await buildBundle({ store, dataset, model, index: config.index, metrics, once, ...watch });
      return { bundleId: id };
    },
  });
}

/**
 * Bundle, incumbent and the newest window → whether the bundle may be promoted. Moves nothing. The report is kept as the
 * output of these inputs, so a stage that is tried again gives the same verdict though times were measured; and by the id
 * of the bundle.
 *
 * @throws AppError of `loadBundle` for the candidate, those of `openDataset`.
 */
export async function gateStage(
  { home, config, store }: StageContext,
  ids: { readonly datasetId: string; readonly bundleId: string; readonly incumbentId?: string | undefined },
  watch: GateWatch = {},
): Promise<StageResult<GateReport>> {
  const { datasetId, bundleId, incumbentId } = ids;
  const { tieSeed } = config.evaluation;
  const result = await runStage({
    folder: home.stagesFolder,
    name: 'gate',
    inputs: {
      version: stageVersions.gate,
      datasetId,
      bundleId,
      incumbentId: incumbentId ?? null,
      gate: config.gate,
      tieSeed,
    },
    isUsable: async (report) => report.formatVersion === 1,
    run: async () => {
      const dataset = await openDataset(store, datasetId);
      return runGate({ store, dataset, bundleId, incumbentId, settings: config.gate, tieSeed, watch });
    },
  });
  await saveGateReport(home.gatesFolder, result.output);
  return result;
}

/** The figures of an evaluation that a bundle carries, by name: `new.recall@50`. */
export function headlineMetrics({ methods, mainCutoff }: EvaluationReport): Record<string, number> {
  const model = methods[0]!;
  return Object.fromEntries(
    (['new', 'all'] as const).flatMap((task) => {
      const metrics = model[task].cutoffs.find(({ cutoff }) => cutoff === mainCutoff)!;
      return (['recall', 'hitRate', 'ndcg'] as const).map((name) => [`${task}.${name}@${mainCutoff}`, metrics[name]]);
    }),
  );
}

/** Whether a kept artifact is there and unaltered; a stage makes it anew otherwise. */
async function isSound(store: ArtifactStore, ref: ArtifactRef): Promise<boolean> {
  try {
    await store.open(ref);
    return true;
  } catch (error) {
    if (isAppError(error, 'ARTIFACT_NOT_FOUND') || isAppError(error, 'ARTIFACT_CORRUPT')) return false;
    throw error;
  }
}

async function catalogSources(folder: string): Promise<{ path: string; sha256: string }[]> {
  const sources: { path: string; sha256: string }[] = [];
  for (const file of Object.values(catalogFiles)) {
    try {
      sources.push({ path: file, sha256: (await hashFile(join(folder, file))).sha256 });
    } catch (error) {
      if (!isMissing(error)) throw error;
    }
  }
  return sources;
}

function isMissing(error: unknown): boolean {
  const cause = isAppError(error) ? error.cause : error;
  return (cause as NodeJS.ErrnoException | undefined)?.code === 'ENOENT';
}
