import type { Batch, Consumer } from 'kafkajs';
import type { PartitionRange } from '@facet/event-log';
import { clientRetry } from './connect-kafka.ts';
import type { KafkaConnection } from './connect-kafka.ts';
import { logTruncated, unreachable } from './kafka-errors.ts';
import { fetchExtents } from './offsets.ts';
import { withDeadline } from './with-deadline.ts';

export interface RawRecord {
  readonly offset: number;
  readonly timestampMs: number;
  readonly key: Buffer | null;
  readonly value: Buffer | null;
}

/** Consecutive records of one partition. */
export interface RawBatch {
  readonly partition: number;
  readonly records: readonly RawRecord[];
  /** Where the next batch of this partition begins: there are no other records before it. */
  readonly next: number;
}

/** Of batches that were fetched and not read yet; then fetching stops. One fetch brings up to 10 MiB from each broker. */
const waitingBatchesMax = 8;
/** How long a broker may wait for records, and how long a pause lasts at least. */
const fetchWaitMs = 100;
/** After this time without a batch, the topic is asked whether it still holds the ranges. */
const checkAfterMs = 3_000;
const stalledAfterMs = 60_000;
const leaveTimeoutMs = 10_000;

/** A consumer of ranges of one topic, alone in its group. */
export class RangeReader {
  readonly #kafka: KafkaConnection;
  readonly #groupId: string;
  readonly #topic: string;
  readonly #signal: AbortSignal | undefined;
  readonly #consumer: Consumer;
  /** Of the ranges that are not fetched to their end, by partition. */
  readonly #open: Map<number, PartitionRange>;
  readonly #waiting: RawBatch[] = [];
  #isPaused = false;
  #failure: unknown;
  #closing: Promise<void> | undefined;
  #wake: () => void = () => undefined;

  constructor(
    kafka: KafkaConnection,
    groupId: string,
    query: {
      readonly topic: string;
      readonly ranges: readonly PartitionRange[];
      readonly signal?: AbortSignal | undefined;
    },
  ) {
    this.#kafka = kafka;
    this.#groupId = groupId;
    this.#topic = query.topic;
    this.#signal = query.signal;
    this.#open = new Map(query.ranges.map((range) => [range.partition, range]));
    this.#consumer = kafka.client.consumer({
      groupId,
      allowAutoTopicCreation: false,
      maxWaitTimeInMs: fetchWaitMs,
      retry: clientRetry,
    });
    this.#signal?.addEventListener('abort', this.#onAbort);
  }

  async start(): Promise<void> {
    const { events, on } = this.#consumer;
    // Nothing is committed, so every join, also the one after a failure, has to be told where to go on.
    on(events.GROUP_JOIN, ({ payload }) => this.#takePositions(payload.memberAssignment[this.#topic] ?? []));
    on(events.CRASH, ({ payload }) => {
      if (!payload.restart) this.#fail(payload.error);
    });
    // Batches of markers of transactions, or of records that compaction has removed, are not handed over.
    on(events.START_BATCH_PROCESS, ({ payload: { partition, batchSize, lastOffset } }) => {
      if (batchSize === 0) this.#put(partition, [], Number(lastOffset) + 1);
    });
    try {
      await this.#consumer.connect();
      await this.#consumer.subscribe({ topics: [this.#topic], fromBeginning: true });
      await this.#consumer.run({ autoCommit: false, eachBatch: async ({ batch }) => this.#putBatch(batch) });
    } catch (error) {
      throw unreachable(`Kafka does not let us read ${this.#topic}`, error);
    }
  }

  /** The next batch in the order of arrival; `undefined` once all ranges are done. */
  async next(): Promise<RawBatch | undefined> {
    for (let quietMs = 0; ;) {
      this.#signal?.throwIfAborted();
      const batch = this.#waiting.shift();
      if (this.#waiting.length === 0) this.#resume();
      if (batch !== undefined) return batch;
      if (this.#open.size === 0) return undefined;
      if (this.#failure !== undefined) throw this.#failure;
      const changed = new Promise<void>((resolve) => (this.#wake = resolve));
      const isQuiet = await withDeadline(changed, checkAfterMs, 'reading').then(
        () => false,
        () => true,
      );
      quietMs = isQuiet ? quietMs + checkAfterMs : 0;
      if (isQuiet) await this.#checkRanges(quietMs);
    }
  }

  /** What was not read of the ranges. */
  rest(): readonly PartitionRange[] {
    return [...this.#open.values()];
  }

  close(): Promise<void> {
    this.#closing ??= this.#leave();
    return this.#closing;
  }

  readonly #onAbort = (): void => this.#wake();

  #takePositions(assigned: readonly number[]): void {
    for (const partition of assigned) {
      const range = this.#open.get(partition);
      if (range === undefined) this.#consumer.pause([{ topic: this.#topic, partitions: [partition] }]);
      else this.#consumer.seek({ topic: this.#topic, partition, offset: String(range.from) });
    }
  }

  #putBatch(batch: Batch): void {
    const range = this.#open.get(batch.partition);
    if (range === undefined) return;
    const records = batch.messages.map(({ offset, timestamp, key, value }) => ({
      offset: Number(offset),
      timestampMs: Number(timestamp),
      key,
      value,
    }));
    this.#put(batch.partition, records, Number(batch.lastOffset()) + 1);
  }

  #put(partition: number, records: readonly RawRecord[], fetchedTo: number): void {
    const range = this.#open.get(partition);
    if (range === undefined || fetchedTo <= range.from) return;
    const next = Math.min(fetchedTo, range.to);
    const inRange = records.filter(({ offset }) => offset >= range.from && offset < next);
    this.#waiting.push({ partition, records: inRange, next });
    this.#advance(range, next);
    if (this.#waiting.length >= waitingBatchesMax) this.#pause();
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

  /** No batch came: perhaps none can. */
  async #checkRanges(quietMs: number): Promise<void> {
    if (quietMs >= stalledAfterMs) throw unreachable(`Reading ${this.#topic} does not go on for ${quietMs} ms`);
    const extents = await fetchExtents(this.#kafka, this.#topic).catch((error: unknown) => {
      this.#kafka.logger?.warn(
        { err: error, topic: this.#topic },
        'the offsets of a topic cannot be read; trying again',
      );
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
    await withDeadline(this.#consumer.disconnect(), leaveTimeoutMs, 'leaving').catch(() => undefined);
    // An empty group without offsets goes away by itself, later.
    const admin = await this.#kafka.admin().catch(() => undefined);
    await admin?.deleteGroups([this.#groupId]).catch(() => undefined);
  }
}
