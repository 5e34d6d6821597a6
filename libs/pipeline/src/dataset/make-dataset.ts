import { createHash } from 'node:crypto';
import type { ArtifactStore } from '@facet/artifacts';
import { catalogFiles, listLakeFiles, readInteractions, readItemsAsOf, readUsers } from '@facet/lake';
import type { LakeInteractions, LakeSnapshot } from '@facet/lake';
import { parsePositiveClauses } from '@facet/features';
import type { FacetConfig, HomePaths } from '@facet/config';
import type { Item, User } from '@facet/schemas';
import { buildDataset } from './build-dataset.ts';
import type { DatasetSettings } from './build-dataset.ts';
import { putDataset } from './dataset-artifact.ts';
import type { DatasetCut, DatasetInfo } from './dataset.ts';

/** What a dataset is made with. */
export interface DatasetMaking {
  readonly home: HomePaths;
  readonly store: ArtifactStore;
  readonly snapshot: LakeSnapshot;
  readonly settings: DatasetSettings;
  /** Of DuckDB. */
  readonly resources: FacetConfig['dataset'];
}

export interface MadeDataset {
  readonly datasetId: string;
  readonly info: DatasetInfo;
}

/** Lake and catalog, up to a cut, to a stored dataset. @throws AppError as `buildDataset`, `FEATURES_RULE_INVALID`. */
export async function makeDataset(making: DatasetMaking, cut: DatasetCut): Promise<MadeDataset> {
  const { home, snapshot, settings } = making;
  const choices = await readCutChoices(making, cut);
  const catalog = await readCatalog(home, cut.receivedBefore);
  const parts = buildDataset(
    {
      choices,
      items: catalog.items,
      users: catalog.users,
      files: { ...(await describeLake(snapshot, cut)), catalog: catalog.files },
      window: {
        occurredBefore: cut.occurredBefore ?? choices.newest.occurredAt + 1,
        receivedBefore: cut.receivedBefore ?? choices.newest.receivedAt + 1,
        offsets: appliedOffsets(snapshot, cut.offsets),
        itemsReceivedBefore: catalog.itemsReceivedBefore,
      },
    },
    settings,
  );
  const { id } = await putDataset(making.store, parts);
  return { datasetId: id, info: parts.info };
}

/** The choices of a cut, by the settings' rules. */
export async function readCutChoices(
  { snapshot, settings, resources }: Pick<DatasetMaking, 'snapshot' | 'settings' | 'resources'>,
  cut: DatasetCut,
): Promise<LakeInteractions> {
  const { positives, bots } = settings.interactions;
  return readInteractions(snapshot, cut, { positives: parsePositiveClauses(positives), bots }, resources);
}

/** What of the catalog a dataset is made from. */
export interface CatalogSources {
  readonly items: readonly Item[];
  /** As the catalog knows them now: it keeps no history of people. */
  readonly users: readonly User[];
  /** Epoch milliseconds; items are those that were received before. */
  readonly itemsReceivedBefore: number;
  readonly files: DatasetInfo['sources']['catalog'];
}

/** The catalog as of what was received before a moment (epoch milliseconds); all of it without one. */
export async function readCatalog({ catalogFolder }: HomePaths, receivedBefore?: number): Promise<CatalogSources> {
  const { items, newestReceivedAt } = await readItemsAsOf(catalogFolder, receivedBefore);
  const users = await readUsers(catalogFolder);
  return {
    items,
    users,
    itemsReceivedBefore: receivedBefore ?? newestReceivedAt + 1,
    files: [...describe(catalogFiles.items, items), ...describe(catalogFiles.users, users)],
  };
}

function describe(path: string, records: readonly unknown[]): { path: string; sha256: string }[] {
  if (records.length === 0) return [];
  const hash = createHash('sha256');
  for (const record of records) hash.update(`${JSON.stringify(record)}\n`);
  return [{ path, sha256: hash.digest('hex') }];
}

/** The files of the lake that hold events of the cut. */
export async function describeLake(
  snapshot: LakeSnapshot,
  cut: DatasetCut,
): Promise<Pick<DatasetInfo['sources'], 'lakeVersion' | 'lake'>> {
  const files = await listLakeFiles(snapshot, cut);
  return { lakeVersion: snapshot.version, lake: files.map(({ path, sha256, rows }) => ({ path, sha256, rows })) };
}

/** The offsets of the lake, where the cut does not end before them. */
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
