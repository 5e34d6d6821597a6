import { mkdir, open, readdir, rm, stat } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { syncPath, takeFolderLock } from '@facet/platform';
import type { FolderLock } from '@facet/platform';
import { openCursor } from './cursor.ts';
import type { Cursor } from './cursor.ts';
import { decodeFrame, encodeFrame } from './frame.ts';
import { hasFrameBehind, readFrames } from './segment-reader.ts';
import { spoolDamaged, spoolFull, spoolLocked, spoolUnwritable } from './spool-errors.ts';
import type { SpooledBatch, SpoolPosition } from './spooled-record.ts';

export interface SpoolOptions {
  /** Bound of all files together. */
  readonly bytesMax: number;
  /** A segment is closed once it is this large; only whole segments are deleted. */
  readonly segmentBytesMax?: number;
}

/** Batches to publish, oldest first, and how to say that they were. */
export interface SpoolChunk {
  readonly batches: readonly SpooledBatch[];
  readonly end: SpoolPosition;
}

export interface SpoolState {
  readonly records: number;
  /** On the disk, with what is replayed but not deleted yet. */
  readonly bytes: number;
  readonly bytesMax: number;
  /** When the oldest record was received, epoch milliseconds; undefined when there is none. */
  readonly oldestAt: number | undefined;
}

/**
 * Records on the local disk that wait for the log: appended to segment files, read back in order, deleted when released.
 * What `append` has answered survives a crash of the process and of the machine.
 */
export interface Spool {
  readonly state: SpoolState;
  readonly isEmpty: boolean;
  /** Bytes of a torn last write that opening cut off; they were never acknowledged. */
  readonly truncatedBytes: number;
  /**
   * Appends batches, all or none; one write and one sync for all of them. One call at a time.
   *
   * @throws AppError `COLLECTOR_SPOOL_FULL`, `COLLECTOR_SPOOL_UNWRITABLE` (both retryable).
   */
  append(batches: readonly SpooledBatch[]): Promise<void>;
  /** The oldest batches, about `bytesMax` of them and at least one; undefined when the spool is empty. */
  read(bytesMax: number): Promise<SpoolChunk | undefined>;
  /** Forgets what was read. It may be read again after a crash, or when the cursor could not be written. */
  release(chunk: SpoolChunk): Promise<void>;
  close(): Promise<void>;
}

/**
 * Opens the spool in a folder, making it if need be; one process uses a folder. A torn last write is cut off.
 *
 * @throws AppError `COLLECTOR_SPOOL_LOCKED`, `COLLECTOR_SPOOL_DAMAGED`, `COLLECTOR_SPOOL_UNWRITABLE`.
 */
export async function openSpool(folder: string, options: SpoolOptions): Promise<Spool> {
  const lock = await makeLocked(folder).catch((error: unknown) => {
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

async function makeLocked(folder: string): ReturnType<typeof takeFolderLock> {
  await mkdir(folder, { recursive: true });
  await syncPath(dirname(folder));
  return takeFolderLock(folder);
}

interface Segment {
  readonly number: number;
  readonly path: string;
  /** Of whole, durable batches. */
  bytes: number;
  /** Not released yet. */
  records: number;
}

interface OpenedSegments {
  readonly segments: Segment[];
  readonly position: SpoolPosition;
  readonly lastNumber: number;
  readonly oldestAt: number | undefined;
  readonly truncatedBytes: number;
}

const namePattern = /^(\d{16})\.spool$/;

function segmentPath(folder: string, number: number): string {
  return join(folder, `${String(number).padStart(16, '0')}.spool`);
}

/** Counts what waits, deletes what was replayed, and cuts the last segment off behind its last whole batch. */
async function openSegments(folder: string, position: SpoolPosition): Promise<OpenedSegments> {
  const numbers = (await readdir(folder))
    .flatMap((name) => namePattern.exec(name)?.[1] ?? [])
    .map(Number)
    .sort((a, b) => a - b);
  const lastNumber = Math.max(position.segment, numbers.at(-1) ?? 0);
  const segments: Segment[] = [];
  let oldestAt: number | undefined;
  let truncatedBytes = 0;
  for (const number of numbers) {
    const path = segmentPath(folder, number);
    const { size } = await stat(path);
    const segment: Segment = { number, path, bytes: replayedBytes(number, position, size), records: 0 };
    for await (const { line, records, end } of readFrames(path, segment.bytes, size)) {
      oldestAt ??= decodeFrame(line)[0]?.timestamp;
      segment.bytes = end;
      segment.records += records;
    }
    if (segment.bytes < size) {
      // A torn write has nothing behind it. What has was acknowledged, perhaps.
      const isTorn = number === lastNumber && !(await hasFrameBehind(path, segment.bytes, size));
      if (!isTorn) throw spoolDamaged(path, segment.bytes);
      truncatedBytes = size - segment.bytes;
      await cutOff(path, segment.bytes);
    }
    if (segment.records > 0) segments.push(segment);
    else await rm(path);
  }
  return { segments, position, lastNumber, oldestAt, truncatedBytes };
}

function replayedBytes(number: number, position: SpoolPosition, size: number): number {
  if (number < position.segment) return size;
  return number === position.segment ? Math.min(position.byte, size) : 0;
}

async function cutOff(path: string, bytes: number): Promise<void> {
  const file = await open(path, 'r+');
  try {
    await file.truncate(bytes);
    await file.sync();
  } finally {
    await file.close();
  }
}

class SegmentedSpool implements Spool {
  readonly truncatedBytes: number;
  readonly #folder: string;
  readonly #bytesMax: number;
  readonly #segmentBytesMax: number;
  readonly #cursor: Cursor;
  readonly #lock: FolderLock;
  readonly #segments: Segment[];
  #position: SpoolPosition;
  #lastNumber: number;
  /** Of the last segment, while it may be appended to. */
  #file: FileHandle | undefined;
  /** A segment whose end may be anything after a failed write. */
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

  async release({ batches, end }: SpoolChunk): Promise<void> {
    const segment = this.#segments.find(({ number }) => number === end.segment);
    if (segment === undefined) return;
    segment.records -= countAll(batches);
    this.#position = end;
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
    return this.#segments.reduce((sum, segment) => sum + segment.bytes, 0);
  }

  /** The last segment, or a new one when that is large enough or not trusted any more. */
  async #writable(): Promise<{ readonly file: FileHandle; readonly segment: Segment }> {
    if (this.#torn !== undefined) await cutOff(this.#torn.path, this.#torn.bytes);
    this.#torn = undefined;
    const last = this.#segments.at(-1);
    if (this.#file !== undefined && last !== undefined && last.bytes < this.#segmentBytesMax) {
      return { file: this.#file, segment: last };
    }
    await this.#file?.close();
    this.#file = undefined;
    const number = this.#lastNumber + 1;
    const path = segmentPath(this.#folder, number);
    const file = await open(path, 'ax');
    this.#lastNumber = number;
    this.#file = file;
    const segment = { number, path, bytes: 0, records: 0 };
    this.#segments.push(segment);
    await syncPath(this.#folder);
    return { file, segment };
  }

  /**
   * After a failed write or sync, what the file holds behind its durable batches may be anything: that is cut off before
   * anything else is written, and the next batch goes into a new segment.
   */
  async #abandonFile(): Promise<void> {
    const segment = this.#segments.at(-1);
    const file = this.#file;
    if (file === undefined || segment === undefined) return;
    this.#file = undefined;
    this.#torn = segment;
    await file.close().catch(() => undefined);
    try {
      // At once, for the room that it gives back on a full disk; if it fails, the next write begins with it.
      await cutOff(segment.path, segment.bytes);
      this.#torn = undefined;
      if (segment.bytes > 0) return;
      await rm(segment.path);
      this.#segments.pop();
    } catch {
      // The failure that brought us here is the one to tell.
    }
  }

  async #deleteReleased(): Promise<void> {
    for (let first = this.#segments[0]; first?.records === 0; first = this.#segments[0]) {
      const isLast = this.#segments.length === 1;
      // What is being appended is not counted yet.
      if (isLast && this.#isAppending) return;
      this.#segments.shift();
      const file = isLast ? this.#file : undefined;
      if (isLast) this.#file = this.#torn = undefined;
      await file?.close();
      await rm(first.path, { force: true });
    }
  }
}

function countAll(batches: readonly SpooledBatch[]): number {
  return batches.reduce((sum, batch) => sum + batch.length, 0);
}
