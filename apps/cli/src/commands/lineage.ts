import type { ArtifactStore, PromotionRecord } from '@facet/artifacts';
import { readBundleInfo } from '@facet/bundles';
import { homePaths } from '@facet/config';
import { openLakeSnapshot } from '@facet/lake';
import { readDatasetInfo, readGateReport, readModelInfo } from '@facet/pipeline';
import { AppError, isAppError, utcDay } from '@facet/platform';
import type { CommandContext, CommonOptions } from '../command-context.ts';
import { findArtifact, openStore } from '../home.ts';
import { addHome, addNotes } from '../options.ts';
import type { Register } from '../options.ts';
import { countOf, formatCount, formatMinute, shortId } from '../terminal/text.ts';

/** The origin of an artifact. A part is `null` if it is unknown, and `isGone` if it is known and deleted. */
interface Lineage {
  readonly bundle: (Named & { readonly asOf?: number; readonly promotions: readonly PromotionRecord[] }) | null;
  readonly model: (Named & { readonly startedFrom?: string | null }) | null;
  readonly dataset:
    (Named & { readonly window?: DatasetWindow; readonly counts?: Readonly<Record<string, number>> }) | null;
  readonly lake: LakeLineage | null;
}

interface Named {
  readonly id: string;
  readonly isGone: boolean;
}

interface DatasetWindow {
  readonly occurredBefore: number;
  readonly receivedBefore: number;
  readonly testFrom: number;
}

interface LakeLineage {
  readonly version: number;
  /** The first unread offset of each source. */
  readonly offsets: Readonly<Record<string, number>>;
  readonly files: readonly (LineageFile & { readonly isGone: boolean })[];
  readonly catalog: readonly { readonly path: string; readonly sha256: string }[];
}

interface LineageFile {
  readonly path: string;
  readonly sha256: string;
  readonly rows: number;
}

const kinds = ['bundle', 'model', 'dataset'] as const;
const shownFilesMax = 10;

export const registerLineage: Register = (command, deps) => {
  addNotes(
    addHome(command, deps).argument('<id>', 'id of an artifact or its beginning; API responses contain a bundleId'),
    '',
    'facet lineage 3f2a9c',
    'facet lineage 3f2a9c --json',
  ).action(deps.action(printLineage));
};

async function printLineage(id: string, options: CommonOptions, { output }: CommandContext): Promise<void> {
  const lineage = await traceLineage(id, { home: options.home, store: openStore(options.home) });
  output.show(renderLineage(lineage));
  output.document({ home: options.home, ...lineage });
}

interface Place {
  readonly home: string;
  readonly store: ArtifactStore;
}

async function traceLineage(id: string, place: Place): Promise<Lineage> {
  const { home, store } = place;
  const ref = await findArtifact(store, id, { kinds, home }).catch((error: unknown) => {
    // The promotion log and the gate report still know the full id of a pruned bundle.
    if (isAppError(error, 'ARTIFACT_NOT_FOUND') && /^[0-9a-f]{32}$/.test(id)) return { kind: 'gone', id };
    throw error;
  });
  switch (ref.kind) {
    case 'dataset':
      return { bundle: null, model: null, ...(await traceDataset(ref.id, place)) };
    case 'model':
      return { bundle: null, ...(await traceModel(ref.id, undefined, place)) };
    default:
      return traceBundle(ref.id, place);
  }
}

async function traceBundle(id: string, place: Place): Promise<Lineage> {
  const { store } = place;
  const promotions = (await store.promotions()).filter((record) => record.kind !== 'fence' && record.ref?.id === id);
  const info = await orGone(readBundleInfo(store, { kind: 'bundle', id }));
  if (info !== undefined) {
    const bundle = { id, isGone: false, asOf: info.asOf, promotions };
    return { bundle, ...(await traceModel(info.modelId, info.datasetId, place)) };
  }
  const report = await readGateReport(homePaths(place.home).gatesFolder, id);
  if (report === undefined && promotions.length === 0) {
    throw new AppError(`The data home ${place.home} has no artifact with the id ${id}.`, {
      code: 'ARTIFACT_NOT_FOUND',
      category: 'artifact-missing',
      remedy: 'Check --home: use the data home of the API that returned the id.',
    });
  }
  const bundle = { id, isGone: true, promotions };
  const rest = report === undefined ? { dataset: null, lake: null } : await traceDataset(report.datasetId, place);
  return { bundle, model: null, ...rest };
}

async function traceModel(
  id: string,
  datasetId: string | undefined,
  place: Place,
): Promise<Pick<Lineage, 'model' | 'dataset' | 'lake'>> {
  const info = await orGone(readModelInfo(place.store, id));
  const startedFrom = info?.start?.kind === 'warm' ? info.start.modelId : null;
  const model = { id, isGone: info === undefined, ...(info === undefined ? {} : { startedFrom }) };
  const madeFrom = info?.datasetId ?? datasetId;
  return { model, ...(madeFrom === undefined ? { dataset: null, lake: null } : await traceDataset(madeFrom, place)) };
}

async function traceDataset(id: string, { home, store }: Place): Promise<Pick<Lineage, 'dataset' | 'lake'>> {
  const info = await orGone(readDatasetInfo(store, id));
  if (info === undefined) return { dataset: { id, isGone: true }, lake: null };
  const { occurredBefore, receivedBefore, offsets } = info.window;
  const { lakeVersion, lake, catalog } = info.sources;
  const live = new Set((await openLakeSnapshot(homePaths(home).lakeFolder)).files.map(({ path }) => path));
  return {
    dataset: {
      id,
      isGone: false,
      window: { occurredBefore, receivedBefore, testFrom: info.split.testFrom },
      counts: info.counts,
    },
    lake: {
      version: lakeVersion,
      offsets,
      files: lake.map((file) => ({ ...file, isGone: !live.has(file.path) })),
      catalog,
    },
  };
}

/** Returns undefined for an artifact that is pruned, corrupt or incompatible. */
async function orGone<Info>(reading: Promise<Info>): Promise<Info | undefined> {
  return reading.catch((error: unknown) => {
    if (isAppError(error)) return undefined;
    throw error;
  });
}

function renderLineage({ bundle, model, dataset, lake }: Lineage): string {
  const lines: string[] = [];
  if (bundle !== null) {
    const ends = bundle.asOf === undefined ? '' : `, data to ${utcDay(bundle.asOf - 1)}`;
    lines.push(`bundle   ${named(bundle)}${ends}`);
    for (const { kind, at, by } of bundle.promotions) {
      lines.push(`         promoted ${formatMinute(at)} UTC by ${by}${kind === 'rollback' ? ' (rollback)' : ''}`);
    }
  }
  if (model !== null) {
    const start =
      model.startedFrom === undefined || model.startedFrom === null
        ? ''
        : `, started from ${shortId(model.startedFrom)}`;
    lines.push(`model    ${named(model)}${start}`);
  }
  if (dataset !== null) lines.push(`dataset  ${named(dataset)}`, ...describeDataset(dataset));
  if (lake !== null) lines.push(...describeLake(lake));
  return lines.join('\n');
}

function named({ id, isGone }: Named): string {
  return `${id}${isGone ? '  (gone)' : ''}`;
}

function describeDataset({ window, counts }: NonNullable<Lineage['dataset']>): string[] {
  if (window === undefined) return [];
  const { occurredBefore, receivedBefore, testFrom } = window;
  const iso = (ms: number): string => new Date(ms).toISOString();
  return [
    `         occurred before ${iso(occurredBefore)}, received before ${iso(receivedBefore)}, test from ${iso(testFrom)}`,
    `         ${countOf(counts?.['events'] ?? 0, 'event')} of ${countOf(counts?.['users'] ?? 0, 'user')}`,
  ];
}

function describeLake({ version, offsets, files, catalog }: LakeLineage): string[] {
  const gone = files.filter(({ isGone }) => isGone).length;
  const rest = files.length - shownFilesMax;
  return [
    `lake     version ${version}, ${countOf(files.length, 'file')}${gone === 0 ? '' : `, ${formatCount(gone)} since replaced by a compaction or an erasure`}`,
    ...Object.entries(offsets).map(([source, offset]) => `         ${source}: offsets before ${offset}`),
    ...files
      .slice(0, shownFilesMax)
      .map(
        ({ path, rows, sha256, isGone }) =>
          `         ${path}  ${countOf(rows, 'row')}  ${shortId(sha256)}${isGone ? '  (gone)' : ''}`,
      ),
    ...(rest > 0 ? [`         and ${countOf(rest, 'file')} more: see --json`] : []),
    ...catalog.map(({ path, sha256 }) => `catalog  ${path}  ${shortId(sha256)}`),
  ];
}
