import { open, readdir, rename, rm, stat } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { createFolder, syncPath, takeFolderLock } from '@facet/platform';
import type { FolderLock } from '@facet/platform';
import { openCursor } from './cursor.ts';
import type { Cursor, SpoolPosition } from './cursor.ts';
import { decodeFrame, encodeFrame, hasFrameAfter, readFrames, truncateSegment } from './segment-file.ts';
import type { SpooledBatch } from './segment-file.ts';
import { spoolDamaged, spoolFull, spoolLocked, spoolUnwritable } from './spool-errors.ts';

export interface SpoolOptions {
  /** Size limit of all segments together. */
  readonly bytesMax: number;
  /** A segment of this size is closed. Only whole segments are deleted. */
  readonly segmentBytesMax?: number;
}

/** The oldest batches, in order, and their end. */
export interface SpoolChunk {
  readonly batches: readonly SpooledBatch[];
  readonly end: SpoolPosition;
}

export interface SpoolState {
  readonly records: number;
  /** Size on disk, including replayed batches that are not deleted yet, and `refusedBytes`. */
  readonly bytes: number;
  readonly bytesMax: number;
  /** Size of the segments with records that the log refused. */
  readonly refusedBytes: number;
  /** When the oldest record was received, in epoch milliseconds; undefined for an empty spool. */
  readonly oldestAt: number | undefined;
}

/**
 * Records on the local disk that wait for the log. They are appended to segment files, read in order, and deleted when
 * released. Appended records survive a crash of the process and of the machine.
 *
 * Segments with records that the log refused are never deleted. They are renamed from `.spool` to `.refusing`, and to `.refused`
 * when none of their records waits. This writes no data, so refused records block nothing on a full disk. Without the file
 * `cursor`, the next `openSpool` returns their records again.
 */
export interface Spool {
  readonly state: SpoolState;
  readonly isEmpty: boolean;
  /** Bytes of a torn last write, which was never acknowledged and which opening the spool truncated. */
  readonly truncatedBytes: number;
  /**
   * Appends all batches or none, with one write and one sync. Calls must not overlap.
   *
   * @throws AppError `COLLECTOR_SPOOL_FULL`, `COLLECTOR_SPOOL_UNWRITABLE` (both retryable)
   */
  append(batches: readonly SpooledBatch[]): Promise<void>;
  /** Returns the oldest batches: at least one, and about `bytesMax` bytes. Returns `undefined` for an empty spool. */
  read(bytesMax: number): Promise<SpoolChunk | undefined>;
  /**
   * Deletes a chunk. Keeps its segment if `hasRefused`, because the log refused records of the chunk. If it fails, this process
   * does not read the chunk again, but the next one does.
   */
  release(chunk: SpoolChunk, options?: { readonly hasRefused: boolean }): Promise<void>;
  close(): Promise<void>;
}

/**
 * Opens the spool in a folder, which it creates if necessary. One process uses a folder. Truncates a torn last write.
 *
 * @throws AppError `COLLECTOR_SPOOL_LOCKED`, `COLLECTOR_SPOOL_DAMAGED`, `COLLECTOR_SPOOL_UNWRITABLE`.
 */
export async function openSpool(folder: string, options: SpoolOptions): Promise<Spool> {
  const lock = await createLocked(folder).catch((error: unknown) => {
    throw spoolUnwritable(folder, error);
  });
  if ('heldBy' in lock) throw spoolLocked(folder, lock.heldBy);
  try {
    const cursor = await openCursor(join(folder, 'cursor')).catch((error: unknown) => {
      throw spoolUnwritable(folder, error);
    });
    try {
      const segments = await openSegments(folder, cursor.initial);
      return new SegmentedSpool({ folder, cursor, ...segments, lock }, options);
    } catch (error) {
      await cursor.close();
      throw error;
    }
  } catch (error) {
    await lock.release();
    throw error;
  }
}

async function createLocked(folder: string): ReturnType<typeof takeFolderLock> {
  await createFolder(folder);
  // An earlier process may have ended between the creation and the sync.
  await syncPath(dirname(folder));
  return takeFolderLock(folder);
}

interface Segment {
  readonly number: number;
  path: string;
  /** Size of the intact, durable batches. */
  bytes: number;
  /** Number of records that are not released. */
  records: number;
  /** Whether the log refused released records. */
  hasRefused: boolean;
}

interface OpenedSegments {
  readonly segments: Segment[];
  /** Size of released segments with refused records. */
  readonly keptBytes: number;
  readonly position: SpoolPosition;
  readonly lastNumber: number;
  readonly oldestAt: number | undefined;
  readonly truncatedBytes: number;
}

type SegmentType = 'spool' | 'refusing' | 'refused';

const namePattern = /^\d{16}\.(?:spool|refusing|refused)$/;

function segmentPath(folder: string, number: number, type: SegmentType): string {
  return join(folder, `${String(number).padStart(16, '0')}.${type}`);
}

async function renameSegment(segment: Segment, type: SegmentType): Promise<void> {
  const path = segmentPath(dirname(segment.path), segment.number, type);
  if (segment.path !== path) await rename(segment.path, path);
  segment.path = path;
}

/** Counts waiting records, deletes replayed segments, and truncates the last segment after its last intact batch. */
async function openSegments(folder: string, position: SpoolPosition): Promise<OpenedSegments> {
  const names = (await readdir(folder)).filter((name) => namePattern.test(name)).sort();
  const lastNumber = Math.max(position.segment, Number.parseInt(names.at(-1) ?? '0', 10));
  const segments: Segment[] = [];
  let keptBytes = 0;
  let oldestAt: number | undefined;
  let truncatedBytes = 0;
  for (const name of names) {
    const number = Number.parseInt(name, 10);
    const path = join(folder, name);
    // The log has not seen records after the cursor. The segment is kept only if the log refuses them again.
    const hasRefused = !name.endsWith('.spool') && number <= position.segment;
    const { size } = await stat(path);
    const segment: Segment = { number, path, bytes: replayedBytes(number, position, size), records: 0, hasRefused };
    for await (const { line, records, end } of readFrames(path, segment.bytes, size)) {
      oldestAt ??= decodeFrame(line)[0]?.timestamp;
      segment.bytes = end;
      segment.records += records;
    }
    if (segment.bytes < size) {
      // Nothing follows a torn write. A damaged line before intact ones may have been acknowledged.
      const isTorn = number === lastNumber && !(await hasFrameAfter(path, segment.bytes, size));
      if (!isTorn) throw spoolDamaged(path, segment.bytes);
      truncatedBytes = size - segment.bytes;
      await truncateSegment(path, segment.bytes);
    }
    if (segment.records > 0) {
      await renameSegment(segment, hasRefused ? 'refusing' : 'spool');
      segments.push(segment);
    } else if (hasRefused) {
      await renameSegment(segment, 'refused');
      keptBytes += segment.bytes;
    } else {
      await rm(path);
    }
  }
  return { segments, keptBytes, position, lastNumber, oldestAt, truncatedBytes };
}

function replayedBytes(number: number, position: SpoolPosition, size: number): number {
  if (number < position.segment) return size;
  return number === position.segment ? Math.min(position.byte, size) : 0;
}

class SegmentedSpool implements Spool {
  readonly truncatedBytes: number;
  readonly #folder: string;
  readonly #bytesMax: number;
  readonly #segmentBytesMax: number;
  readonly #cursor: Cursor;
  readonly #lock: FolderLock;
  readonly #segments: Segment[];
  #keptBytes: number;
  #position: SpoolPosition;
  #lastNumber: number;
  /** The last segment, if it accepts appends. */
  #file: FileHandle | undefined;
  /** A segment with undefined bytes after a failed write. */
  #torn: Segment | undefined;
  #isAppending = false;
  #oldestAt: number | undefined;

  constructor(
    opened: OpenedSegments & {
      readonly folder: string;
      readonly cursor: Cursor;
      readonly lock: FolderLock;
    },
    options: SpoolOptions,
  ) {
    this.truncatedBytes = opened.truncatedBytes;
    this.#folder = opened.folder;
    this.#bytesMax = options.bytesMax;
    this.#segmentBytesMax = options.segmentBytesMax ?? Math.min(16 << 20, Math.ceil(options.bytesMax / 8));
    this.#cursor = opened.cursor;
    this.#lock = opened.lock;
    this.#segments = opened.segments;
    this.#keptBytes = opened.keptBytes;
    this.#position = opened.position;
    this.#lastNumber = opened.lastNumber;
    this.#oldestAt = opened.oldestAt;
  }

  get state(): SpoolState {
    const records = this.#segments.reduce((sum, segment) => sum + segment.records, 0);
    return {
      records,
      bytes: this.#bytes(),
      bytesMax: this.#bytesMax,
      refusedBytes: this.#keptBytes + sizeOf(this.#segments.filter(({ hasRefused }) => hasRefused)),
      oldestAt: records === 0 ? undefined : this.#oldestAt,
    };
  }

  get isEmpty(): boolean {
    return this.#segments.every((segment) => segment.records === 0);
  }

  async append(batches: readonly SpooledBatch[]): Promise<void> {
    const bytes = Buffer.concat(batches.map(encodeFrame));
    if (this.#bytes() + bytes.length > this.#bytesMax) throw spoolFull(this.#folder, this.#bytesMax);
    this.#isAppending = true;
    try {
      const { file, segment } = await this.#writable();
      await file.appendFile(bytes);
      await file.datasync();
      if (this.isEmpty) this.#oldestAt = batches[0]?.[0]?.timestamp;
      segment.bytes += bytes.length;
      segment.records += countAll(batches);
    } catch (error) {
      await this.#abandonFile();
      throw spoolUnwritable(this.#folder, error);
    } finally {
      this.#isAppending = false;
    }
  }

  async read(bytesMax: number): Promise<SpoolChunk | undefined> {
    const segment = this.#segments.find(({ records }) => records > 0);
    if (segment === undefined) return undefined;
    const from = segment.number === this.#position.segment ? this.#position.byte : 0;
    const batches: SpooledBatch[] = [];
    let byte = from;
    for await (const { line, end } of readFrames(segment.path, from, segment.bytes)) {
      batches.push(decodeFrame(line));
      byte = end;
      if (byte - from >= bytesMax) break;
    }
    if (batches.length === 0) throw spoolDamaged(segment.path, from);
    this.#oldestAt = batches[0]?.[0]?.timestamp;
    return { batches, end: { segment: segment.number, byte } };
  }

  async release({ batches, end }: SpoolChunk, { hasRefused } = { hasRefused: false }): Promise<void> {
    const segment = this.#segments.find(({ number }) => number === end.segment);
    if (segment === undefined) return;
    segment.records -= countAll(batches);
    segment.hasRefused ||= hasRefused;
    this.#position = end;
    await this.#nameRefused();
    await this.#cursor.write(end);
    await this.#deleteReleased();
  }

  async close(): Promise<void> {
    await this.#file?.close();
    this.#file = undefined;
    await this.#cursor.close();
    await this.#lock.release();
  }

  #bytes(): number {
    return this.#keptBytes + sizeOf(this.#segments);
  }

  /** Returns the last segment, or a new one if the last is full or had a failed write. */
  async #writable(): Promise<{ readonly file: FileHandle; readonly segment: Segment }> {
    if (this.#torn !== undefined) await truncateSegment(this.#torn.path, this.#torn.bytes);
    this.#torn = undefined;
    const last = this.#segments.at(-1);
    if (this.#file !== undefined && last !== undefined && last.bytes < this.#segmentBytesMax) {
      return { file: this.#file, segment: last };
    }
    await this.#file?.close();
    this.#file = undefined;
    const number = this.#lastNumber + 1;
    const path = segmentPath(this.#folder, number, 'spool');
    const file = await open(path, 'ax');
    this.#lastNumber = number;
    this.#file = file;
    const segment = { number, path, bytes: 0, records: 0, hasRefused: false };
    this.#segments.push(segment);
    await syncPath(this.#folder);
    return { file, segment };
  }

  /**
   * Closes the segment after a failed write or sync, which leaves undefined bytes after the durable batches. They are
   * truncated before the next write, which goes into a new segment.
   */
  async #abandonFile(): Promise<void> {
    const segment = this.#segments.at(-1);
    const file = this.#file;
    if (file === undefined || segment === undefined) return;
    this.#file = undefined;
    this.#torn = segment;
    await file.close().catch(() => undefined);
    try {
      // Truncating now frees space on a full disk. If that fails, the next write truncates first.
      await truncateSegment(segment.path, segment.bytes);
      this.#torn = undefined;
      if (segment.bytes > 0) return;
      await rm(segment.path);
      this.#segments.pop();
    } catch {
      // The caller reports the original failure.
    }
  }

  /** Makes the names of segments with refused records durable. Otherwise the cursor must not pass these records. */
  async #nameRefused(): Promise<void> {
    const refused = this.#segments.filter(({ hasRefused }) => hasRefused);
    if (refused.length === 0) return;
    for (const segment of refused) await renameSegment(segment, 'refusing');
    await syncPath(this.#folder);
  }

  /** Deletes released segments, except those with refused records. */
  async #deleteReleased(): Promise<void> {
    for (let first = this.#segments[0]; first?.records === 0; first = this.#segments[0]) {
      const isLast = this.#segments.length === 1;
      // Records that are being appended are not counted yet.
      if (isLast && this.#isAppending) return;
      this.#segments.shift();
      const file = isLast ? this.#file : undefined;
      if (isLast) this.#file = undefined;
      if (this.#torn === first && !first.hasRefused) this.#torn = undefined;
      await file?.close();
      if (first.hasRefused) {
        this.#keptBytes += first.bytes;
        await renameSegment(first, 'refused');
      } else {
        await rm(first.path, { force: true });
      }
    }
  }
}

function sizeOf(segments: readonly Segment[]): number {
  return segments.reduce((sum, { bytes }) => sum + bytes, 0);
}

function countAll(batches: readonly SpooledBatch[]): number {
  return batches.reduce((sum, batch) => sum + batch.length, 0);
}
