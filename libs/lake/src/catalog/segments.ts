import { randomUUID } from 'node:crypto';
import { open, rename, rm } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { createFolder, isAppError, syncPath } from '@facet/platform';
import { isSameProcessRunning } from '../storage/place-files.ts';
import { catalogLogErrors } from '../transaction-log/errors.ts';
import { segmentExtension } from './catalog-log.ts';
import type { CatalogKind, SegmentEntry } from './catalog-log.ts';

/** A state of an item or user. */
export interface RecordVersion<Entity = unknown> {
  readonly id: string;
  /** Epoch milliseconds. */
  readonly receivedAt: number;
  /** Absent when the record was removed. */
  readonly record?: Entity | undefined;
  /**
   * The last receipt time, epoch milliseconds, if a compaction joined consecutive versions with the same record. `receivedAt` is then the
   * first one.
   */
  readonly repeatedAt?: number | undefined;
}

/**
 * Orders the versions of an id by their receipt. The last one is current. Versions received in the same millisecond keep the order of the
 * log. A joined version is returned twice, with its first and its last receipt time.
 *
 * @param versions in the order of the log
 */
function orderVersions<Entity>(versions: readonly RecordVersion<Entity>[]): readonly RecordVersion<Entity>[] {
  if (versions.length === 1) return versions;
  return versions
    .flatMap(({ repeatedAt, ...version }) =>
      repeatedAt === undefined ? [version] : [version, { ...version, receivedAt: repeatedAt }],
    )
    .sort((a, b) => a.receivedAt - b.receivedAt);
}

/** Joins consecutive versions that have the same record. @param versions as `orderVersions` returns them */
export function joinRepeated<Entity>(versions: readonly RecordVersion<Entity>[]): readonly RecordVersion<Entity>[] {
  if (versions.length === 1) return versions;
  const joined: RecordVersion<Entity>[] = [];
  let known: string | undefined;
  for (const version of versions) {
    const text = JSON.stringify(version.record);
    const last = joined.at(-1);
    if (last === undefined || text !== known) joined.push(version);
    else joined[joined.length - 1] = { ...last, repeatedAt: version.receivedAt };
    known = text;
  }
  return joined;
}

/** Follows the host and the process of the writer. */
const unfinishedExtension = '.part';
const chunkBytes = 256 << 10;
const versionsPerBatch = 1_000;

/**
 * Writes a segment.
 *
 * @param batches versions in the order of the file
 * @returns the entry of the transaction log; undefined without versions
 */
export async function writeSegment(
  catalogFolder: string,
  kind: CatalogKind,
  batches: AsyncIterable<readonly RecordVersion[]> | Iterable<readonly RecordVersion[]>,
): Promise<SegmentEntry | undefined> {
  const path = `${kind}/${randomUUID()}${segmentExtension}`;
  const full = join(catalogFolder, path);
  const unfinished = `${full}.${hostname()}.${process.pid}${unfinishedExtension}`;
  await createFolder(join(catalogFolder, kind));
  const facts = { rows: 0, receivedTo: 0 };
  let removals = 0;
  let receivedFrom = Infinity;
  let bytes: number;
  const file = await open(unfinished, 'wx');
  try {
    for await (const versions of batches) {
      let text = '';
      for (const { id, receivedAt, record, repeatedAt } of versions) {
        text += `${JSON.stringify({ id, receivedAt, record, repeatedAt })}\n`;
        facts.rows++;
        facts.receivedTo = Math.max(facts.receivedTo, repeatedAt ?? receivedAt);
        receivedFrom = Math.min(receivedFrom, receivedAt);
        if (record === undefined) removals++;
      }
      await file.appendFile(text);
    }
    await file.sync();
    bytes = (await file.stat()).size;
    await file.close();
    if (facts.rows === 0) await rm(unfinished);
    else await rename(unfinished, full);
    await syncPath(join(catalogFolder, kind));
  } catch (error) {
    await file.close().catch(() => undefined);
    for (const left of [unfinished, full]) await rm(left, { force: true });
    throw error;
  }
  if (facts.rows === 0) return undefined;
  return { path, bytes, ...facts, segment: { removals, receivedFrom } };
}

/**
 * Returns whether a file is a segment whose writer has ended before it was complete. Says no for a writer on another host.
 *
 * @param writtenAt the time of the last write, epoch milliseconds
 */
export function wasLeftUnfinished(path: string, writtenAt: number): boolean {
  const [, host, pid] = /\.jsonl\.(.+)\.(\d+)\.part$/.exec(path) ?? [];
  return host === hostname() && !isSameProcessRunning(Number(pid), writtenAt);
}

/**
 * Counts the versions of an id in an unfinished segment, also the last one if it contains the id.
 *
 * @param until as of `findUserInCatalog`
 */
export async function countInUnfinished(path: string, id: string, until: number): Promise<number> {
  const start = `{"id":${JSON.stringify(id)}`;
  let count = 0;
  try {
    const file = await open(path);
    for await (const line of file.readLines()) {
      if (!line.startsWith(start) || !',}'.includes(line.charAt(start.length))) continue;
      const [, receivedAt] = /^,"receivedAt":(\d+),"record":/.exec(line.slice(start.length)) ?? [];
      if (Number(receivedAt ?? 0) <= until) count++;
    }
  } catch (error) {
    throw catalogLogErrors.unreadable(path, error);
  }
  return count;
}

/** Returns versions in batches for {@link writeSegment}, sorted by id. */
export function* sortedBatches(versions: readonly RecordVersion[]): Generator<readonly RecordVersion[]> {
  const sorted = versions.toSorted((a, b) => (a.id < b.id ? -1 : Number(a.id > b.id)));
  for (let start = 0; start < sorted.length; start += versionsPerBatch) {
    yield sorted.slice(start, start + versionsPerBatch);
  }
}

/**
 * Reads segments together and returns the versions grouped by id, in ascending order of the ids. {@link orderVersions} orders the versions
 * of each id. Memory does not depend on the size of the segments. The files are open before the first batch, so that a deletion during the
 * read does no harm.
 *
 * @param paths the oldest segment first
 * @param first the index of the first segment that is read completely. From earlier segments, only the versions of its ids are read.
 *
 * @throws AppError `EVENTS_CATALOG_DAMAGED`, `EVENTS_CATALOG_UNREADABLE`
 */
export async function* readSegments<Entity>(
  paths: readonly string[],
  first = 0,
): AsyncGenerator<readonly (readonly RecordVersion<Entity>[])[]> {
  const cursors: Cursor<Entity>[] = [];
  try {
    for (const path of paths) cursors.push(new Cursor(await catalogLogErrors.reading(path, open(path)), path));
    for (const cursor of cursors) await cursor.advance();
    const leading = cursors.slice(first);
    let batch: (readonly RecordVersion<Entity>[])[] = [];
    for (;;) {
      let id: string | undefined;
      for (const { head } of leading) if (head !== undefined && (id === undefined || head.id < id)) id = head.id;
      if (id === undefined) break;
      const versions: RecordVersion<Entity>[] = [];
      for (const cursor of cursors) {
        while (cursor.head !== undefined && cursor.head.id <= id) {
          if (cursor.head.id === id) versions.push(cursor.head);
          if (!cursor.advanceInChunk(id)) await cursor.advance(id);
        }
      }
      batch.push(orderVersions(versions));
      if (batch.length < versionsPerBatch) continue;
      yield batch;
      batch = [];
    }
    if (batch.length > 0) yield batch;
  } finally {
    for (const cursor of cursors) await cursor.close();
  }
}

/** Returns whether a segment could not be read because it does not exist. A compaction deletes segments that it has replaced. */
export function isMissingSegment(error: unknown): boolean {
  return isAppError(error) && (error.cause as NodeJS.ErrnoException | undefined)?.code === 'ENOENT';
}

/** The position of a reader in a segment. */
class Cursor<Entity> {
  /** The next version; undefined at the end. */
  head: RecordVersion<Entity> | undefined;
  readonly #path: string;
  readonly #file: FileHandle;
  readonly #chunks: AsyncIterator<string>;
  #lines: string[] = [];
  #position = 0;
  #rest = '';

  constructor(file: FileHandle, path: string) {
    this.#path = path;
    this.#file = file;
    this.#chunks = file
      .createReadStream({ encoding: 'utf8', highWaterMark: chunkBytes, autoClose: false })
      [Symbol.asyncIterator]() as AsyncIterator<string>;
  }

  /** Moves to the next version whose id is not before `from`, if it is in memory. Does not parse the versions before it. */
  advanceInChunk(from = ''): boolean {
    let line = this.#lines[this.#position++];
    while (line !== undefined && hasIdBefore(line, from)) line = this.#lines[this.#position++];
    if (line === undefined) return false;
    this.head = parseLine<RecordVersion<Entity>>(line, this.#path);
    return true;
  }

  /** Moves to the next version whose id is not before `from`, or to the end. */
  async advance(from = ''): Promise<void> {
    while (!this.advanceInChunk(from)) {
      const chunk = await catalogLogErrors.reading(this.#path, this.#chunks.next());
      if (chunk.done === true) {
        if (this.#rest !== '') throw catalogLogErrors.unreadable(this.#path, new Error('the last line is incomplete'));
        this.head = undefined;
        return;
      }
      this.#lines = (this.#rest + chunk.value).split('\n');
      this.#rest = this.#lines.pop()!;
      this.#position = 0;
    }
  }

  async close(): Promise<void> {
    await this.#chunks.return?.();
    await this.#file.close();
  }
}

const idStart = '{"id":"';

/** Returns whether the id of a line is before another id. Returns false for ids with escaped characters. */
function hasIdBefore(line: string, id: string): boolean {
  if (!line.startsWith(idStart)) return false;
  const found = line.slice(idStart.length, line.indexOf('"', idStart.length));
  return !found.includes('\\') && found < id;
}

/** Parses one line of a segment. @throws AppError `EVENTS_CATALOG_DAMAGED` */
function parseLine<Value>(line: string, path: string): Value {
  try {
    return JSON.parse(line) as Value;
  } catch (error) {
    throw catalogLogErrors.unreadable(path, error);
  }
}
