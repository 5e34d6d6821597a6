import { createHash } from 'node:crypto';
import type { ArtifactStore } from '@facet/artifacts';
import { listLakeFiles, readInteractions, readInteractionsOnSpark, readItemsAsOf, readUsers } from '@facet/lake';
import type { LakeInteractions, LakeSnapshot } from '@facet/lake';
import { parsePositiveClauses } from '@facet/features';
import type { FacetConfig, HomePaths } from '@facet/config';
import type { Item, User } from '@facet/schemas';
import type { StageWatch } from '../stage.ts';
import { buildDataset } from './build-dataset.ts';
import type { DatasetSettings } from './build-dataset.ts';
import { putDataset } from './dataset-artifact.ts';
import type { DatasetCut, DatasetInfo } from './dataset.ts';

/** The inputs of a dataset. */
export interface DatasetInputs {
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
