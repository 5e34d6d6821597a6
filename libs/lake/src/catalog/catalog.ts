import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { AppError, writeFileAtomically } from '@facet/platform';
import type { Item } from '@facet/schemas';
import type { User } from '@facet/schemas';
import { addToItemHistory, readItemHistory } from './item-history.ts';
import type { ItemsAsOf, ItemVersion } from './item-history.ts';

/** The files of a catalog folder: one JSON object a line, ordered by id. */
export const catalogFiles = { items: 'items.jsonl', users: 'users.jsonl' } as const;

/** Records joined into one write. */
const recordsPerWrite = 10_000;

/** What a write did: records that the catalog now holds, and how many were new, changed or removed. */
export interface UpsertResult {
  readonly total: number;
  readonly changed: number;
}

/** The items of a catalog folder, ordered by id; none when there is no catalog yet. */
export async function readItems(catalogFolder: string): Promise<Item[]> {
  return readRecords<Item>(join(catalogFolder, catalogFiles.items));
}

/** The users of a catalog folder, ordered by id; none when there is no catalog yet. */
export async function readUsers(catalogFolder: string): Promise<User[]> {
  return readRecords<User>(join(catalogFolder, catalogFiles.users));
}

/**
 * The items as they were when only what was received before a moment (epoch milliseconds) was known; without one, as they are.
 * A catalog that has no history knows its items as they are now, and counts them as always known.
 *
 * @throws AppError `EVENTS_CATALOG_DAMAGED`
 */
export async function readItemsAsOf(catalogFolder: string, receivedBefore?: number): Promise<ItemsAsOf> {
  const seen = await readItemHistory(catalogFolder, receivedBefore);
  return seen ?? { items: await readItems(catalogFolder), newestReceivedAt: 0, foldedBefore: 0 };
}

/** Puts items into the catalog; the last record of an id replaces the whole earlier one. As {@link changeItems}. */
export async function upsertItems(
  catalogFolder: string,
  items: Iterable<Item>,
  receivedAt = Date.now(),
): Promise<UpsertResult> {
  return changeItems(catalogFolder, new Map(Array.from(items, (item) => [item.itemId, item])), receivedAt);
}

/** Puts users into the catalog; the last record of an id replaces the whole earlier one. One writer at a time. */
export async function upsertUsers(catalogFolder: string, users: Iterable<User>): Promise<UpsertResult> {
  return changeUsers(catalogFolder, new Map(Array.from(users, (user) => [user.userId, user])));
}

/**
 * Puts items into the catalog or, without a record, takes them out. One writer at a time.
 *
 * @param receivedAt of the changes, epoch milliseconds; now by default
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
 * Brings the items of the catalog up to the last of their versions, and puts all of these into its history. One writer at a
 * time. A writer that dies may give the same versions again.
 *
 * @param versions in the order in which they are to be believed, which is not always that of their times
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

/** Puts users into the catalog or, without a record, takes them out. One writer at a time. */
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

/** The records of a file as JSON, by their ids. */
async function readLines<Entity>(path: string, idOf: (entity: Entity) => string): Promise<Map<string, string>> {
  return new Map((await readRecords<Entity>(path)).map((entity) => [idOf(entity), JSON.stringify(entity)]));
}

function setLine(lines: Map<string, string>, id: string, line: string | undefined): void {
  if (line === undefined) lines.delete(id);
  else lines.set(id, line);
}

async function writeLines(path: string, lines: ReadonlyMap<string, string>): Promise<void> {
  const sorted = [...lines].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, line]) => line);
  await writeFileAtomically(path, inWrites(sorted));
}

function* inWrites(lines: readonly string[]): Generator<string> {
  for (let start = 0; start < lines.length; start += recordsPerWrite) {
    yield lines
      .slice(start, start + recordsPerWrite)
      .map((line) => `${line}\n`)
      .join('');
  }
}

async function readRecords<Entity>(path: string): Promise<Entity[]> {
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return '';
    throw error;
  });
  try {
    return text
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as Entity);
  } catch (error) {
    throw new AppError(`The catalog file ${path} is damaged: ${(error as Error).message}.`, {
      code: 'EVENTS_CATALOG_DAMAGED',
      category: 'artifact',
      remedy: 'Delete it and import the items and users again.',
      context: { path },
      cause: error,
    });
  }
}
