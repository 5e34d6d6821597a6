import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { AppError } from '@facet/platform';
import { writeFileAtomically } from '../atomic-file.ts';
import type { Item } from '../schemas/item.ts';
import type { User } from '../schemas/user.ts';

/** The files of a catalog folder: one JSON object a line, ordered by id. */
export const catalogFiles = { items: 'items.jsonl', users: 'users.jsonl' } as const;

/** Records joined into one write. */
const recordsPerWrite = 10_000;

/** What an upsert did: records that the catalog now holds, and how many of them are new or changed. */
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
  return upsert(catalogFolder, catalogFiles.items, items, (item) => item.itemId);
}

/** Puts users into the catalog; the last record of an id replaces the whole earlier one. One writer at a time. */
export async function upsertUsers(catalogFolder: string, users: Iterable<User>): Promise<UpsertResult> {
  return upsert(catalogFolder, catalogFiles.users, users, (user) => user.userId);
}

async function upsert<Entity>(
  folder: string,
  file: string,
  entities: Iterable<Entity>,
  idOf: (entity: Entity) => string,
): Promise<UpsertResult> {
  const path = join(folder, file);
  const lines = new Map((await readRecords<Entity>(path)).map((entity) => [idOf(entity), JSON.stringify(entity)]));
  const changed = new Set<string>();
  for (const entity of entities) {
    const line = JSON.stringify(entity);
    if (lines.get(idOf(entity)) !== line) changed.add(idOf(entity));
    lines.set(idOf(entity), line);
  }
  if (changed.size > 0) {
    await mkdir(folder, { recursive: true });
    const sorted = [...lines].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, line]) => line);
    await writeFileAtomically(path, inWrites(sorted));
  }
  return { total: lines.size, changed: changed.size };
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
