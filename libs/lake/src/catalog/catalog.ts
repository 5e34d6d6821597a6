import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { AppError, listNames, readTextIfExists, writeFileAtomically } from '@facet/platform';
import type { Item, User } from '@facet/schemas';
import { catalogFiles } from './catalog-files.ts';
import { addToItemHistory, joinLines, readItemHistory } from './item-history.ts';
import type { ItemsAsOf, ItemVersion } from './item-history.ts';

/** The result of a write: the records in the catalog, and how many were added, changed or removed. */
export interface UpsertResult {
  readonly total: number;
  readonly changed: number;
}

/** Reads the items of a catalog folder, ordered by id. A missing catalog has none. */
export async function readItems(catalogFolder: string): Promise<Item[]> {
  return readRecords<Item>(join(catalogFolder, catalogFiles.items));
}

/** Reads the users of a catalog folder, ordered by id. A missing catalog has none. */
export async function readUsers(catalogFolder: string): Promise<User[]> {
  return readRecords<User>(join(catalogFolder, catalogFiles.users));
}

/**
 * Reads the items as they were known before a moment. A catalog without a history counts its current items as always known.
 *
 * @param receivedBefore epoch milliseconds; by default the current items
 *
 * @throws AppError `EVENTS_CATALOG_DAMAGED`
 */
export async function readItemsAsOf(catalogFolder: string, receivedBefore?: number): Promise<ItemsAsOf> {
  const seen = await readItemHistory(catalogFolder, receivedBefore);
  return seen ?? { items: await readItems(catalogFolder), newestReceivedAt: 0, foldedBefore: 0 };
}

/** Adds or replaces items. The last record of an id counts. See {@link changeItems}. */
export async function upsertItems(
  catalogFolder: string,
  items: Iterable<Item>,
  receivedAt = Date.now(),
): Promise<UpsertResult> {
  return changeItems(catalogFolder, new Map(Array.from(items, (item) => [item.itemId, item])), receivedAt);
}

/** Adds or replaces users. The last record of an id counts. One writer at a time. */
export async function upsertUsers(catalogFolder: string, users: Iterable<User>): Promise<UpsertResult> {
  return changeUsers(catalogFolder, new Map(Array.from(users, (user) => [user.userId, user])));
}

/**
 * Adds or replaces items, or removes those without a record. One writer at a time.
 *
 * @param receivedAt the time of the changes, epoch milliseconds; now by default
 */
export async function changeItems(
  catalogFolder: string,
  changes: ReadonlyMap<string, Item | undefined>,
  receivedAt = Date.now(),
): Promise<UpsertResult> {
  return addItemVersions(
    catalogFolder,
    Array.from(changes, ([itemId, item]) => ({ itemId, item, receivedAt })),
  );
}

/**
 * Updates the items of the catalog to their last versions and adds all versions to the history. One writer at a time. After a
 * crash the writer may add the same versions again.
 *
 * @param versions in the order in which they apply, which may differ from the order of their times
 */
export async function addItemVersions(catalogFolder: string, versions: Iterable<ItemVersion>): Promise<UpsertResult> {
  const path = join(catalogFolder, catalogFiles.items);
  const before = await readLines<Item>(path, ({ itemId }) => itemId);
  const lines = new Map(before);
  const changing: ItemVersion[] = [];
  for (const version of versions) {
    const line = version.item === undefined ? undefined : JSON.stringify(version.item);
    if (lines.get(version.itemId) === line) continue;
    changing.push(version);
    setLine(lines, version.itemId, line);
  }
  const touched = new Set(changing.map(({ itemId }) => itemId));
  const changed = [...touched].filter((itemId) => lines.get(itemId) !== before.get(itemId)).length;
  if (changing.length > 0) {
    await mkdir(catalogFolder, { recursive: true });
    await addToItemHistory(catalogFolder, changing, before.values());
  }
  if (changed > 0) await writeLines(path, lines);
  return { total: lines.size, changed };
}

/** Adds or replaces users, or removes those without a record. One writer at a time. */
export async function changeUsers(
  catalogFolder: string,
  changes: ReadonlyMap<string, User | undefined>,
): Promise<UpsertResult> {
  const path = join(catalogFolder, catalogFiles.users);
  const lines = await readLines<User>(path, ({ userId }) => userId);
  let changed = 0;
  for (const [userId, user] of changes) {
    const line = user === undefined ? undefined : JSON.stringify(user);
    if (lines.get(userId) === line) continue;
    changed++;
    setLine(lines, userId, line);
  }
  if (changed > 0) {
    await mkdir(catalogFolder, { recursive: true });
    await writeLines(path, lines);
  }
  return { total: lines.size, changed };
}

/** Reads the records of a file as JSON lines, by id. */
async function readLines<Entity>(path: string, idOf: (entity: Entity) => string): Promise<Map<string, string>> {
  return new Map((await readRecords<Entity>(path)).map((entity) => [idOf(entity), JSON.stringify(entity)]));
}

function setLine(lines: Map<string, string>, id: string, line: string | undefined): void {
  if (line === undefined) lines.delete(id);
  else lines.set(id, line);
}

async function writeLines(path: string, lines: ReadonlyMap<string, string>): Promise<void> {
  const sorted = [...lines].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, line]) => `${line}\n`);
  await writeFileAtomically(path, joinLines(sorted));
}

async function readRecords<Entity>(path: string): Promise<Entity[]> {
  const text = (await readTextIfExists(path)) ?? '';
  try {
    return text
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as Entity);
  } catch (error) {
    throw new AppError(`Cannot parse the catalog file ${path}: ${(error as Error).message}.`, {
      code: 'EVENTS_CATALOG_DAMAGED',
      category: 'artifact',
      remedy: 'Delete the file and import the items and users again.',
      context: { path },
      cause: error,
    });
  }
}

/** One file per source, because several processes may write different sources of a catalog. */
const offsetsFolder = '_offsets';

/** Reads the first offset of each source (`<topic>-<partition>`) that the catalog does not contain. */
export async function readCatalogOffsets(catalogFolder: string): Promise<ReadonlyMap<string, number>> {
  const folder = join(catalogFolder, offsetsFolder);
  const names = (await listNames(folder)).filter((name) => name.endsWith('.json'));
  const entries = names.map(async (name) => {
    const next = JSON.parse(await readFile(join(folder, name), 'utf8')) as number;
    return [name.slice(0, -'.json'.length), next] as const;
  });
  return new Map(await Promise.all(entries));
}

/** Records the next offset of a source, after its changes are in the catalog. One writer per source. */
export async function writeCatalogOffset(catalogFolder: string, source: string, next: number): Promise<void> {
  await mkdir(join(catalogFolder, offsetsFolder), { recursive: true });
  await writeFileAtomically(join(catalogFolder, offsetsFolder, `${source}.json`), [`${next}\n`]);
}
