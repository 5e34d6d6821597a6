import type { ArtifactStore } from '@facet/artifacts';
import { isAppError } from '@facet/platform';
import { resolveModel } from '@facet/config';
import { readDatasetInfo } from '../dataset/dataset-artifact.ts';
import type { DatasetInfo } from '../dataset/dataset.ts';
import { hashJson } from '../stage.ts';
import type { StageContext } from '../stages.ts';
import { openModel, readModelInfo } from '../training/model-artifact.ts';
import { currentModelId } from './current-model.ts';
import type { LogOffsets } from './run-store.ts';

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
