import { ifUsable, useArtifact } from '@facet/artifacts';
import type { ArtifactStore } from '@facet/artifacts';
import { readBundleInfo } from '@facet/bundles';
import { hashJson, readDatasetInfo, readModelInfo, wouldRepeat } from '@facet/stages';
import type { StageContext, DatasetInfo } from '@facet/stages';
import { shiftDay } from '@facet/runs';
import type { DataDay, LogOffsets, RunStart, RefreshRun, RunReport } from '@facet/runs';

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

/** Returns why the run is skipped if it would compute the current bundle again; otherwise undefined. */
async function skipReasonWithoutChanges(context: StageContext, info: DatasetInfo): Promise<string | undefined> {
  const { store } = context;
  return ifUsable(async () => {
    const current = await store.readRef('current');
    if (current === undefined) return undefined;
    const { datasetId } = await readBundleInfo(store, current);
    const isSame = hashJson(contentOf(await readDatasetInfo(store, datasetId))) === hashJson(contentOf(info));
    if (!isSame || !(await wouldRepeat(context, current))) return undefined;
    return 'Nothing is new: the events, items, users and settings are those of the current bundle.';
  });
}

/** Without erasures, equal counts mean equal events, because a later cut contains all events of an earlier one. */
function contentOf({ counts, sources }: DatasetInfo): unknown {
  return [counts['events'], sources.catalog];
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
