import { join } from 'node:path';
import type { Item, User } from '@facet/schemas';
import { listSegmentFiles, readCatalogState, segmentExtension, segmentsOf } from './catalog-log.ts';
import type { CatalogKind, Segment } from './catalog-log.ts';
import { countInUnfinished, isMissingSegment, joinRepeated, readSegments } from './segments.ts';
import type { RecordVersion } from './segments.ts';

/** The versions of all records of a kind, grouped by id in ascending order. The last version of a group is the current one. */
interface CatalogVersions<Entity> {
  readonly compactedBefore: number;
  /** Whether only records with changes after the requested version are read. */
  readonly isContinued: boolean;
  readonly groups: AsyncIterable<readonly (readonly RecordVersion<Entity>[])[]>;
}

/** A reader tries again when a compaction has deleted a segment before the reader opened it. */
const readAttemptsMax = 5;

async function openVersions<Entity>(
  catalogFolder: string,
  kind: CatalogKind,
  after?: ItemsVersion,
): Promise<CatalogVersions<Entity>> {
  for (let attempt = 1; ; attempt++) {
    const state = await readCatalogState(catalogFolder);
    const all = segmentsOf(state, kind);
    const isContinued = after !== undefined && hasAllChangesAfter(all, after);
    const segments = isContinued ? all.filter(({ order }) => order > after.order) : all;
    const receivedFrom = Math.min(...segments.map((segment) => segment.receivedFrom));
    // Earlier segments can contain later receipt times of the same records.
    const earlier = all.filter((segment) => !segments.includes(segment) && segment.receivedTo > receivedFrom);
    const paths = [...earlier, ...segments].map(({ path }) => join(catalogFolder, path));
    const groups = readSegments<Entity>(paths, earlier.length);
    try {
      const first = await groups.next();
      return {
        isContinued,
        compactedBefore: Math.max(0, ...segments.map((segment) => segment.compactedBefore)),
        groups: (async function* () {
          try {
            if (first.done !== true) yield first.value;
            yield* groups;
          } finally {
            await groups.return(undefined);
          }
        })(),
      };
    } catch (error) {
      if (attempt === readAttemptsMax || !isMissingSegment(error)) throw error;
    }
  }
}

/**
 * Returns whether the segments continue a version: they contain its change, so they belong to the same history, and no removal after
 * the version was dropped.
 */
function hasAllChangesAfter(segments: readonly Segment[], { fingerprint, order }: ItemsVersion): boolean {
  return (
    segments.some(({ changeIds }) => changeIds.includes(fingerprint)) &&
    segments.every(({ removalsDroppedThrough }) => removalsDroppedThrough <= order)
  );
}

/** Streams the current items by id, in batches. @throws AppError `EVENTS_CATALOG_DAMAGED`, `EVENTS_CATALOG_UNREADABLE` */
export function streamItems(catalogFolder: string): AsyncGenerator<readonly Item[]> {
  return streamRecords<Item>(catalogFolder, 'items');
}

/** Streams the current users by id, in batches. @throws AppError `EVENTS_CATALOG_DAMAGED`, `EVENTS_CATALOG_UNREADABLE` */
export function streamUsers(catalogFolder: string): AsyncGenerator<readonly User[]> {
  return streamRecords<User>(catalogFolder, 'users');
}

async function* streamRecords<Entity>(catalogFolder: string, kind: CatalogKind): AsyncGenerator<readonly Entity[]> {
  for await (const versions of currentVersions(await openVersions<Entity>(catalogFolder, kind))) {
    yield versions.flatMap(({ record }) => record ?? []);
  }
}

async function* currentVersions<Entity>({
  groups,
}: Pick<CatalogVersions<Entity>, 'groups'>): AsyncGenerator<readonly RecordVersion<Entity>[]> {
  for await (const batch of groups) yield batch.map((versions) => versions.at(-1)!);
}

/**
 * Streams the current version of each user in batches, ordered by id. A removed user has no record.
 *
 * @throws AppError `EVENTS_CATALOG_DAMAGED`, `EVENTS_CATALOG_UNREADABLE`
 */
export async function* streamUserVersions(catalogFolder: string): AsyncGenerator<readonly RecordVersion<User>[]> {
  yield* currentVersions(await openVersions<User>(catalogFolder, 'users'));
}

/**
 * Reads the items of a catalog folder, ordered by id. A missing catalog has none.
 *
 * @throws AppError `EVENTS_CATALOG_DAMAGED`, `EVENTS_CATALOG_UNREADABLE`
 */
export async function readItems(catalogFolder: string): Promise<Item[]> {
  return collect(streamItems(catalogFolder));
}

/**
 * Reads the users of a catalog folder, ordered by id. A missing catalog has none.
 *
 * @throws AppError `EVENTS_CATALOG_DAMAGED`, `EVENTS_CATALOG_UNREADABLE`
 */
export async function readUsers(catalogFolder: string): Promise<User[]> {
  return collect(streamUsers(catalogFolder));
}

async function collect<Entity>(batches: AsyncIterable<readonly Entity[]>): Promise<Entity[]> {
  const all: Entity[] = [];
  for await (const batch of batches) for (const entity of batch) all.push(entity);
  return all;
}

/** The items as known at a moment. */
interface ItemsAsOf {
  /** Ordered by id. */
  readonly items: Item[];
  /** Receipt time of the newest of all versions, in epoch milliseconds. 0 for an empty catalog. */
  readonly newestReceivedAt: number;
  /** Earlier versions were dropped by a compaction, so earlier moments cannot be read. Epoch milliseconds. */
  readonly compactedBefore: number;
}

/**
 * Reads the items as they were known before a moment.
 *
 * @param receivedBefore epoch milliseconds; by default the current items
 *
 * @throws AppError `EVENTS_CATALOG_DAMAGED`, `EVENTS_CATALOG_UNREADABLE`
 */
export async function readItemsAsOf(
  catalogFolder: string,
  receivedBefore = Number.POSITIVE_INFINITY,
): Promise<ItemsAsOf> {
  const { groups, compactedBefore } = await openVersions<Item>(catalogFolder, 'items');
  const items: Item[] = [];
  let newestReceivedAt = 0;
  for await (const batch of groups) {
    for (const all of batch) {
      const versions = joinRepeated(all);
      for (const { receivedAt } of versions) newestReceivedAt = Math.max(newestReceivedAt, receivedAt);
      const seen = versions.findLast(({ receivedAt }) => receivedAt < receivedBefore);
      if (seen?.record !== undefined) items.push(seen.record);
    }
  }
  return { items, newestReceivedAt, compactedBefore };
}

/** Identifies the state of the items. */
export interface ItemsVersion {
  /** The random id of the newest change. A compaction does not change it. */
  readonly fingerprint: string;
  /** The position of the newest change in the history of the catalog. */
  readonly order: number;
}

/**
 * Returns the version of the items; undefined for a catalog that never contained items.
 *
 * @throws AppError `EVENTS_CATALOG_DAMAGED`, `EVENTS_CATALOG_UNREADABLE`
 */
export async function readItemsVersion(catalogFolder: string): Promise<ItemsVersion | undefined> {
  const newest = segmentsOf(await readCatalogState(catalogFolder), 'items').at(-1);
  return newest && { fingerprint: newest.changeIds.at(-1)!, order: newest.order };
}

/** The items that may have changed after a version of the catalog. */
interface ItemChanges {
  /**
   * Whether `changes` continue the version. Otherwise they contain all items: the catalog has another history, for example because it
   * was restored from a backup, or a compaction dropped removals after the version.
   */
  readonly isContinued: boolean;
  /** The current versions by id, in batches. May contain items that did not change. */
  readonly changes: AsyncIterable<readonly RecordVersion<Item>[]>;
}

/** Opens the changes after a version; without one, all items. @throws AppError `EVENTS_CATALOG_DAMAGED`, `EVENTS_CATALOG_UNREADABLE` */
export async function openItemChanges(catalogFolder: string, after?: ItemsVersion): Promise<ItemChanges> {
  const opened = await openVersions<Item>(catalogFolder, 'items', after);
  return { isContinued: opened.isContinued, changes: currentVersions(opened) };
}

/**
 * Reads the first offset of each source (`<topic>-<partition>`) that the catalog does not contain.
 *
 * @throws AppError `EVENTS_CATALOG_DAMAGED`, `EVENTS_CATALOG_UNREADABLE`
 */
export async function readCatalogOffsets(catalogFolder: string): Promise<ReadonlyMap<string, number>> {
  return (await readCatalogState(catalogFolder)).offsets;
}

/**
 * Returns the files of the catalog that contain the id of a user, including replaced and unfinished files. Removals of the user always count.
 *
 * @param until epoch milliseconds; other versions count only if the catalog received them until this time
 * @throws AppError `EVENTS_CATALOG_DAMAGED`, `EVENTS_CATALOG_UNREADABLE`
 */
export async function findUserInCatalog(
  catalogFolder: string,
  userId: string,
  until = Infinity,
): Promise<{ readonly path: string; readonly count: number }[]> {
  const found: { path: string; count: number }[] = [];
  for (const path of await listSegmentFiles(catalogFolder, 'users')) {
    const count = await countVersions(join(catalogFolder, path), userId, until);
    if (count > 0) found.push({ path, count });
  }
  return found;
}

/** Counts the versions of an id in a file. A file that a compaction has deleted has none. */
async function countVersions(path: string, id: string, until: number): Promise<number> {
  let count = 0;
  try {
    if (!path.endsWith(segmentExtension)) return await countInUnfinished(path, id, until);
    for await (const batch of readSegments([path])) {
      for (const version of batch.flat()) {
        const isLater = version.record !== undefined && version.receivedAt > until;
        if (version.id === id && !isLater) count++;
      }
    }
  } catch (error) {
    if (!isMissingSegment(error)) throw error;
  }
  return count;
}

/** The attributes of a catalog that suggestions are chosen from. */
const knownMax = 1000;

/**
 * Returns the names of attributes that no item or user of a catalog has. Reads the catalog only until it has found every name. A
 * catalog without records lacks nothing, because it has not been filled yet. `known` has the attributes that it read: of the whole catalog if a
 * name is missing.
 */
export async function findMissingAttributes(
  catalogFolder: string,
  kind: CatalogKind,
  names: Iterable<string>,
): Promise<{ readonly missing: ReadonlySet<string>; readonly known: ReadonlySet<string> }> {
  const missing = new Set(names);
  const known = new Set<string>();
  if (missing.size === 0) return { missing, known };
  let isEmpty = true;
  for await (const records of kind === 'items' ? streamItems(catalogFolder) : streamUsers(catalogFolder)) {
    for (const { attributes } of records) {
      isEmpty = false;
      for (const name of Object.keys(attributes)) {
        missing.delete(name);
        if (known.size < knownMax) known.add(name);
      }
      if (missing.size === 0) return { missing, known };
    }
  }
  return { missing: isEmpty ? new Set() : missing, known };
}
