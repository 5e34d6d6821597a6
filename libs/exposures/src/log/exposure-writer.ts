import { mkdir, open, rename, rm } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { dayMs, utcDay } from '@facet/platform';
import { Type } from 'typebox';
import type { Static } from 'typebox';
import { dayFolder, fileAgeMsMax, listDays, newFileName, openSuffix } from './exposure-files.ts';
import { serializeExposure } from './exposure-record.ts';
import type { ExposureRecord } from './exposure-record.ts';

/** Settings of the exposure log, a section of `facet.yaml`. */
export const ExposureLogSettings = Type.Object(
  {
    enabled: Type.Boolean({ default: true, description: 'Record the items, the bundle and the arm of each response.' }),
    recordStateless: Type.Boolean({
      default: false,
      description: 'Also records responses to requests without a userId. These are in no arm.',
    }),
    sampledShare: Type.Number({
      minimum: 0,
      maximum: 1,
      default: 0.001,
      description: 'Share of responses recorded with their whole request, so that they can be replayed.',
    }),
    retentionDays: Type.Integer({
      minimum: 1,
      maximum: 3_650,
      default: 30,
      description: 'Days kept in addition to today.',
    }),
  },
  { additionalProperties: false, default: {}, description: 'The log of responses.' },
);
export type ExposureLogSettings = Static<typeof ExposureLogSettings>;

interface ExposureWriterOptions {
  /** `<home>/exposures`. */
  readonly folder: string;
  /** Maximum delay of a record in the buffer, unless the disk is slow; 1 second by default. */
  readonly flushMs?: number;
  /** Maximum size of the buffer; further records are dropped. 16 MiB by default. */
  readonly bufferBytesMax?: number;
  /** 256 MiB by default. */
  readonly fileBytesMax?: number;
  /** Days kept in addition to today; 30 by default. */
  readonly retentionDays?: number;
  /** Called for each failed write, with the number of lost records. */
  readonly onFailure?: (error: unknown, dropped: number) => void;
  /** Clock in epoch milliseconds, for retention. */
  readonly now?: () => number;
}

const defaults = {
  flushMs: 1_000,
  bufferBytesMax: 16 << 20,
  fileBytesMax: 256 << 20,
  retentionDays: 30,
  onFailure: () => undefined,
  now: Date.now,
};

/** Totals since the writer was created. */
export interface ExposureCounts {
  readonly written: number;
  /** Records not written because the disk was slow, full or broken. */
  readonly dropped: number;
  /** Buffered bytes. */
  readonly waitingBytes: number;
}

interface Line {
  readonly day: string;
  readonly bytes: Buffer;
}

interface OpenFile {
  readonly day: string;
  readonly path: string;
  readonly handle: FileHandle;
  readonly openedAt: number;
  size: number;
}

const maintenanceIntervalMs = fileAgeMsMax / 3;

/** Buffered bytes that trigger a write. */
const flushBytes = 256 * 1024;
/** Limits one write, so that concatenating it does not block the event loop. */
const writeBytesMax = 1024 * 1024;

/**
 * Appends records to the exposure log from one process. `append` neither waits nor throws: it buffers records, and one
 * write at a time moves them to the disk. Records that exceed the buffer or a full disk are dropped and counted.
 */
export class ExposureWriter {
  readonly #options: Required<ExposureWriterOptions>;
  #waiting: Line[] = [];
  #waitingBytes = 0;
  #written = 0;
  #dropped = 0;
  #file: OpenFile | undefined;
  /** Serializes all file operations. */
  #work: Promise<void> = Promise.resolve();
  #isFlushQueued = false;
  #flushTimer: NodeJS.Timeout | undefined;
  readonly #ageTimer: NodeJS.Timeout;
  #lastRetentionDay = '';
  #isClosed = false;

  constructor(options: ExposureWriterOptions) {
    this.#options = { ...defaults, ...options };
    // Closes the file when there is no traffic.
    this.#ageTimer = setInterval(() => this.#enqueue(() => this.#maintain()), maintenanceIntervalMs).unref();
    this.#enqueue(() => this.#maintain());
  }

  get counts(): ExposureCounts {
    return { written: this.#written, dropped: this.#dropped, waitingBytes: this.#waitingBytes };
  }

  /** Buffers a record. Returns `false` if the record is dropped, as all are after `close`. */
  append(record: ExposureRecord): boolean {
    const { flushMs, bufferBytesMax } = this.#options;
    const bytes = Buffer.from(serializeExposure(record));
    if (this.#isClosed || this.#waitingBytes + bytes.length > bufferBytesMax) {
      this.#dropped++;
      return false;
    }
    this.#waiting.push({ day: utcDay(record.respondedAt), bytes });
    this.#waitingBytes += bytes.length;
    if (this.#waitingBytes >= flushBytes) void this.flush();
    else this.#flushTimer ??= setTimeout(() => void this.flush(), flushMs).unref();
    return true;
  }

  /** Resolves when all records appended so far have been written or dropped. */
  async flush(): Promise<void> {
    clearTimeout(this.#flushTimer);
    this.#flushTimer = undefined;
    if (!this.#isFlushQueued) {
      this.#isFlushQueued = true;
      this.#enqueue(async () => {
        this.#isFlushQueued = false;
        await this.#writeWaiting();
      });
    }
    await this.#work;
  }

  /**
   * Writes the buffer and closes the file, but gives up on a disk that does not respond. Idempotent.
   *
   * @param timeoutMs 5 seconds by default.
   */
  async close(timeoutMs = 5_000): Promise<void> {
    this.#isClosed = true;
    clearInterval(this.#ageTimer);
    const flushed = this.flush();
    this.#enqueue(() => this.#closeFile());
    const timeout = new AbortController();
    await Promise.race([
      flushed.then(() => this.#work),
      delay(timeoutMs, undefined, { signal: timeout.signal }).catch(() => undefined),
    ]);
    timeout.abort();
  }

  #enqueue(work: () => Promise<void>): void {
    this.#work = this.#work.then(work).catch((error: unknown) => this.#options.onFailure(error, 0));
  }

  async #writeWaiting(): Promise<void> {
    const lines = this.#waiting;
    this.#waiting = [];
    // Around midnight the buffer contains two days.
    lines.sort((a, b) => (a.day < b.day ? -1 : a.day > b.day ? 1 : 0));
    for (let from = 0; from < lines.length;) {
      const before = endOfWrite(lines, from);
      await this.#write(lines.slice(from, before));
      from = before;
    }
  }

  /** @param lines At least one line, all of one day. */
  async #write(lines: readonly Line[]): Promise<void> {
    const block = Buffer.concat(lines.map(({ bytes }) => bytes));
    let done = 0;
    try {
      const file = await this.#fileFor(lines[0]!.day, block.length);
      while (done < block.length) {
        const { bytesWritten } = await file.handle.write(block, done);
        done += bytesWritten;
        file.size += bytesWritten;
      }
      this.#written += lines.length;
    } catch (error) {
      const whole = linesWithin(lines, done);
      this.#written += whole;
      this.#dropped += lines.length - whole;
      this.#options.onFailure(error, lines.length - whole);
      // The last line may be truncated, so nothing may be appended to it.
      await this.#closeFile().catch(() => undefined);
    } finally {
      this.#waitingBytes -= block.length;
    }
  }

  async #fileFor(day: string, bytes: number): Promise<OpenFile> {
    const file = this.#file;
    const { fileBytesMax, folder } = this.#options;
    if (file?.day === day && !isOld(file) && (file.size === 0 || file.size + bytes <= fileBytesMax)) return file;
    await this.#closeFile();
    const parent = join(folder, dayFolder(day));
    await mkdir(parent, { recursive: true });
    const path = join(parent, newFileName());
    const handle = await open(`${path}${openSuffix}`, 'ax');
    this.#file = { day, path, handle, openedAt: performance.now(), size: 0 };
    return this.#file;
  }

  /** Closes the file, if any, and removes the suffix `.open`. Deletes an empty file. */
  async #closeFile(): Promise<void> {
    const file = this.#file;
    if (file === undefined) return;
    this.#file = undefined;
    await file.handle.close();
    const name = `${file.path}${openSuffix}`;
    if (file.size === 0) await rm(name, { force: true });
    else await rename(name, file.path);
  }

  /** Performs work that is due even without records: file rotation, and the removal of days older than the retention. */
  async #maintain(): Promise<void> {
    if (this.#file !== undefined && isOld(this.#file)) await this.#closeFile();
    const { folder, retentionDays, now } = this.#options;
    const today = utcDay(now());
    if (today === this.#lastRetentionDay) return;
    const oldest = utcDay(now() - retentionDays * dayMs);
    for (const day of await listDays(folder)) {
      if (day < oldest) await rm(join(folder, dayFolder(day)), { recursive: true, force: true });
    }
    this.#lastRetentionDay = today;
  }
}

function isOld({ openedAt }: OpenFile): boolean {
  return performance.now() - openedAt > fileAgeMsMax - maintenanceIntervalMs;
}

/** Returns the end of the write that begins at a line: lines of one day, at least one. */
function endOfWrite(lines: readonly Line[], from: number): number {
  let bytes = lines[from]!.bytes.length;
  let before = from + 1;
  while (before < lines.length && lines[before]!.day === lines[from]!.day) {
    bytes += lines[before]!.bytes.length;
    if (bytes > writeBytesMax) break;
    before++;
  }
  return before;
}

/** Returns how many lines are complete within the first `bytes` bytes. */
function linesWithin(lines: readonly Line[], bytes: number): number {
  let end = 0;
  const torn = lines.findIndex((line) => (end += line.bytes.length) > bytes);
  return torn < 0 ? lines.length : torn;
}
