import { ifUsable, useArtifact } from '@facet/artifacts';
import type { ArtifactStore } from '@facet/artifacts';
import { resolveModel } from '@facet/config';
import { hashJson } from '../context/stage-cache.ts';
import type { StageContext } from '../context/stage-context.ts';
import { readDatasetInfo } from '../dataset/dataset-artifact.ts';
import type { DatasetInfo } from '../dataset/dataset.ts';
import { openModel, readModelInfo } from '../model/model-artifact.ts';
import { canProduce } from '../model/model-spec.ts';
import { shiftDay } from '../runs/data-day.ts';
import type { DataDay } from '../runs/data-day.ts';
import type { LogOffsets, RunStart } from '../runs/run-store.ts';
import type { RefreshRun, RunReport } from '../runs/run.ts';

/**
 * Decides how a run continues after its dataset: it is skipped because nothing is new, or trains with a warm start, or trains
 * fully. If the current bundle cannot be used, the run trains.
 *
 * @param reports of all runs, newest first
 */
export async function decideStart(
  context: StageContext,
  run: RefreshRun,
  info: DatasetInfo,
  reports: readonly RunReport[],
): Promise<RunStart> {
  const skipped = run.isForced ? undefined : await skipReasonWithoutChanges(context, info);
  return skipped === undefined ? { warmFrom: await chooseWarmStart(context, run, reports) } : { skipped };
}

/** Returns why the run is skipped if the current bundle has the same data and model settings; otherwise undefined. */
async function skipReasonWithoutChanges(
  { store, config }: StageContext,
  info: DatasetInfo,
): Promise<string | undefined> {
  return ifUsable(async () => {
    const modelId = await currentModelId(store);
    if (modelId === undefined) return undefined;
    const model = (await openModel(store, modelId)).info;
    const { model: settings } = resolveModel(config);
    if (!canProduce(settings, model.spec.config)) return undefined;
    const current = await readDatasetInfo(store, model.datasetId);
    if (hashJson(contentOf(current)) !== hashJson(contentOf(info))) return undefined;
    return 'Nothing is new: the dataset has the same events, items and users as that of the current bundle.';
  });
}

/** Equal counts mean equal events, because a later cut contains all events of an earlier one. */
function contentOf({ counts, sources, interactions, filters, features }: DatasetInfo): unknown {
  return [counts['events'], sources.catalog, interactions, filters, features];
}

/**
 * Returns why the run is skipped if its newest window is empty because no event was received since the dataset of the current
 * bundle; otherwise undefined.
 */
export async function skipReasonWithoutEvents(
  { store }: StageContext,
  offsets: LogOffsets,
): Promise<string | undefined> {
  return ifUsable(async () => {
    const modelId = await currentModelId(store);
    if (modelId === undefined) return undefined;
    const { datasetId } = await readModelInfo(store, modelId);
    const { window } = await readDatasetInfo(store, datasetId);
    if (hashJson(window.offsets) !== hashJson(offsets)) return undefined;
    return 'Nothing is new: no event was received since the dataset of the current bundle.';
  });
}

/** Returns the model of the current bundle; undefined for a full training, due `refresh.fullRetrainDays` after the last one. */
async function chooseWarmStart(
  { store, config }: StageContext,
  run: RefreshRun,
  reports: readonly RunReport[],
): Promise<string | undefined> {
  if (run.isFull || isFullRetrainDue(run.day, lastFullRetrain(reports)?.run.day, config.refresh.fullRetrainDays)) {
    return undefined;
  }
  return ifUsable(() => currentModelId(store));
}

/** Without an earlier refresh, warm starts begin with the current model, which was trained manually. */
function isFullRetrainDue(day: DataDay, last: DataDay | undefined, everyDays: number): boolean {
  return everyDays === 0 || (last !== undefined && day >= shiftDay(last, everyDays));
}

/**
 * Returns the newest promoted run with a full training; else the first promoted run.
 *
 * @param reports of all runs, newest first
 */
export function lastFullRetrain(reports: readonly RunReport[]): RunReport | undefined {
  const promoted = reports.filter(({ state }) => state === 'promoted');
  const full = promoted.find(({ stages }) => stages.some(({ outputs }) => outputs?.start === 'full'));
  return full ?? promoted.at(-1);
}

/** Returns the model of the current bundle; undefined before the first promotion. @throws AppError `ARTIFACT_CORRUPT`. */
async function currentModelId(store: ArtifactStore): Promise<string | undefined> {
  const current = await store.readRef('current');
  if (current === undefined) return undefined;
  const { modelId } = await useArtifact(store, current, ({ manifest }) => manifest.metadata);
  return typeof modelId === 'string' ? modelId : undefined;
}
