import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Batch, Consumer } from 'kafkajs';
import type { PartitionRange } from '@facet/event-log';
import { clientRetry, within } from './connect-kafka.ts';
import type { KafkaConnection } from './connect-kafka.ts';
import { logTruncated, unreachable } from './kafka-errors.ts';
import { fetchExtents } from './offsets.ts';
import type { BatchMessage, UndecodableBatch } from './record-batches.ts';

export interface ReadRecordsQuery {
  readonly topic: string;
  readonly ranges: readonly PartitionRange[];
  readonly signal?: AbortSignal | undefined;
}

export interface RawRecord {
  readonly offset: number;
  readonly timestampMs: number;
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  /** The batch that this record replaces. The record has the last offset of the batch, and no key and value. */
  readonly undecodable?: UndecodableBatch | undefined;
}

/** Consecutive records of one partition. */
export interface RawBatch {
  readonly partition: number;
  readonly records: readonly RawRecord[];
  /** First offset of the partition's next batch. All records before it have been returned. */
  readonly next: number;
}

/**
 * Reads ranges of a topic once, through a dedicated consumer group that commits nothing and is deleted afterwards. Ends
 * exactly where the ranges end, even if their last offsets have no records. Skips records that retention deletes during
 * the read.
 *
 * @throws AppError `EVENTS_LOG_UNREACHABLE`, `EVENTS_TOPIC_UNKNOWN`, `EVENTS_LOG_TRUNCATED` when the topic ends before a
 * range does. The signal's reason when it aborts.
 */
export async function* readRecords(kafka: KafkaConnection, query: ReadRecordsQuery): AsyncGenerator<RawBatch> {
  const { topic, signal } = query;
  const ranges = query.ranges.filter(({ from, to }) => from < to);
  signal?.throwIfAborted();
  if (ranges.length === 0) return;
  // Throws for an unknown topic, for which a consumer would wait.
  await fetchExtents(kafka, topic);
  const reader = new RangeReader(kafka, { topic, ranges, signal });
  try {
    await reader.start();
    for (let batch = await reader.next(); batch !== undefined; batch = await reader.next()) yield batch;
  } finally {
    await reader.close();
  }
}

/** Fetching pauses at this number of unread batches. One fetch returns up to 10 MiB from each broker. */
const unreadBatchesMax = 8;
/** Longest time that a broker holds a fetch without records, and shortest pause. */
const fetchWaitMs = 100;
/** After this time without a batch, the reader checks that the topic still has the ranges. */
const checkAfterMs = 3_000;
const untilCheck = within(checkAfterMs);
const stalledAfterMs = 60_000;
const leaving = within(10_000);

/** The only member of a consumer group, which reads ranges of one topic. */
class RangeReader {
  readonly #kafka: KafkaConnection;
  readonly #groupId: string;
  readonly #topic: string;
  readonly #signal: AbortSignal | undefined;
  readonly #consumer: Consumer;
  /** Ranges that have not been fetched to their end, by partition. */
  readonly #open: Map<number, PartitionRange>;
  readonly #unread: RawBatch[] = [];
  #isPaused = false;
  #failure: unknown;
  #closing: Promise<void> | undefined;
  #wake: () => void = () => undefined;

  constructor(kafka: KafkaConnection, { topic, ranges, signal }: ReadRecordsQuery) {
    this.#kafka = kafka;
    this.#groupId = `${kafka.clientId}.read.${randomUUID()}`;
    this.#topic = topic;
    this.#signal = signal;
    this.#open = new Map(ranges.map((range) => [range.partition, range]));
    this.#consumer = kafka.client.consumer({
      groupId: this.#groupId,
      allowAutoTopicCreation: false,
      maxWaitTimeInMs: fetchWaitMs,
      retry: clientRetry,
    });
    this.#signal?.addEventListener('abort', this.#onAbort);
  }

  async start(): Promise<void> {
    const { events, on } = this.#consumer;
    // The group has no committed offsets. Every join, including one after a failure, must seek.
    on(events.GROUP_JOIN, ({ payload }) => this.#seek(payload.memberAssignment[this.#topic] ?? []));
    on(events.CRASH, ({ payload }) => {
      if (!payload.restart) this.#fail(unreachable(`Kafka refused to read ${this.#topic}`, payload.error));
    });
    // kafkajs does not pass on batches without records: transaction markers, and records removed by compaction.
    on(events.START_BATCH_PROCESS, ({ payload: { partition, batchSize, lastOffset } }) => {
      if (batchSize === 0) this.#put(partition, [], Number(lastOffset) + 1);
    });
    try {
      await this.#consumer.connect();
      await this.#consumer.subscribe({ topics: [this.#topic], fromBeginning: true });
      await this.#consumer.run({ autoCommit: false, eachBatch: ({ batch }) => this.#putBatch(batch) });
    } catch (error) {
      throw unreachable(`Kafka refused to read ${this.#topic}`, error);
    }
  }

  /** Returns the next batch in order of arrival, or `undefined` after the last one. */
  async next(): Promise<RawBatch | undefined> {
    for (let quietMs = 0; ;) {
      this.#signal?.throwIfAborted();
      const batch = this.#unread.shift();
      if (this.#unread.length === 0) this.#resume();
      if (batch !== undefined) return batch;
      if (this.#open.size === 0) return undefined;
      if (this.#failure !== undefined) throw this.#failure;
      const changed = new Promise<void>((resolve) => (this.#wake = resolve));
      const isQuiet = await untilCheck
        .execute(() => changed)
        .then(
          () => false,
          () => true,
        );
      quietMs = isQuiet ? quietMs + checkAfterMs : 0;
      if (isQuiet) await this.#checkRanges(quietMs);
    }
  }

  close(): Promise<void> {
    this.#closing ??= this.#leave();
    return this.#closing;
  }

  readonly #onAbort = (): void => this.#wake();

  #seek(assigned: readonly number[]): void {
    for (const partition of assigned) {
      const range = this.#open.get(partition);
      if (range === undefined) this.#consumer.pause([{ topic: this.#topic, partitions: [partition] }]);
      else this.#consumer.seek({ topic: this.#topic, partition, offset: String(range.from) });
    }
  }

  async #putBatch(batch: Batch): Promise<void> {
    const { topic, partition } = batch;
    const range = this.#open.get(partition);
    if (range === undefined) return;
    const messages: readonly Omit<BatchMessage, 'isControlRecord' | 'batchContext'>[] = batch.messages;
    const records = messages.map(({ offset, timestamp, key, value, undecodable }) => ({
      offset: Number(offset),
      timestampMs: Number(timestamp),
      key,
      value,
      undecodable,
    }));
    const next = Number(batch.lastOffset()) + 1;
    const end = Number(batch.highWatermark);
    if (next <= end) {
      this.#put(partition, records, next);
      return;
    }
    // The offsets are damaged, or the broker received messages while it responded.
    const inLog = records.filter(({ offset }) => offset < end);
    this.#put(partition, inLog, (inLog.at(-1)?.offset ?? -1) + 1);
    const from = this.#open.get(partition)?.from;
    if (from !== undefined) this.#consumer.seek({ topic, partition, offset: String(from) });
    await sleep(fetchWaitMs);
  }

  #put(partition: number, records: readonly RawRecord[], fetchedTo: number): void {
    const range = this.#open.get(partition);
    if (range === undefined || fetchedTo <= range.from) return;
    const next = Math.min(fetchedTo, range.to);
    const inRange = records.filter(
      ({ offset, undecodable }) => offset >= range.from && (undecodable?.firstOffset ?? offset) < next,
    );
    this.#unread.push({ partition, records: inRange, next });
    this.#advance(range, next);
    if (this.#unread.length >= unreadBatchesMax) this.#pause();
    this.#wake();
  }

  #advance(range: PartitionRange, next: number): void {
    if (next < range.to) {
      this.#open.set(range.partition, { ...range, from: next });
      return;
    }
    this.#open.delete(range.partition);
    this.#consumer.pause([{ topic: this.#topic, partitions: [range.partition] }]);
  }

  #pause(): void {
    this.#isPaused = true;
    this.#consumer.pause([{ topic: this.#topic, partitions: [...this.#open.keys()] }]);
  }

  #resume(): void {
    if (!this.#isPaused) return;
    this.#isPaused = false;
    this.#consumer.resume([{ topic: this.#topic, partitions: [...this.#open.keys()] }]);
  }

  #fail(error: unknown): void {
    this.#failure ??= error;
    this.#wake();
  }

  /** Checks, when no batch arrives, whether any batch can still arrive. */
  async #checkRanges(quietMs: number): Promise<void> {
    if (quietMs >= stalledAfterMs) throw unreachable(`No record of ${this.#topic} arrived for ${quietMs} ms`);
    const extents = await fetchExtents(this.#kafka, this.#topic).catch((error: unknown) => {
      this.#kafka.logger?.warn({ err: error, topic: this.#topic }, 'reading topic offsets failed; retrying');
      return undefined;
    });
    if (extents === undefined) return;
    for (const range of this.#open.values()) {
      const extent = extents.find(({ partition }) => partition === range.partition);
      if (extent === undefined || extent.end < range.to) throw logTruncated(this.#topic, range, extent?.end ?? 0);
      if (extent.start >= range.to) this.#put(range.partition, [], range.to);
    }
  }

  async #leave(): Promise<void> {
    this.#signal?.removeEventListener('abort', this.#onAbort);
    await leaving.execute(() => this.#consumer.disconnect()).catch(() => undefined);
    // Brokers delete an empty group without offsets later. Deleting the group now is a courtesy.
    const admin = await this.#kafka.admin().catch(() => undefined);
    await admin?.deleteGroups([this.#groupId]).catch(() => undefined);
  }
}
