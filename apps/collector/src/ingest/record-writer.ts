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

interface RecordWriterState extends StorageState {
  /** Whether the log or the spool is likely to accept the next records. */
  readonly canStore: boolean;
}

interface RecordWriterDeps {
  readonly publisher: Pick<Publisher, 'publish'>;
  readonly spool: Spool;
  readonly metrics: IngestMetrics;
  readonly logger: Logger;
  readonly now: () => number;
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

/** Stores records in the order of the calls: in the log, or in the spool behind records that wait for the log. */
export type RecordWriter = ReturnType<typeof createRecordWriter>;

/**
 * Creates the writer and starts to replay the spool.
 *
 * @param options.queueBytesMax Limit of all queued records. The writer rejects calls beyond it.
 */
export function createRecordWriter(
  { publisher, spool, metrics, logger, now }: RecordWriterDeps,
  { queueBytesMax }: { readonly queueBytesMax: number },
) {
  const queue: QueuedWrite[] = [];
  let queueBytes = 0;
  let writing: Promise<void> | undefined;
  let replaying: Promise<void> | undefined;
  /** The replay of the current chunk. */
  let replayStep: Promise<unknown> = Promise.resolve();
  /** Whether the last chunk was replayed successfully and within `replayWaitMs`. */
  let isReplayAdvancing = false;
  let onReplayStep: () => void = () => undefined;
  const closing = new AbortController();
  /** Size of the next chunk. */
  let replayBytes = replayBytesMax;
  let isLogReachable: boolean | undefined;
  let hasTopics: boolean | undefined;
  /** The last segment of the spool whose refused records were logged. */
  let loggedSegment: number | undefined;
  let lastFailedAt = -Infinity;

  async function writeQueue(): Promise<void> {
    while (queue.length > 0) {
      const group = nextGroup();
      try {
        const written = await storeGroup(group.map(({ records }) => records));
        for (const [index, { resolve }] of group.entries()) resolve(written[index]!);
        lastFailedAt = -Infinity;
      } catch (error) {
        lastFailedAt = now();
        for (const { reject } of group) reject(error);
      }
      for (const { bytes } of group) queueBytes -= bytes;
    }
    // In the same turn as the last look at the queue, so that the next write starts a new loop.
    writing = undefined;
  }

  function nextGroup(): QueuedWrite[] {
    let bytes = 0;
    const size = queue.findIndex((write, index) => (bytes += write.bytes) > groupBytesMax && index > 0);
    return queue.splice(0, size === -1 ? queue.length : size);
  }

  /** Stores the records of several calls together. While the spool has records, new ones go behind them to keep the order. */
  async function storeGroup(batches: readonly (readonly LogRecord[])[]): Promise<readonly Written[]> {
    const startedAt = now();
    await waitForReplay();
    const acknowledged = spool.isEmpty ? await publish(batches.flat()) : undefined;
    if (acknowledged === undefined) {
      await spool.append(batches);
      startReplay();
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
  async function waitForReplay(): Promise<void> {
    for (let chunks = 0; chunks < replayedChunksPerGroup; chunks++) {
      if (spool.isEmpty || !isReplayAdvancing) return;
      await new Promise<void>((resolve) => {
        const timer = setTimeout(() => noteReplayStep(false), replayWaitMs);
        onReplayStep = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  }

  function noteReplayStep(hasAdvanced: boolean): void {
    isReplayAdvancing = hasAdvanced;
    onReplayStep();
  }

  /** Returns `undefined` if the log did not acknowledge all records in time. The log may still contain or store some of them. */
  async function publish(
    records: readonly LogRecord[],
    options?: { readonly ackTimeoutMs: number },
  ): Promise<Acknowledgment | undefined> {
    try {
      await publisher.publish(records, options);
      noteLog(true);
      return { refused: new Set() };
    } catch (error) {
      const isRefusal = isAppError(error, 'EVENTS_RECORD_REFUSED') || isAppError(error, 'EVENTS_RECORD_TOO_LARGE');
      noteLog(isRefusal, error);
      if (!isRefusal) return undefined;
      return { refused: new Set(error.context['indexes'] as readonly number[]), refusal: error };
    }
  }

  function noteLog(isReachable: boolean, error?: unknown): void {
    const was = isLogReachable;
    isLogReachable = isReachable;
    if (isReachable === (was ?? true)) return;
    if (isReachable) logger.info('Kafka acknowledges records again');
    else logger.warn({ err: error }, 'Kafka does not acknowledge records: writing to the spool');
  }

  function startReplay(): void {
    if (closing.signal.aborted || spool.isEmpty) return;
    replaying ??= replay().finally(() => {
      replaying = undefined;
      // A write may have appended records since the last read.
      startReplay();
    });
  }

  async function replay(): Promise<void> {
    const { signal } = closing;
    let replayed = 0;
    while (!signal.aborted) {
      const step = replayRetries.execute(() => (replayStep = replayChunk()), signal);
      // Only closing ends the retries.
      const forwarded = await step.catch(() => undefined);
      if (forwarded === undefined) break;
      replayed += forwarded;
    }
    if (replayed > 0) logger.info({ records: replayed }, 'replayed records from the spool');
  }

  /** Moves the oldest chunk of the spool to the log. Returns the number of forwarded records; undefined for an empty spool. */
  async function replayChunk(): Promise<number | undefined> {
    closing.signal.throwIfAborted();
    try {
      const chunk = await spool.read(replayBytes);
      if (chunk === undefined) return undefined;
      const records = chunk.batches.flat();
      const startedAt = performance.now();
      const acknowledged = await publish(records, { ackTimeoutMs: replayAckMs });
      if (acknowledged === undefined) {
        // Finding the refused records may take too long: a smaller chunk has fewer of them.
        replayBytes = Math.max(replayBytesMin, replayBytes / 2);
        throw new NotAcknowledged();
      }
      const refused = acknowledged.refused.size;
      // A chunk of twice the size then ends in time.
      if (performance.now() - startedAt < replayAckMs / 4) {
        replayBytes = Math.min(replayBytesMax, replayBytes * 2);
      }
      const forwarded = records.length - refused;
      metrics.countReplayed({ forwarded, refused });
      if (refused > 0) logRefused(chunk.end.segment, acknowledged.refusal);
      await spool.release(chunk, { hasRefused: refused > 0 });
      noteReplayStep(true);
      return forwarded;
    } catch (error) {
      if (!(error instanceof NotAcknowledged)) logger.error({ err: error }, 'replaying the spool failed; retrying');
      noteReplayStep(false);
      throw error;
    }
  }

  /** Logs one line for each segment: a wrong clock makes Kafka refuse every record. */
  function logRefused(segment: number, refusal: AppError | undefined): void {
    if (segment === loggedSegment) return;
    loggedSegment = segment;
    logger.error(
      { segment, reason: refusal?.message, remedy: refusedRemedy },
      'Kafka refuses acknowledged records of the spool: the spool keeps them',
    );
  }

  startReplay();
  return {
    get state(): RecordWriterState {
      const { state } = spool;
      const isReachable = isLogReachable ?? hasTopics;
      const isSpoolUsable = state.bytes < state.bytesMax && now() - lastFailedAt > failureMs;
      return {
        isLogReachable: isReachable,
        canStore: isSpoolUsable || (isReachable === true && spool.isEmpty),
        queueBytes,
        spool: state,
      };
    },
    /** Reports whether the topics could be created or found. Decides `state.isLogReachable` until the first publish. */
    setTopicsReachable(isReachable: boolean): void {
      hasTopics = isReachable;
    },
    /**
     * Resolves when the in-sync replicas or the spool have all records.
     *
     * @throws AppError `COLLECTOR_QUEUE_FULL`, `COLLECTOR_LOG_REFUSES`, or an error of the spool when neither log nor spool
     * accepts the records. All are retryable. Some of the records may be in the log anyway.
     */
    async write(records: readonly LogRecord[]): Promise<Written> {
      const bytes = records.reduce(
        (sum, { key, value }) => sum + key.length + (value?.length ?? 0) + recordOverheadBytes,
        0,
      );
      if (queueBytes > 0 && queueBytes + bytes > queueBytesMax) throw queueFull(queueBytesMax);
      queueBytes += bytes;
      return new Promise<Written>((resolve, reject) => {
        queue.push({ records, bytes, resolve, reject });
        writing ??= writeQueue();
      });
    },
    /** Stores all queued records and stops the replay. */
    async close(): Promise<void> {
      await writing;
      closing.abort();
      await replayStep.catch(() => undefined);
    },
  };
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
