import { changesCurrent, ifUsable } from '@facet/artifacts';
import { readBundleInfo } from '@facet/bundles';
import type { HomePaths } from '@facet/config';
import { openLakeSnapshot } from '@facet/lake';
import { AppError } from '@facet/platform';
import type { StageContext } from '@facet/stages';
import { readDatasetInfo, fitChoiceOf, readModelInfo } from '@facet/stages';
import { readGateReport } from '@facet/gate';
import { createRunStore } from '@facet/runs';
import type { Lineage } from '@facet/runs';

type LineageContext = Pick<StageContext, 'home' | 'store'>;

/**
 * Returns the origin of a bundle, model or dataset, back to the files and offsets of the lake.
 *
 * @param id the full id. The promotion log and the gate report still know a pruned bundle.
 * @throws AppError `ARTIFACT_NOT_FOUND`.
 */
export async function traceLineage(id: string, context: LineageContext): Promise<Lineage> {
  const isKind = async (kind: string): Promise<boolean> =>
    (await context.store.list(kind)).some(({ ref }) => ref.id === id);
  if (await isKind('dataset')) return { bundle: null, model: null, ...(await traceDataset(id, context)) };
  if (await isKind('model')) return { bundle: null, ...(await traceModel(id, undefined, context)) };
  return traceBundle(id, context);
}

async function traceBundle(id: string, context: LineageContext): Promise<Lineage> {
  const { store } = context;
  const promotions = (await store.promotions()).filter((record) => changesCurrent(record) && record.ref?.id === id);
  const info = await ifUsable(() => readBundleInfo(store, { kind: 'bundle', id }));
  if (info !== undefined) {
    const bundle = { id, isGone: false, asOf: info.asOf, promotions };
    return { bundle, ...(await traceModel(info.modelId, info.datasetId, context)) };
  }
  const report = await readGateReport(context.home.gatesFolder, id);
  if (report === undefined && promotions.length === 0) {
    throw new AppError(`The data home ${context.home.folder} has no artifact with the id ${id}.`, {
      code: 'ARTIFACT_NOT_FOUND',
      category: 'artifact-missing',
      remedy: 'Use the data home of the API that returned the id.',
    });
  }
  const bundle = { id, isGone: true, promotions };
  const rest = report === undefined ? { dataset: null, lake: null } : await traceDataset(report.datasetId, context);
  return { bundle, model: null, ...rest };
}

async function traceModel(
  id: string,
  datasetId: string | undefined,
  context: LineageContext,
): Promise<Pick<Lineage, 'model' | 'dataset' | 'lake'>> {
  const info = await ifUsable(() => readModelInfo(context.store, id));
  const startedFrom = info?.start.kind === 'warm' ? info.start.modelId : null;
  const facts = info === undefined ? {} : { startedFrom, ...fitChoiceOf(info) };
  const model = { id, isGone: info === undefined, ...facts };
  const madeFrom = info?.datasetId ?? datasetId;
  return { model, ...(madeFrom === undefined ? { dataset: null, lake: null } : await traceDataset(madeFrom, context)) };
}

async function traceDataset(id: string, { home, store }: LineageContext): Promise<Pick<Lineage, 'dataset' | 'lake'>> {
  const info = await ifUsable(() => readDatasetInfo(store, id));
  if (info === undefined) return { dataset: { id, isGone: true }, lake: null };
  const { occurredBefore, receivedBefore, offsets } = info.window;
  const { lakeVersion, lake, catalog } = info.sources;
  const live = new Set((await openLakeSnapshot(home.lakeFolder)).files.map(({ path }) => path));
  return {
    dataset: {
      id,
      isGone: false,
      window: { occurredBefore, receivedBefore, testFrom: info.split.testFrom },
      counts: info.counts,
      ...(await readAcceptedBadData(id, home)),
    },
    lake: {
      version: lakeVersion,
      offsets,
      files: lake.map((file) => ({ ...file, isGone: !live.has(file.path) })),
      catalog,
    },
  };
}

async function readAcceptedBadData(
  datasetId: string,
  { runsFolder }: HomePaths,
): Promise<Pick<NonNullable<Lineage['dataset']>, 'acceptedBadData'>> {
  for (const { run, stages } of await createRunStore(runsFolder).list()) {
    const { acceptedBadData: reason, runId } = run;
    const outputs = stages.find(({ stage }) => stage === 'dataset')?.outputs;
    if (reason !== undefined && outputs?.datasetId === datasetId && outputs.badDays !== undefined) {
      return { acceptedBadData: { runId, reason, days: outputs.badDays } };
    }
  }
  return {};
}
