import { ExponentialBackoff, handleAll, noJitterGenerator, retry } from 'cockatiel';
import type { LogRecord, Publisher } from '@facet/kafka';
import { AppError, describeError, isAppError } from '@facet/platform';
import type { Logger } from '@facet/platform';
import type { IngestMetrics, StorageState } from './ingest-metrics.ts';
import type { Spool } from './spool/spool.ts';

/** Where the records of one call are stored. */
export interface Written {
  readonly stored: 'log' | 'spool';
  /** Indexes of records that are too large for the log. */
  readonly refused: readonly number[];
}

export interface RecordWriterState extends StorageState {
  /** Whether the log or the spool is likely to accept the next records. */
  readonly canStore: boolean;
}

/** Stores records in the order of the calls: in the log, or in the spool behind records that wait for the log. */
export interface RecordWriter {
  /**
   * Resolves when the in-sync replicas or the spool have all records.
   *
   * @throws AppError `COLLECTOR_QUEUE_FULL`, `COLLECTOR_LOG_REFUSES`, or an error of the spool when neither log nor spool
   * accepts the records. All are retryable. Some of the records may be in the log anyway.
   */
  write(records: readonly LogRecord[]): Promise<Written>;
  readonly state: RecordWriterState;
  /** Reports whether the topics could be created or found. Decides `state.isLogReachable` until the first publish. */
  setTopicsReachable(isReachable: boolean): void;
  /** Stores all queued records and stops the replay. */
  close(): Promise<void>;
}

export interface RecordWriterDeps {
  readonly publisher: Pick<Publisher, 'publish'>;
  readonly spool: Spool;
  readonly metrics: IngestMetrics;
  readonly logger: Logger;
  readonly now: () => number;
}

export interface RecordWriterOptions {
  /** Limit of all queued records. The writer rejects calls beyond it. */
  readonly queueBytesMax: number;
}

/** Queued records of one call. */
interface QueuedWrite {
  readonly records: readonly LogRecord[];
  readonly bytes: number;
  resolve(written: Written): void;
  reject(error: unknown): void;
}

/** The log acknowledged all records except `refused`, which it never accepts. */
interface Acknowledgment {
  readonly refused: ReadonlySet<number>;
  readonly refusal?: AppError;
}

/** Slightly below the limit of one send of the publisher: a larger group would need a second send. */
const groupBytesMax = 850_000;
const replayBytesMax = 850_000;
const replayBytesMin = 1_000;
/** No request waits for a replay, so it has the time to find all refused records of a chunk. */
const replayAckMs = 60_000;
/** Chunks to replay before each group that is appended to the spool. */
const replayedChunksPerGroup = 2;
/** The longest wait of a write for the replay of one chunk. */
const replayWaitMs = 500;
/** How long the ingest is not ready after a failed write. Then the next write may succeed. */
const failureMs = 5_000;
/** Bytes of a record in addition to key and value. */
const recordOverheadBytes = 64;

const replayRetries = retry(handleAll, {
  maxAttempts: Number.POSITIVE_INFINITY,
  backoff: new ExponentialBackoff({ initialDelay: 200, maxDelay: 5_000, generator: noJitterGenerator }),
}).dangerouslyUnref();

/** Creates the writer and starts to replay the spool. */
export function createRecordWriter(deps: RecordWriterDeps, options: RecordWriterOptions): RecordWriter {
  return new QueuedRecordWriter(deps, options);
}

class QueuedRecordWriter implements RecordWriter {
  readonly #deps: RecordWriterDeps;
  readonly #queueBytesMax: number;
  readonly #queue: QueuedWrite[] = [];
  #queueBytes = 0;
  #writing: Promise<void> | undefined;
  #replaying: Promise<void> | undefined;
  /** The replay of the current chunk. */
  #replayStep: Promise<unknown> = Promise.resolve();
  /** Whether the last chunk was replayed successfully and within `replayWaitMs`. */
  #isReplayAdvancing = false;
  #onReplayStep: () => void = () => undefined;
  readonly #closing = new AbortController();
  /** Size of the next chunk. */
  #replayBytes = replayBytesMax;
  #isLogReachable: boolean | undefined;
  #hasTopics: boolean | undefined;
  /** The last segment of the spool whose refused records were logged. */
  #loggedSegment: number | undefined;
  #lastFailedAt = -Infinity;

  constructor(deps: RecordWriterDeps, { queueBytesMax }: RecordWriterOptions) {
    this.#deps = deps;
    this.#queueBytesMax = queueBytesMax;
    this.#startReplay();
  }

  get state(): RecordWriterState {
    const { spool, now } = this.#deps;
    const { state } = spool;
    const isLogReachable = this.#isLogReachable ?? this.#hasTopics;
    const isSpoolUsable = state.bytes < state.bytesMax && now() - this.#lastFailedAt > failureMs;
    return {
      isLogReachable,
      canStore: isSpoolUsable || (isLogReachable === true && spool.isEmpty),
      queueBytes: this.#queueBytes,
      spool: state,
    };
  }

  setTopicsReachable(isReachable: boolean): void {
    this.#hasTopics = isReachable;
  }

  async write(records: readonly LogRecord[]): Promise<Written> {
    const bytes = records.reduce(
      (sum, { key, value }) => sum + key.length + (value?.length ?? 0) + recordOverheadBytes,
      0,
    );
    if (this.#queueBytes > 0 && this.#queueBytes + bytes > this.#queueBytesMax) throw queueFull(this.#queueBytesMax);
    this.#queueBytes += bytes;
    return new Promise<Written>((resolve, reject) => {
      this.#queue.push({ records, bytes, resolve, reject });
      this.#writing ??= this.#writeQueue();
    });
  }

  async close(): Promise<void> {
    await this.#writing;
    this.#closing.abort();
    await this.#replayStep.catch(() => undefined);
  }

  async #writeQueue(): Promise<void> {
    while (this.#queue.length > 0) {
      const group = this.#nextGroup();
      try {
        const written = await this.#storeGroup(group.map(({ records }) => records));
        for (const [index, { resolve }] of group.entries()) resolve(written[index]!);
        this.#lastFailedAt = -Infinity;
      } catch (error) {
        this.#lastFailedAt = this.#deps.now();
        for (const { reject } of group) reject(error);
      }
      for (const { bytes } of group) this.#queueBytes -= bytes;
    }
    // In the same turn as the last look at the queue, so that the next write starts a new loop.
    this.#writing = undefined;
  }

  #nextGroup(): QueuedWrite[] {
    let bytes = 0;
    const size = this.#queue.findIndex((write, index) => (bytes += write.bytes) > groupBytesMax && index > 0);
    return this.#queue.splice(0, size === -1 ? this.#queue.length : size);
  }

  /** Stores the records of several calls together. While the spool has records, new ones go behind them to keep the order. */
  async #storeGroup(batches: readonly (readonly LogRecord[])[]): Promise<readonly Written[]> {
    const { spool, metrics, now } = this.#deps;
    const startedAt = now();
    await this.#waitForReplay();
    const acknowledged = spool.isEmpty ? await this.#publish(batches.flat()) : undefined;
    if (acknowledged === undefined) {
      await spool.append(batches);
      this.#startReplay();
    } else if (isAppError(acknowledged.refusal, 'EVENTS_RECORD_REFUSED')) {
      throw logRefusesRecords(acknowledged.refusal);
    }
    const stored = acknowledged === undefined ? 'spool' : 'log';
    metrics.observeStored(stored, (now() - startedAt) / 1000);
    let start = 0;
    return batches.map((batch) => {
      const refused = [...batch.keys()].filter((index) => acknowledged?.refused.has(start + index));
      start += batch.length;
      return { stored, refused };
    });
  }

  /** Without this wait, steady load would append as fast as the replay drains, and the spool would never be empty. */
  async #waitForReplay(): Promise<void> {
    for (let chunks = 0; chunks < replayedChunksPerGroup; chunks++) {
      if (this.#deps.spool.isEmpty || !this.#isReplayAdvancing) return;
      await new Promise<void>((resolve) => {
        const timer = setTimeout(() => this.#noteReplayStep(false), replayWaitMs);
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

  /** Returns `undefined` if the log did not acknowledge all records in time. The log may still contain or store some of them. */
  async #publish(
    records: readonly LogRecord[],
    options?: { readonly ackTimeoutMs: number },
  ): Promise<Acknowledgment | undefined> {
    try {
      await this.#deps.publisher.publish(records, options);
      this.#noteLog(true);
      return { refused: new Set() };
    } catch (error) {
      const isRefusal = isAppError(error, 'EVENTS_RECORD_REFUSED') || isAppError(error, 'EVENTS_RECORD_TOO_LARGE');
      this.#noteLog(isRefusal, error);
      if (!isRefusal) return undefined;
      return { refused: new Set(error.context['indexes'] as readonly number[]), refusal: error };
    }
  }

  #noteLog(isReachable: boolean, error?: unknown): void {
    const was = this.#isLogReachable;
    this.#isLogReachable = isReachable;
    if (isReachable === (was ?? true)) return;
    const { logger } = this.#deps;
    if (isReachable) logger.info('Kafka acknowledges records again');
    else logger.warn({ err: error }, 'Kafka does not acknowledge records: writing to the spool');
  }

  #startReplay(): void {
    if (this.#closing.signal.aborted || this.#deps.spool.isEmpty) return;
    this.#replaying ??= this.#replay().finally(() => {
      this.#replaying = undefined;
      // A write may have appended records since the last read.
      this.#startReplay();
    });
  }

  async #replay(): Promise<void> {
    const { signal } = this.#closing;
    let replayed = 0;
    while (!signal.aborted) {
      const step = replayRetries.execute(() => (this.#replayStep = this.#replayChunk()), signal);
      // Only closing ends the retries.
      const forwarded = await step.catch(() => undefined);
      if (forwarded === undefined) break;
      replayed += forwarded;
    }
    if (replayed > 0) this.#deps.logger.info({ records: replayed }, 'replayed records from the spool');
  }

  /** Moves the oldest chunk of the spool to the log. Returns the number of forwarded records; undefined for an empty spool. */
  async #replayChunk(): Promise<number | undefined> {
    const { spool, logger, metrics } = this.#deps;
    this.#closing.signal.throwIfAborted();
    try {
      const chunk = await spool.read(this.#replayBytes);
      if (chunk === undefined) return undefined;
      const records = chunk.batches.flat();
      const startedAt = performance.now();
      const acknowledged = await this.#publish(records, { ackTimeoutMs: replayAckMs });
      if (acknowledged === undefined) {
        // Finding the refused records may take too long: a smaller chunk has fewer of them.
        this.#replayBytes = Math.max(replayBytesMin, this.#replayBytes / 2);
        throw new NotAcknowledged();
      }
      const refused = acknowledged.refused.size;
      // A chunk of twice the size then ends in time.
      if (performance.now() - startedAt < replayAckMs / 4) {
        this.#replayBytes = Math.min(replayBytesMax, this.#replayBytes * 2);
      }
      const forwarded = records.length - refused;
      metrics.countReplayed({ forwarded, refused });
      if (refused > 0) this.#logRefused(chunk.end.segment, acknowledged.refusal);
      await spool.release(chunk, { hasRefused: refused > 0 });
      this.#noteReplayStep(true);
      return forwarded;
    } catch (error) {
      if (!(error instanceof NotAcknowledged)) logger.error({ err: error }, 'replaying the spool failed; retrying');
      this.#noteReplayStep(false);
      throw error;
    }
  }

  /** Logs one line for each segment: a wrong clock makes Kafka refuse every record. */
  #logRefused(segment: number, refusal: AppError | undefined): void {
    if (segment === this.#loggedSegment) return;
    this.#loggedSegment = segment;
    this.#deps.logger.error(
      { segment, reason: refusal?.message, remedy: refusedRemedy },
      'Kafka refuses acknowledged records of the spool: the spool keeps them',
    );
  }
}

const refusedRemedy =
  'Correct the clock of this machine, or raise max.message.bytes of the topic. Then delete the file cursor of the spool, ' +
  'and restart the ingest: it sends all records of the kept segments again. To give up these records, delete *.refused (not ' +
  '*.refusing, of which other records still wait), and restart the ingest.';

class NotAcknowledged extends Error {}

function queueFull(bytesMax: number): AppError {
  return new AppError(`More than ${bytesMax} bytes are queued.`, {
    code: 'COLLECTOR_QUEUE_FULL',
    category: 'unavailable',
    remedy: 'Send the records again later, or add a collector.',
    context: { bytesMax },
    retryable: true,
  });
}

/** For refusals that are not about the record size. The sender is not at fault and must keep the records. */
function logRefusesRecords(cause: unknown): AppError {
  return new AppError(`Kafka refuses records of this collector: ${describeError(cause)}`, {
    code: 'COLLECTOR_LOG_REFUSES',
    category: 'unavailable',
    remedy: 'Check the clocks of this machine and of the brokers, and the timestamp limits of the topics.',
    retryable: true,
    cause,
  });
}
