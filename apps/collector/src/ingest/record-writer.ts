import { setTimeout as sleep } from 'node:timers/promises';
import type { LogRecord, Publisher } from '@facet/kafka';
import { AppError, describeError, isAppError } from '@facet/platform';
import type { Logger } from '@facet/platform';
import type { IngestMetrics } from './ingest-metrics.ts';
import type { RefusedRecords } from './spool/refused-records.ts';
import type { Spool, SpoolState } from './spool/spool.ts';

/** Where records are safe. */
export interface Written {
  readonly stored: 'log' | 'spool';
  /** Places of the records that are too large for the log. */
  readonly refused: readonly number[];
}

export interface RecordWriterOptions {
  /** Of all records that wait to be stored. More are turned away. */
  readonly queueBytesMax: number;
}

export interface RecordWriterState {
  /** Undefined until something was published. */
  readonly isLogReachable: boolean | undefined;
  /** Whether records can be stored, as far as is known. */
  readonly canStore: boolean;
  readonly queueBytes: number;
  readonly spool: SpoolState;
}

/** Puts records where they are safe, in the order of the calls: into the log, or behind what waits for it in the spool. */
export interface RecordWriter {
  /**
   * Resolves when all records are acknowledged by the log or durable in the spool.
   *
   * @throws AppError `COLLECTOR_QUEUE_FULL`, `COLLECTOR_LOG_REFUSES`, or one of the spool's when neither log nor spool takes
   * them; all retryable. Some of the records may be in the log all the same.
   */
  write(records: readonly LogRecord[]): Promise<Written>;
  readonly state: RecordWriterState;
  /** Stores what is queued and stops replaying. */
  close(): Promise<void>;
}

export interface RecordWriterDeps {
  readonly publisher: Pick<Publisher, 'publish'>;
  readonly spool: Spool;
  readonly refusedRecords: RefusedRecords;
  readonly metrics: IngestMetrics;
  readonly logger: Logger;
  readonly now: () => number;
}

interface Waiting {
  readonly records: readonly LogRecord[];
  readonly bytes: number;
  resolve(written: Written): void;
  reject(error: unknown): void;
}

/** What the publisher sends at a time; a little more would cost another send. */
const groupBytesMax = 850_000;
const replayBytesMax = 850_000;
const replayPauseMs = { min: 200, max: 5_000 };
/** While both go on, so much more is replayed than stored. */
const replayedChunksAGroup = 2;
/** A replay that takes longer for a chunk is not waited for. */
const replayStepMsMax = 500;
/** How long a failure to store counts as the state of things, so that a caller may then find out anew. */
const troubleMs = 5_000;
/** What a record costs beside its key and value. */
const recordOverheadBytes = 64;

/** Starts to replay at once what the spool holds. */
export function createRecordWriter(deps: RecordWriterDeps, options: RecordWriterOptions): RecordWriter {
  return new GroupingWriter(deps, options);
}

class GroupingWriter implements RecordWriter {
  readonly #deps: RecordWriterDeps;
  readonly #queueBytesMax: number;
  readonly #waiting: Waiting[] = [];
  #queueBytes = 0;
  #writing: Promise<void> | undefined;
  #replaying: Promise<void> | undefined;
  /** Whether the last look at it found the replay under way. */
  #isReplayAdvancing = false;
  #onReplayStep: () => void = () => undefined;
  readonly #closing = new AbortController();
  #isLogReachable: boolean | undefined;
  #lastFailedAt = -Infinity;

  constructor(deps: RecordWriterDeps, { queueBytesMax }: RecordWriterOptions) {
    this.#deps = deps;
    this.#queueBytesMax = queueBytesMax;
    this.#startReplay();
  }

  get state(): RecordWriterState {
    const { spool, now } = this.#deps;
    const { state } = spool;
    const isSpoolUsable = state.bytes < state.bytesMax && now() - this.#lastFailedAt > troubleMs;
    return {
      isLogReachable: this.#isLogReachable,
      canStore: isSpoolUsable || (this.#isLogReachable === true && spool.isEmpty),
      queueBytes: this.#queueBytes,
      spool: state,
    };
  }

  async write(records: readonly LogRecord[]): Promise<Written> {
    const bytes = records.reduce(
      (sum, { key, value }) => sum + key.length + (value?.length ?? 0) + recordOverheadBytes,
      0,
    );
    if (this.#queueBytes > 0 && this.#queueBytes + bytes > this.#queueBytesMax) throw queueFull(this.#queueBytesMax);
    this.#queueBytes += bytes;
    return new Promise<Written>((resolve, reject) => {
      this.#waiting.push({ records, bytes, resolve, reject });
      this.#writing ??= this.#writeAll().finally(() => (this.#writing = undefined));
    });
  }

  async close(): Promise<void> {
    await this.#writing;
    this.#closing.abort();
    await this.#replaying;
  }

  async #writeAll(): Promise<void> {
    while (this.#waiting.length > 0) {
      const group = this.#takeGroup();
      try {
        const written = await this.#store(group);
        for (const [index, waiting] of group.entries()) waiting.resolve(written[index]!);
        this.#lastFailedAt = -Infinity;
      } catch (error) {
        this.#lastFailedAt = this.#deps.now();
        for (const { reject } of group) reject(error);
      }
      for (const { bytes } of group) this.#queueBytes -= bytes;
    }
  }

  #takeGroup(): Waiting[] {
    let bytes = 0;
    const size = this.#waiting.findIndex((waiting, index) => (bytes += waiting.bytes) > groupBytesMax && index > 0);
    return this.#waiting.splice(0, size === -1 ? this.#waiting.length : size);
  }

  /** While anything waits in the spool, everything goes behind it, so that the order stays. */
  async #store(group: readonly Waiting[]): Promise<readonly Written[]> {
    const { spool, metrics, now } = this.#deps;
    const startedAt = now();
    await this.#letReplayAdvance();
    if (spool.isEmpty) {
      const batches = group.map(({ records }) => records);
      const published = await this.#publish(batches).catch((error: unknown) => {
        if (!isAppError(error, 'EVENTS_RECORD_TOO_LARGE')) throw logRefuses(error);
        return splitRefused(batches, error);
      });
      if (published !== undefined) {
        metrics.observeStored('log', (now() - startedAt) / 1000);
        return published;
      }
    }
    await spool.append(group.map(({ records }) => records));
    metrics.observeStored('spool', (now() - startedAt) / 1000);
    this.#startReplay();
    return group.map(() => ({ stored: 'spool', refused: [] }));
  }

  /** A spool that takes as much as it gives would never be empty again under a steady load. */
  async #letReplayAdvance(): Promise<void> {
    for (let chunks = 0; chunks < replayedChunksAGroup; chunks++) {
      if (this.#deps.spool.isEmpty || !this.#isReplayAdvancing) return;
      await new Promise<void>((resolve) => {
        const timer = setTimeout(() => this.#noteReplayStep(false), replayStepMsMax);
        this.#onReplayStep = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  }

  #noteReplayStep(hasAdvanced: boolean): void {
    this.#isReplayAdvancing = hasAdvanced;
    this.#onReplayStep();
  }

  /**
   * Undefined when the log did not acknowledge everything in time; it may have done so for some, or do it later.
   *
   * @throws AppError of `isRefusal` when it takes all but some.
   */
  async #publish(batches: readonly (readonly LogRecord[])[]): Promise<readonly Written[] | undefined> {
    try {
      await this.#deps.publisher.publish(batches.flat());
      this.#noteLog(true);
      return batches.map(() => ({ stored: 'log', refused: [] }));
    } catch (error) {
      this.#noteLog(isRefusal(error), error);
      if (isRefusal(error)) throw error;
      return undefined;
    }
  }

  #noteLog(isReachable: boolean, error?: unknown): void {
    const was = this.#isLogReachable;
    this.#isLogReachable = isReachable;
    if (isReachable === (was ?? true)) return;
    const { logger } = this.#deps;
    if (isReachable) logger.info('the log acknowledges again');
    else logger.warn({ err: error }, 'the log does not acknowledge: events go into the spool');
  }

  #startReplay(): void {
    if (this.#closing.signal.aborted || this.#deps.spool.isEmpty) return;
    this.#replaying ??= this.#replay().finally(() => {
      this.#replaying = undefined;
      // Something may have been appended since the last look.
      this.#startReplay();
    });
  }

  async #replay(): Promise<void> {
    const { spool, logger, metrics } = this.#deps;
    const { signal } = this.#closing;
    let pauseMs = replayPauseMs.min;
    let replayed = 0;
    while (!signal.aborted) {
      try {
        const chunk = await spool.read(replayBytesMax);
        if (chunk === undefined) break;
        const published = await this.#publish(chunk.batches).catch((error: unknown) => {
          if (isRefusal(error)) return splitRefused(chunk.batches, error);
          throw error;
        });
        if (published !== undefined) {
          await this.#deps.refusedRecords.add(pickRefused(chunk.batches, published));
          await spool.release(chunk);
          const records = chunk.batches.reduce((sum, batch) => sum + batch.length, 0);
          metrics.countReplayed(records);
          replayed += records;
          pauseMs = replayPauseMs.min;
          this.#noteReplayStep(true);
          continue;
        }
      } catch (error) {
        logger.error({ err: error }, 'the spool cannot be replayed');
      }
      this.#noteReplayStep(false);
      await sleep(pauseMs, undefined, { signal }).catch(() => undefined);
      pauseMs = Math.min(pauseMs * 2, replayPauseMs.max);
    }
    if (replayed > 0) logger.info({ records: replayed }, 'replayed from the spool');
  }
}

/** Whether the log says which records it does not take, however often they come: it has taken all others. */
function isRefusal(error: unknown): error is AppError {
  return isAppError(error, 'EVENTS_RECORD_REFUSED') || isAppError(error, 'EVENTS_RECORD_TOO_LARGE');
}

function splitRefused(batches: readonly (readonly LogRecord[])[], { context }: AppError): Written[] {
  const indexes = new Set(context['indexes'] as readonly number[]);
  let start = 0;
  return batches.map((batch) => {
    const refused = batch.flatMap((_, index) => (indexes.has(start + index) ? [index] : []));
    start += batch.length;
    return { stored: 'log', refused };
  });
}

function pickRefused(batches: readonly (readonly LogRecord[])[], written: readonly Written[]): LogRecord[] {
  return batches.flatMap((batch, at) => written[at]!.refused.map((index) => batch[index]!));
}

function queueFull(bytesMax: number): AppError {
  return new AppError(`More than ${bytesMax} bytes wait to be stored.`, {
    code: 'COLLECTOR_QUEUE_FULL',
    category: 'unavailable',
    remedy: 'Send again later, or add a collector.',
    context: { bytesMax },
    retryable: true,
  });
}

/** Not for the size of a record, so the fault is on this side, and the sender is to keep the records. */
function logRefuses(cause: unknown): AppError {
  return new AppError(`The log does not take records of this collector: ${describeError(cause)}`, {
    code: 'COLLECTOR_LOG_REFUSES',
    category: 'unavailable',
    remedy: "Check the clock of this machine and those of the brokers, and the topics' limits of timestamps.",
    retryable: true,
    cause,
  });
}
