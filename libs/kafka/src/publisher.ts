import { TaskCancelledError } from 'cockatiel';
import { CompressionTypes } from 'kafkajs';
import type { AppError } from '@facet/platform';
import { within } from './connect-kafka.ts';
import type { KafkaConnection } from './connect-kafka.ts';
import { busy, protocolErrorType, permanentRefusals, refusedRecords, unreachable } from './kafka-errors.ts';
import type { RejectedRecord } from './kafka-errors.ts';
import { SafeProducer } from './safe-producer.ts';
import type { TopicMessage } from './safe-producer.ts';
import { listTopics, missingTopic } from './topics.ts';

/** One record for a topic. The key decides the partition and with it the order among records of that key. */
export interface LogRecord {
  readonly topic: string;
  readonly key: string;
  /** `null` deletes the key from a compacted topic. */
  readonly value: string | null;
  /** Epoch milliseconds at which Facet received the record. */
  readonly timestamp: number;
}

export interface PublisherOptions {
  /** A publish without acknowledgment after this time is rejected. */
  readonly ackTimeoutMs?: number;
  /** Limit of the records of all calls under way, in bytes. */
  readonly pendingBytesMax?: number;
  /** Brokers accept 1 MiB by default. */
  readonly recordBytesMax?: number;
  readonly compression?: 'gzip' | 'none';
  /** How long closing waits for acknowledgments. */
  readonly closeTimeoutMs?: number;
}

export interface Publisher {
  /**
   * Resolves when all in-sync replicas have every record. Calls are sent one after the other, in their order. After
   * `EVENTS_LOG_UNREACHABLE` the records may be in the log or not; publishing them again may duplicate them.
   *
   * @throws AppError Retryable: `EVENTS_LOG_UNREACHABLE` (no acknowledgment in time, or closed), `EVENTS_LOG_BUSY` (too many
   * bytes are pending; nothing was sent), `EVENTS_TOPIC_UNKNOWN`. Permanent: `EVENTS_RECORD_TOO_LARGE`,
   * `EVENTS_RECORD_REFUSED` for the records at `context.indexes`, which brokers never accept; all others are acknowledged.
   *
   * @param options.ackTimeoutMs replaces the limit of the publisher. Finding refused records takes many sends.
   */
  publish(records: readonly LogRecord[], options?: { readonly ackTimeoutMs: number }): Promise<void>;
  /** Bytes of the records whose calls have not settled. */
  readonly pendingBytes: number;
  /** Finishes pending calls within a time limit and rejects the rest. */
  close(): Promise<void>;
}

/** Below what brokers accept as one batch, even if all records belong to one partition. */
const sendBytesMax = 900_000;
/**
 * A broker accepts a range of times that is at least this long: by default, times up to an hour ahead of its clock, and all
 * earlier ones.
 */
const acceptedTimesMs = 3_600_000;
/** Bytes of a record in addition to key and value, in memory and on the wire. */
const overheadBytes = 64;

interface OutgoingRecord extends TopicMessage {
  /** The index of the record in its call. */
  readonly index: number;
  readonly bytes: number;
}

/**
 * Opens a publisher that keeps one send in flight. It starts without brokers and works again when they are back. kafkajs
 * retries within a send; the publisher resends only records that kafkajs left out, so a failed send rejects the call.
 */
export function openKafkaPublisher(
  kafka: KafkaConnection,
  {
    ackTimeoutMs = 10_000,
    pendingBytesMax = 64 << 20,
    recordBytesMax = 1_000_000,
    compression = 'gzip',
    closeTimeoutMs = 10_000,
  }: PublisherOptions = {},
): Publisher {
  const producer = new SafeProducer(kafka, compression === 'gzip' ? CompressionTypes.GZIP : CompressionTypes.None);
  const closing = new AbortController();
  let isClosed = false;
  let pendingBytes = 0;
  let knownTopics: ReadonlySet<string> = new Set();
  let lastFailure: unknown;
  /**
   * Resolves when all earlier calls are done with the producer. Connecting now spares the first call the wait and logs early that
   * brokers are missing.
   */
  let turn: Promise<void> = producer.connect().catch((error: unknown) => void noteFailure(error));

  async function sendInTurn(records: readonly LogRecord[], signal: AbortSignal): Promise<void> {
    // A call that timed out before its turn keeps no records in memory.
    signal.addEventListener('abort', () => (records = []));
    const earlier = turn;
    let endTurn: () => void = () => undefined;
    turn = new Promise((resolve) => (endTurn = resolve));
    try {
      await earlier;
      await send(records, signal);
    } finally {
      endTurn();
    }
  }

  /** @throws AppError as {@link Publisher.publish}. */
  async function send(records: readonly LogRecord[], signal: AbortSignal): Promise<void> {
    const refused: RejectedRecord[] = [];
    const outgoing: OutgoingRecord[] = [];
    for (const [index, record] of records.entries()) {
      const { topic, key, value, timestamp } = record;
      const bytes = bytesOf(record);
      if (bytes > recordBytesMax) refused.push({ topic, index, reason: 'MESSAGE_TOO_LARGE' });
      else outgoing.push({ topic, message: { key, value, timestamp: String(timestamp) }, index, bytes });
    }
    await expectTopics(outgoing);
    for (const batch of sliceBySize(outgoing)) refused.push(...(await sendBatch(batch, signal)));
    if (refused.length > 0) throw refusedRecords(refused);
  }

  /** Sends until the brokers have every record, and returns the records that they refuse. */
  async function sendBatch(batch: readonly OutgoingRecord[], signal: AbortSignal): Promise<readonly RejectedRecord[]> {
    let rest = batch;
    while (rest.length > 0) {
      signal.throwIfAborted();
      try {
        const acknowledged = await producer.send(rest);
        rest = rest.filter((record) => !acknowledged.has(record));
        lastFailure = undefined;
      } catch (error) {
        const reason = protocolErrorType(error);
        if (reason === undefined || !permanentRefusals.has(reason)) throw noteFailure(error);
        const [first] = rest;
        if (rest.length === 1 && first !== undefined) return [reject(first, reason)];
        return sendParts(rest, reason, signal);
      }
    }
    return [];
  }

  /** Sends a batch again in parts, because brokers do not say which of its records they refuse. Returns these records. */
  async function sendParts(
    batch: readonly OutgoingRecord[],
    reason: string,
    signal: AbortSignal,
  ): Promise<readonly RejectedRecord[]> {
    const refused: RejectedRecord[] = [];
    const sendPart = async (part: readonly OutgoingRecord[]): Promise<number> =>
      refused.push(...(await sendBatch(part, signal)));
    const partitions = [...new Set(batch.map(partitionOf))];
    if (partitions.length > 1) {
      for (const partition of partitions) await sendPart(batch.filter((record) => partitionOf(record) === partition));
      return refused;
    }
    let rest = batch;
    if (reason === 'INVALID_TIMESTAMP' && batch[0]?.message.partition !== undefined) {
      const earliest = batch.reduce((a, b) => (timeOf(b) < timeOf(a) ? b : a));
      const latest = batch.reduce((a, b) => (timeOf(b) >= timeOf(a) ? b : a));
      if (timeOf(latest) - timeOf(earliest) <= acceptedTimesMs) {
        // A wrong clock makes brokers refuse all records: the accepted times are then before the earliest or after the latest.
        await sendPart([earliest]);
        await sendPart([latest]);
        if (refused.filter((one) => one.reason === reason).length === 2) {
          return batch.map((record) => reject(record, reason));
        }
        // Accepted ones are sent again in order, because another record of the same key may precede them.
        rest = batch.filter(({ index }) => !refused.some((one) => one.index === index));
      }
    }
    const middle = rest.length >> 1;
    await sendPart(rest.slice(0, middle));
    await sendPart(rest.slice(middle));
    return refused;
  }

  /** Sending to an unknown topic would block the producer for as long as kafkajs retries. */
  async function expectTopics(records: readonly TopicMessage[]): Promise<void> {
    const wanted = [...new Set(records.map(({ topic }) => topic))];
    if (wanted.every((topic) => knownTopics.has(topic))) return;
    let problem: AppError | undefined;
    try {
      const admin = await kafka.admin();
      knownTopics = await listTopics(admin, wanted);
      const missing = wanted.find((topic) => !knownTopics.has(topic));
      if (missing !== undefined) problem = await missingTopic(admin, missing);
    } catch (error) {
      throw noteFailure(error);
    }
    if (problem !== undefined) throw problem;
  }

  function noteFailure(error: unknown): AppError {
    lastFailure = error;
    knownTopics = new Set();
    kafka.logger?.warn({ err: error }, 'sending to Kafka failed');
    return unreachable('Kafka did not acknowledge the records', error);
  }

  return {
    get pendingBytes() {
      return pendingBytes;
    },
    async publish(records, { ackTimeoutMs: limitMs } = { ackTimeoutMs }) {
      if (records.length === 0) return;
      if (isClosed) throw unreachable('The publisher is closed');
      const bytes = records.reduce((sum, record) => sum + bytesOf(record), 0);
      // A call larger than the limit is accepted when it is the only one. Otherwise it could never be sent.
      if (pendingBytes > 0 && pendingBytes + bytes > pendingBytesMax) throw busy(pendingBytes);
      pendingBytes += bytes;
      try {
        await within(limitMs).execute(({ signal }) => sendInTurn(records, signal), closing.signal);
      } catch (error) {
        if (!(error instanceof TaskCancelledError)) throw error;
        const problem = closing.signal.aborted
          ? 'The publisher was closed before Kafka acknowledged the records'
          : `Kafka did not acknowledge the records within ${limitMs} ms`;
        throw unreachable(problem, lastFailure);
      } finally {
        pendingBytes -= bytes;
      }
    },
    async close() {
      isClosed = true;
      await within(closeTimeoutMs)
        .execute(() => turn)
        .catch(() => undefined);
      closing.abort();
      await producer.disconnect();
    },
  };
}

function bytesOf({ key, value }: LogRecord): number {
  return Buffer.byteLength(key) + (value === null ? 0 : Buffer.byteLength(value)) + overheadBytes;
}

/** Brokers refuse the records of a partition together. The first send sets the partition. */
function partitionOf({ topic, message }: OutgoingRecord): string {
  return `${topic} ${message.partition}`;
}

function timeOf({ message }: OutgoingRecord): number {
  return Number(message.timestamp);
}

function reject({ topic, index }: OutgoingRecord, reason: string): RejectedRecord {
  return { topic, index, reason };
}

/** Slices of up to `sendBytesMax`, or of one larger record. */
function* sliceBySize(records: readonly OutgoingRecord[]): Generator<readonly OutgoingRecord[]> {
  let start = 0;
  let bytes = 0;
  for (const [index, record] of records.entries()) {
    if (index > start && bytes + record.bytes > sendBytesMax) {
      yield records.slice(start, index);
      start = index;
      bytes = 0;
    }
    bytes += record.bytes;
  }
  if (start < records.length) yield records.slice(start);
}
