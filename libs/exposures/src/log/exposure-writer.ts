import { mkdir, open, rename, rm } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as setTimeoutPromise } from 'node:timers/promises';
import { dayMs, utcDay } from '@facet/platform';
import { Type } from 'typebox';
import type { Static } from 'typebox';
import { dayFolder, fileAgeMsMax, listDays, newFileName, openSuffix } from './exposure-files.ts';
import { serializeExposure } from './exposure-record.ts';
import type { ExposureRecord } from './exposure-record.ts';

/** Settings of the exposure log, for a section of `facet.yaml`. */
export const ExposureLogSettings = Type.Object(
  {
    enabled: Type.Boolean({ default: true }),
    /** Whether answers to requests without a userId are recorded, too. They are in no arm; of nobody it is kept what they chose. */
    recordStateless: Type.Boolean({ default: false }),
    /** Of the answers: whose whole request is kept, so that it can be replayed. */
    sampledShare: Type.Number({ minimum: 0, maximum: 1, default: 0.001 }),
    /** Days that are kept besides today's. */
    retentionDays: Type.Integer({ minimum: 1, maximum: 3_650, default: 30 }),
  },
  { additionalProperties: false, default: {} },
);
export type ExposureLogSettings = Static<typeof ExposureLogSettings>;

export interface ExposureWriterOptions {
  /** `<home>/exposures`. */
  readonly folder: string;
  /** A record is on the disk at most so long after it came, while the disk keeps up; 1 second by default. */
  readonly flushMs?: number | undefined;
  /** So many bytes are not waited for; 256 KiB by default. */
  readonly flushBytes?: number | undefined;
  /** What may wait for the disk; beyond it records are dropped. 16 MiB by default. */
  readonly bufferBytesMax?: number | undefined;
  /** 256 MiB by default. */
  readonly fileBytesMax?: number | undefined;
  /** Days that are kept besides today's; 30 by default. */
  readonly retentionDays?: number | undefined;
  /** Told of each write that failed, with the records that are lost by it. */
  readonly onFailure?: ((error: unknown, dropped: number) => void) | undefined;
  /** The clock in epoch milliseconds, for retention. */
  readonly now?: (() => number) | undefined;
}

/** Of a writer, since it began. */
export interface ExposureCounts {
  readonly written: number;
  /** Records that were not written because the disk was too slow, full, or broken. */
  readonly dropped: number;
  /** Bytes that wait for the disk. */
  readonly waitingBytes: number;
}

/** With every default filled in. */
type Settled<Options> = { readonly [Name in keyof Options]-?: NonNullable<Options[Name]> };

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

const tendEveryMs = fileAgeMsMax / 3;

/** One write is no larger, so that putting it together does not hold up anybody. */
const writeBytesMax = 1024 * 1024;

/**
 * Appends to the exposure log from one process. `append` never waits and never throws: records are buffered, and one write at a
 * time takes them to the disk. What does not fit into the buffer, or into a full disk, is dropped and counted.
 */
export class ExposureWriter {
  readonly #options: Settled<Omit<ExposureWriterOptions, 'onFailure'>>;
  readonly #onFailure: (error: unknown, dropped: number) => void;
  #waiting: Line[] = [];
  #waitingBytes = 0;
  #written = 0;
  #dropped = 0;
  #file: OpenFile | undefined;
  /** All work on files, one after the other. */
  #work: Promise<void> = Promise.resolve();
  #isFlushAsked = false;
  #flushTimer: NodeJS.Timeout | undefined;
  readonly #ageTimer: NodeJS.Timeout;
  #keptDay = '';
  #isClosed = false;

  constructor(options: ExposureWriterOptions) {
    this.#options = {
      folder: options.folder,
      flushMs: options.flushMs ?? 1_000,
      flushBytes: options.flushBytes ?? 256 * 1024,
      bufferBytesMax: options.bufferBytesMax ?? 16 * 1024 * 1024,
      fileBytesMax: options.fileBytesMax ?? 256 * 1024 * 1024,
      retentionDays: options.retentionDays ?? 30,
      now: options.now ?? Date.now,
    };
    this.#onFailure = options.onFailure ?? (() => undefined);
    // Without traffic nothing else would close the file.
    this.#ageTimer = setInterval(() => this.#enqueue(() => this.#tend()), tendEveryMs).unref();
    this.#enqueue(() => this.#tend());
  }

  get counts(): ExposureCounts {
    return { written: this.#written, dropped: this.#dropped, waitingBytes: this.#waitingBytes };
  }

  /** Takes a record in; `false` when it is dropped. After `close` all are. */
  append(record: ExposureRecord): boolean {
    const { flushMs, flushBytes, bufferBytesMax } = this.#options;
    const bytes = Buffer.from(serializeExposure(record));
    if (this.#isClosed || this.#waitingBytes + bytes.length > bufferBytesMax) {
      this.#dropped++;
      return false;
    }
    this.#waiting.push({ day: utcDay(record.answeredAt), bytes });
    this.#waitingBytes += bytes.length;
    if (this.#waitingBytes >= flushBytes) void this.flush();
    else this.#flushTimer ??= setTimeout(() => void this.flush(), flushMs).unref();
    return true;
  }

  /** Resolves when everything that was appended before has been written or dropped. */
  async flush(): Promise<void> {
    clearTimeout(this.#flushTimer);
    this.#flushTimer = undefined;
    if (!this.#isFlushAsked) {
      this.#isFlushAsked = true;
      this.#enqueue(async () => {
        this.#isFlushAsked = false;
        await this.#writeWaiting();
      });
    }
    await this.#work;
  }

  /**
   * Writes what waits and leaves the file to others, but gives up on a disk that does not answer. A second time does nothing.
   *
   * @param timeoutMs 5 seconds by default.
   */
  async close(timeoutMs = 5_000): Promise<void> {
    this.#isClosed = true;
    clearInterval(this.#ageTimer);
    const flushed = this.flush();
    this.#enqueue(() => this.#leaveFile());
    const patience = new AbortController();
    await Promise.race([
      flushed.then(() => this.#work),
      setTimeoutPromise(timeoutMs, undefined, { signal: patience.signal }).catch(() => undefined),
    ]);
    patience.abort();
  }

  #enqueue(work: () => Promise<void>): void {
    this.#work = this.#work.then(work).catch((error: unknown) => this.#onFailure(error, 0));
  }

  async #writeWaiting(): Promise<void> {
    const lines = this.#waiting;
    this.#waiting = [];
    // Around midnight the days of a moment's answers are mixed.
    lines.sort((a, b) => (a.day < b.day ? -1 : a.day > b.day ? 1 : 0));
    for (let from = 0; from < lines.length;) {
      const before = endOfWrite(lines, from);
      await this.#write(lines.slice(from, before));
      from = before;
    }
  }

  /** @param lines of one day, at least one. */
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
      this.#onFailure(error, lines.length - whole);
      // The last line may be torn, so nothing may follow it.
      await this.#leaveFile().catch(() => undefined);
    } finally {
      this.#waitingBytes -= block.length;
    }
  }

  async #fileFor(day: string, bytes: number): Promise<OpenFile> {
    const file = this.#file;
    const { fileBytesMax, folder } = this.#options;
    if (file?.day === day && !isOld(file) && (file.size === 0 || file.size + bytes <= fileBytesMax)) return file;
    await this.#leaveFile();
    const parent = join(folder, dayFolder(day));
    await mkdir(parent, { recursive: true });
    const path = join(parent, newFileName());
    const handle = await open(`${path}${openSuffix}`, 'ax');
    this.#file = { day, path, handle, openedAt: performance.now(), size: 0 };
    return this.#file;
  }

  /** Closes the file, if there is one, and gives it the name of a closed one; an empty one is removed. */
  async #leaveFile(): Promise<void> {
    const file = this.#file;
    if (file === undefined) return;
    this.#file = undefined;
    await file.handle.close();
    const name = `${file.path}${openSuffix}`;
    if (file.size === 0) await rm(name, { force: true });
    else await rename(name, file.path);
  }

  /** What is due without a record. */
  async #tend(): Promise<void> {
    if (this.#file !== undefined && isOld(this.#file)) await this.#leaveFile();
    const { folder, retentionDays, now } = this.#options;
    const today = utcDay(now());
    if (today === this.#keptDay) return;
    await removeOldExposures(folder, { retentionDays, now: now() });
    this.#keptDay = today;
  }
}

function isOld({ openedAt }: OpenFile): boolean {
  return performance.now() - openedAt > fileAgeMsMax - tendEveryMs;
}

/** How far a write that begins with a line goes: lines of its day, at least one. */
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

/** How many of the lines end within so many bytes. */
function linesWithin(lines: readonly Line[], bytes: number): number {
  let end = 0;
  const torn = lines.findIndex((line) => (end += line.bytes.length) > bytes);
  return torn < 0 ? lines.length : torn;
}

/**
 * Removes days that are over for longer than they are kept.
 *
 * @param options.retentionDays that are kept besides today's.
 * @param options.now epoch milliseconds.
 * @returns the days that are gone.
 */
export async function removeOldExposures(
  folder: string,
  options: { readonly retentionDays: number; readonly now: number },
): Promise<string[]> {
  const oldest = utcDay(options.now - options.retentionDays * dayMs);
  const gone = (await listDays(folder)).filter((day) => day < oldest);
  for (const day of gone) await rm(join(folder, dayFolder(day)), { recursive: true, force: true });
  return gone;
}
