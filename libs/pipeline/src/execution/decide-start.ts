import type { ArtifactStore } from '@facet/artifacts';
import { resolveModel } from '@facet/config';
import { isAppError } from '@facet/platform';
import { hashJson } from '../context/stage-cache.ts';
import type { StageContext } from '../context/stage-context.ts';
import { readDatasetInfo } from '../dataset/dataset-artifact.ts';
import type { DatasetInfo } from '../dataset/dataset.ts';
import { openModel, readModelInfo } from '../model/model-artifact.ts';
import { shiftDay } from '../runs/data-day.ts';
import type { DataDay } from '../runs/data-day.ts';
import type { LogOffsets } from '../runs/run-store.ts';
import type { RefreshRun, RunReport } from '../runs/run.ts';

/**
 * The model that the run's training starts from: the current bundle's; undefined for a full retrain, which is due
 * `refresh.fullRetrainDays` after the last one.
 *
 * @param reports of all runs, the newest first.
 */
export async function chooseStart(
  { store, config }: StageContext,
  run: RefreshRun,
  reports: readonly RunReport[],
): Promise<string | undefined> {
  if (run.isFull || isFullRetrainDue(run.day, lastFullRetrain(reports), config.refresh.fullRetrainDays)) {
    return undefined;
  }
  try {
    return await currentModelId(store);
  } catch (error) {
    if (isAppError(error, 'ARTIFACT_NOT_FOUND') || isAppError(error, 'ARTIFACT_CORRUPT')) return undefined;
    throw error;
  }
}

/** Without any, one that was trained by hand is current: warm starts begin with it. */
function isFullRetrainDue(day: DataDay, last: DataDay | undefined, everyDays: number): boolean {
  return everyDays === 0 || (last !== undefined && day >= shiftDay(last, everyDays));
}

/** The newest day of which a model was trained in full and promoted; else the first day of which any was promoted. */
function lastFullRetrain(reports: readonly RunReport[]): DataDay | undefined {
  const promoted = reports.filter(({ state }) => state === 'promoted');
  const full = promoted.find(({ stages }) => stages.some(({ outputs }) => outputs?.start === 'full'));
  return (full ?? promoted.at(-1))?.run.day;
}

/**
 * Why a dataset is not worth training on: it knows what the current bundle was made of and no more, and the model is to be the
 * same kind. Undefined when something is new, or nothing is current.
 */
export async function whyNothingNew({ store, config }: StageContext, info: DatasetInfo): Promise<string | undefined> {
  try {
    const modelId = await currentModelId(store);
    if (modelId === undefined) return undefined;
    const model = (await openModel(store, modelId)).info;
    if (hashJson(resolveModel(config).model) !== hashJson(model.spec.config)) return undefined;
    const before = await readDatasetInfo(store, model.datasetId);
    if (hashJson(contentOf(before)) !== hashJson(contentOf(info))) return undefined;
    return 'Nothing is new: the events, items and users are those that the current bundle was made of.';
  } catch (error) {
    // What cannot be compared with is no reason to leave a day out.
    const isUnusable = ['ARTIFACT_NOT_FOUND', 'ARTIFACT_CORRUPT', 'MODEL_OUTDATED'].some((code) =>
      isAppError(error, code),
    );
    if (isUnusable) return undefined;
    throw error;
  }
}

/**
 * Why a day without events in the newest window is no failure: nothing was received since the current bundle's dataset, as in
 * a shop that is closed. Undefined otherwise.
 */
export async function whyNothingReceived({ store }: StageContext, offsets: LogOffsets): Promise<string | undefined> {
  const modelId = await currentModelId(store);
  if (modelId === undefined) return undefined;
  const datasetId = await datasetOf(store, modelId);
  if (datasetId === undefined) return undefined;
  const { window } = await readDatasetInfo(store, datasetId);
  if (hashJson(window.offsets) !== hashJson(offsets)) return undefined;
  return 'Nothing is new: no event was received since those that the current bundle was made of.';
}

/** Undefined for a model of another format. */
async function datasetOf(store: ArtifactStore, modelId: string): Promise<string | undefined> {
  try {
    return (await readModelInfo(store, modelId)).datasetId;
  } catch (error) {
    if (isAppError(error, 'MODEL_OUTDATED')) return undefined;
    throw error;
  }
}

/** A later cut lets more through or the same: then as many events are the same ones. */
function contentOf({ counts, sources, interactions, filters, features }: DatasetInfo): unknown {
  return [counts['events'], sources.catalog, interactions, filters, features];
}

/** The model of the current bundle; undefined where nothing was promoted. @throws AppError `ARTIFACT_CORRUPT`. */
async function currentModelId(store: ArtifactStore): Promise<string | undefined> {
  const current = await store.readRef('current');
  if (current === undefined) return undefined;
  const { modelId } = (await store.open(current)).manifest.metadata;
  return typeof modelId === 'string' ? modelId : undefined;
}
