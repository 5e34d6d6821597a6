import { createReadStream } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { listNames, pathExists } from '@facet/platform';
import type { Item, User } from '@facet/schemas';
import { catalogErrors } from '../transaction-log/errors.ts';
import { parseLine } from './segments.ts';
import type { CatalogKind, RecordVersion } from './segments.ts';

/**
 * The catalog of Facet before segments: the current records in `items.jsonl` and `users.jsonl`, all versions of items in
 * `items.history.jsonl` in the order of their arrival, and one file per source in `_offsets`. The first write turns it into segments.
 */
const legacyFiles = { items: 'items.jsonl', users: 'users.jsonl', history: 'items.history.jsonl' } as const;
const offsetsFolder = '_offsets';

/**
 * Returns the files of a catalog without a transaction log that contain items or users.
 *
 * @throws AppError `EVENTS_CATALOG_UNREADABLE`
 */
export async function listLegacyFiles(catalogFolder: string, kind?: CatalogKind): Promise<string[]> {
  const { items, users, history } = legacyFiles;
  const names = [...(kind === 'users' ? [] : [items, history]), ...(kind === 'items' ? [] : [users])];
  const found = await Promise.all(
    names.map(async (name) => {
      const path = join(catalogFolder, name);
      return (await catalogErrors.reading(path, pathExists(path))) ? [name] : [];
    }),
  );
  return found.flat();
}

interface HistoryLine {
  readonly format?: 1;
  readonly foldedBefore?: number;
  readonly receivedAt?: number;
  readonly item?: Item;
  readonly removed?: string;
}

/**
 * Reads all versions of a catalog without a transaction log into memory.
 *
 * @throws AppError `EVENTS_CATALOG_DAMAGED`, `EVENTS_CATALOG_UNREADABLE`
 */
export async function readLegacyVersions(
  catalogFolder: string,
  kind: CatalogKind,
): Promise<{ readonly versions: RecordVersion[]; readonly compactedBefore: number }> {
  const files = await listLegacyFiles(catalogFolder, kind);
  const versions: RecordVersion[] = [];
  let compactedBefore = 0;
  if (files.includes(legacyFiles.history)) {
    for await (const line of readLines<HistoryLine>(join(catalogFolder, legacyFiles.history), {
      isTornAllowed: true,
    })) {
      if (line.format !== undefined) compactedBefore = line.foldedBefore ?? 0;
      else versions.push({ id: line.item?.itemId ?? line.removed!, receivedAt: line.receivedAt, record: line.item });
    }
  } else if (files.length > 0) {
    for await (const record of readLines<Item | User>(join(catalogFolder, legacyFiles[kind]))) {
      versions.push({ id: 'itemId' in record ? record.itemId : record.userId, record });
    }
  }
  return { versions, compactedBefore };
}

/** @param options.isTornAllowed whether to skip an incomplete last line, which a killed writer left behind */
async function* readLines<Value>(
  path: string,
  { isTornAllowed = false }: { readonly isTornAllowed?: boolean } = {},
): AsyncGenerator<Value> {
  let line: string | undefined;
  try {
    for await (const next of createInterface({ input: createReadStream(path), crlfDelay: Infinity })) {
      if (line !== undefined && line !== '') yield parseLine<Value>(line, path);
      line = next;
    }
  } catch (error) {
    throw catalogErrors.unreadable(path, error);
  }
  if (line === undefined || line === '') return;
  try {
    yield parseLine<Value>(line, path);
  } catch (error) {
    if (!isTornAllowed) throw error;
  }
}

/** Reads the first offset of each source that a catalog without a transaction log does not contain. */
export async function readLegacyOffsets(catalogFolder: string): Promise<Map<string, number>> {
  const folder = join(catalogFolder, offsetsFolder);
  const names = (await catalogErrors.reading(folder, listNames(folder))).filter((name) => name.endsWith('.json'));
  const entries = names.map(async (name) => {
    const path = join(folder, name);
    const next = parseLine<number>(await catalogErrors.reading(path, readFile(path, 'utf8')), path);
    return [name.slice(0, -'.json'.length), next] as const;
  });
  return new Map(await Promise.all(entries));
}
