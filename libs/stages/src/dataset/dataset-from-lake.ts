import { createHash } from 'node:crypto';
import { useArtifact } from '@facet/artifacts';
import type { ArtifactStore } from '@facet/artifacts';
import type { FacetConfig, HomePaths } from '@facet/config';
import { parsePositiveClauses } from '@facet/features';
import {
  listLakeFiles,
  readInteractions,
  readInteractionsOnSpark,
  readItemsAsOf,
  readUsers,
  openLakeSnapshot,
} from '@facet/lake';
import type { LakeInteractions, LakeSnapshot } from '@facet/lake';
import type { Item, User } from '@facet/schemas';
import type { StageWatch, StageContext } from '../stage.ts';
import { buildDataset } from './build-dataset.ts';
import type { DatasetSettings } from './build-dataset.ts';
import { putDataset, readDatasetInfo, readDatasetUsers } from './dataset-artifact.ts';
import { datasetVersion } from './dataset.ts';
import type { DatasetCut, DatasetInfo } from './dataset.ts';

/** The inputs of a dataset. */
interface DatasetInputs {
  readonly home: HomePaths;
  readonly store: ArtifactStore;
  readonly snapshot: LakeSnapshot;
  readonly settings: DatasetSettings;
  /** Limits of DuckDB, and the cluster of Spark. */
  readonly resources: FacetConfig['dataset'];
  /** Only Spark reports progress. */
  readonly watch?: StageWatch;
}

export interface StoredDataset {
  readonly datasetId: string;
  readonly info: DatasetInfo;
}

/** Builds and stores the dataset of a lake and a catalog up to a cut. @throws AppError as `buildDataset`, `FEATURES_RULE_INVALID`. */
export async function buildDatasetFromLake(inputs: DatasetInputs, cut: DatasetCut): Promise<StoredDataset> {
  const { home, snapshot, settings } = inputs;
  const interactions = await readCutInteractions(inputs, cut);
  const catalog = await readCatalog(home, cut.receivedBefore);
  const parts = buildDataset(
    {
      interactions,
      items: catalog.items,
      users: catalog.users,
      files: { ...(await describeLake(snapshot, cut)), catalog: catalog.files },
      window: {
        occurredBefore: cut.occurredBefore ?? interactions.newest.occurredAt + 1,
        receivedBefore: cut.receivedBefore ?? interactions.newest.receivedAt + 1,
        offsets: appliedOffsets(snapshot, cut.offsets),
        itemsReceivedBefore: catalog.itemsReceivedBefore,
      },
    },
    settings,
  );
  const { id } = await putDataset(inputs.store, parts);
  return { datasetId: id, info: parts.info };
}

/** Reads the interactions of a cut by the rules of the settings, with Spark if the resources name a cluster. */
export async function readCutInteractions(
  {
    snapshot,
    settings,
    resources,
    watch: { signal, onProgress } = {},
  }: Pick<DatasetInputs, 'snapshot' | 'settings' | 'resources' | 'watch'>,
  cut: DatasetCut,
): Promise<LakeInteractions> {
  const { positives, bots } = settings.interactions;
  const rules = { positives: parsePositiveClauses(positives), bots };
  const { spark, ...limits } = resources;
  if (spark === undefined) return readInteractions(snapshot, cut, rules, { ...limits, signal });
  return readInteractionsOnSpark(snapshot, cut, rules, {
    ...limits,
    spark,
    signal,
    onProgress: (share, detail) => onProgress?.({ share, detail }),
  });
}

/** The catalog as a dataset uses it. */
interface CatalogSources {
  readonly items: readonly Item[];
  /** As the catalog contains them now: it keeps no history of users. */
  readonly users: readonly User[];
  /** Epoch milliseconds. The items were received before this time. */
  readonly itemsReceivedBefore: number;
  readonly files: DatasetInfo['sources']['catalog'];
}

/** Reads the catalog as it was before a receipt time (epoch milliseconds); all of it without one. */
export async function readCatalog({ catalogFolder }: HomePaths, receivedBefore?: number): Promise<CatalogSources> {
  const { items, newestReceivedAt } = await readItemsAsOf(catalogFolder, receivedBefore);
  const users = await readUsers(catalogFolder);
  return {
    items,
    users,
    itemsReceivedBefore: receivedBefore ?? newestReceivedAt + 1,
    files: [...describe('items.jsonl', items), ...describe('users.jsonl', users)],
  };
}

function describe(path: string, records: readonly unknown[]): { path: string; sha256: string }[] {
  if (records.length === 0) return [];
  const hash = createHash('sha256');
  for (const record of records) hash.update(`${JSON.stringify(record)}\n`);
  return [{ path, sha256: hash.digest('hex') }];
}

/** Lists the files of the lake with events of the cut. */
export async function describeLake(
  snapshot: LakeSnapshot,
  cut: DatasetCut,
): Promise<Pick<DatasetInfo['sources'], 'lakeVersion' | 'lake'>> {
  const files = await listLakeFiles(snapshot, cut);
  return { lakeVersion: snapshot.version, lake: files.map(({ path, sha256, rows }) => ({ path, sha256, rows })) };
}

/** Returns the offsets of the lake, limited by the cut. */
export function appliedOffsets(
  { offsets }: LakeSnapshot,
  cut: DatasetCut['offsets'] = offsets,
): Record<string, number> {
  return Object.fromEntries(
    Object.entries(offsets).flatMap(([source, next]) => {
      const applied = Math.min(next, cut[source] ?? 0);
      return applied === 0 ? [] : [[source, applied]];
    }),
  );
}

/** A dataset that was rebuilt from the manifest of another one. */
interface RebuiltDataset {
  readonly datasetId: string;
  readonly info: DatasetInfo;
  /** Whether all bytes are the same. */
  readonly isSame: boolean;
  /** The files that differ. */
  readonly differing: readonly string[];
  /** The known reasons for different bytes. */
  readonly reasons: readonly string[];
}

/**
 * Rebuilds a dataset from the lake and the catalog with the cut, rules, split and features of its manifest. Neither `facet.yaml`
 * nor newer data matters. User attributes come from the dataset, because the catalog contains only the newest ones.
 *
 * @throws AppError as `openDataset`, `buildDataset`.
 */
export async function rebuildDataset(
  { home, config, store }: StageContext,
  datasetId: string,
): Promise<RebuiltDataset> {
  const original = await readDatasetInfo(store, datasetId);
  const users = await readDatasetUsers(store, datasetId);
  const snapshot = await openLakeSnapshot(home.lakeFolder);
  const settings = settingsOf(original);
  const { window } = original;
  const interactions = await readCutInteractions({ snapshot, settings, resources: config.dataset }, window);
  const { items, compactedBefore } = await readItemsAsOf(home.catalogFolder, window.itemsReceivedBefore);
  const parts = buildDataset({ interactions, items, users, files: original.sources, window }, settings);
  const ref = await putDataset(store, parts);
  const isSame = ref.id === datasetId;
  return {
    datasetId: ref.id,
    info: parts.info,
    isSame,
    differing: isSame ? [] : await findDiffering(store, [datasetId, ref.id]),
    reasons: isSame ? [] : findReasons(original, snapshot, compactedBefore),
  };
}

/** Sets the split of the manifest as dates, however it was computed. */
function settingsOf({ interactions, filters, features, split }: DatasetInfo): DatasetSettings {
  const at = (moment: number): string => new Date(moment).toISOString();
  return {
    interactions: { ...interactions, ...filters },
    features,
    split: {
      testShare: 0.2,
      validationShare: 0.2,
      validationFrom: at(split.validationFrom),
      testFrom: at(split.testFrom),
    },
  };
}

async function findDiffering(store: ArtifactStore, [one, other]: readonly [string, string]): Promise<string[]> {
  const [before, after] = await Promise.all(
    [one, other].map((id) => useArtifact(store, { kind: 'dataset', id }, ({ manifest }) => manifest.files)),
  );
  return before!.flatMap(({ path, sha256 }) =>
    after!.some((file) => file.path === path && file.sha256 === sha256) ? [] : [path],
  );
}

function findReasons(
  { stageVersion, sources, window }: DatasetInfo,
  snapshot: LakeSnapshot,
  compactedBefore: number,
): string[] {
  const reasons: string[] = [];
  if (stageVersion !== datasetVersion) {
    reasons.push('another version of Facet, which computes datasets differently, built it');
  }
  const erasures = snapshot.erasures.filter(({ version }) => version > sources.lakeVersion).length;
  if (erasures > 0) reasons.push(`${erasures} ${erasures === 1 ? 'user was' : 'users were'} erased since then`);
  const offsets = appliedOffsets(snapshot, window.offsets);
  for (const [source, next] of Object.entries(window.offsets)) {
    const there = offsets[source] ?? 0;
    if (there < next) reasons.push(`the lake contains ${source} only below offset ${there}, not below ${next}`);
  }
  if (window.itemsReceivedBefore < compactedBefore) {
    const since = new Date(compactedBefore).toISOString();
    reasons.push(`item versions that were received before ${since} were compacted`);
  }
  return reasons;
}
