import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { AppError, writeFileAtomically } from '@facet/platform';
import type { Item } from '../schemas/item.ts';
import type { User } from '../schemas/user.ts';

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

/** Puts items into the catalog; the last record of an id replaces the whole earlier one. One writer at a time. */
export async function upsertItems(catalogFolder: string, items: Iterable<Item>): Promise<UpsertResult> {
  return changeItems(catalogFolder, new Map(Array.from(items, (item) => [item.itemId, item])));
}

/** Puts users into the catalog; the last record of an id replaces the whole earlier one. One writer at a time. */
export async function upsertUsers(catalogFolder: string, users: Iterable<User>): Promise<UpsertResult> {
  return changeUsers(catalogFolder, new Map(Array.from(users, (user) => [user.userId, user])));
}

/** Puts items into the catalog or, without a record, takes them out. One writer at a time. */
export async function changeItems(
  catalogFolder: string,
  changes: ReadonlyMap<string, Item | undefined>,
): Promise<UpsertResult> {
  return change(catalogFolder, catalogFiles.items, changes, (item) => item.itemId);
}

/** Puts users into the catalog or, without a record, takes them out. One writer at a time. */
export async function changeUsers(
  catalogFolder: string,
  changes: ReadonlyMap<string, User | undefined>,
): Promise<UpsertResult> {
  return change(catalogFolder, catalogFiles.users, changes, (user) => user.userId);
}

async function change<Entity>(
  folder: string,
  file: string,
  changes: ReadonlyMap<string, Entity | undefined>,
  idOf: (entity: Entity) => string,
): Promise<UpsertResult> {
  const path = join(folder, file);
  const lines = new Map((await readRecords<Entity>(path)).map((entity) => [idOf(entity), JSON.stringify(entity)]));
  let changed = 0;
  for (const [id, entity] of changes) {
    const line = entity === undefined ? undefined : JSON.stringify(entity);
    if (lines.get(id) === line) continue;
    changed++;
    if (line === undefined) lines.delete(id);
    else lines.set(id, line);
  }
  if (changed > 0) {
    await mkdir(folder, { recursive: true });
    const sorted = [...lines].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, line]) => line);
    await writeFileAtomically(path, inWrites(sorted));
  }
  return { total: lines.size, changed };
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
      remedy: 'Delete it and import the items and users again.',
      context: { path },
      cause: error,
    });
  }
}
