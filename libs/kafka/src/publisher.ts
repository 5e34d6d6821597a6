import { setTimeout as sleep } from 'node:timers/promises';
import { CompressionTypes } from 'kafkajs';
import type { KafkaConnection } from './connect-kafka.ts';
import { busy, protocolErrorType, refusalReasons, refusedRecords, unknownTopic, unreachable } from './kafka-errors.ts';
import { knownTopics } from './known-topics.ts';
import { bytesOf, PublishQueue } from './publish-queue.ts';
import type { LogRecord, QueuedRecord } from './publish-queue.ts';
import { SafeProducer } from './safe-producer.ts';
import { withDeadline } from './with-deadline.ts';

export interface PublisherOptions {
  /** A publish that is not acknowledged after this time is rejected. */
  readonly ackTimeoutMs?: number;
  /** Of all records without an outcome. */
  readonly queueBytesMax?: number;
  /** Brokers take 1 MiB unless told otherwise. */
  readonly recordBytesMax?: number;
  readonly compression?: 'gzip' | 'none';
  /** How long closing waits for the acknowledgment of what is queued. */
  readonly closeTimeoutMs?: number;
}

export interface Publisher {
  /**
   * Resolves only when all in-sync replicas have every record. What is published while a send is in flight joins the next
   * one. Rejection by `EVENTS_LOG_UNREACHABLE` leaves open whether the records are in the log: publishing them again may
   * double them there.
   *
   * @throws AppError Retryable: `EVENTS_LOG_UNREACHABLE` (no acknowledgment in time, or closed), `EVENTS_LOG_BUSY` (the
   * queue is full; none was queued), `EVENTS_TOPIC_UNKNOWN`. Final: `EVENTS_RECORD_TOO_LARGE`, `EVENTS_RECORD_REFUSED` for
   * the records at `context.indexes`, which brokers never take; all others of the call are acknowledged then.
   */
  publish(records: readonly LogRecord[]): Promise<void>;
  /** Of all records without an outcome. */
  readonly queuedBytes: number;
  /** Sends what is queued, for a bounded time; then rejects what is left. */
  close(): Promise<void>;
}

/** Below what brokers take as one batch, even if all of it goes to one partition. */
const sendBytesMax = 900_000;
const pauseMsMax = 1_000;

/**
 * Publishes in the order of the calls, one send at a time. Starts without brokers, outlives their absence, and sends again
 * when they are back.
 */
export function openKafkaPublisher(kafka: KafkaConnection, options: PublisherOptions = {}): Publisher {
  return new KafkaPublisher(kafka, options);
}

class KafkaPublisher implements Publisher {
  readonly #kafka: KafkaConnection;
  readonly #producer: SafeProducer;
  readonly #queue: PublishQueue;
  readonly #queueBytesMax: number;
  readonly #closeTimeoutMs: number;
  readonly #sending: Promise<void>;
  #knownTopics: ReadonlySet<string> = new Set();
  #isClosing = false;
  #lastFailure: unknown;
  #wake: () => void = () => undefined;

  constructor(kafka: KafkaConnection, options: PublisherOptions) {
    const { ackTimeoutMs = 10_000, recordBytesMax = 1_000_000, compression = 'gzip' } = options;
    this.#kafka = kafka;
    this.#producer = new SafeProducer(kafka, compression === 'gzip' ? CompressionTypes.GZIP : CompressionTypes.None);
    this.#queueBytesMax = options.queueBytesMax ?? 64 << 20;
    this.#closeTimeoutMs = options.closeTimeoutMs ?? 10_000;
    this.#queue = new PublishQueue({
      recordBytesMax,
      timeoutMs: ackTimeoutMs,
      late: () => unreachable(`Kafka did not acknowledge the records within ${ackTimeoutMs} ms`, this.#lastFailure),
      refusal: refusedRecords,
    });
    this.#sending = this.#sendUntilClosed();
  }

  get queuedBytes(): number {
    return this.#queue.bytes;
  }

  async publish(records: readonly LogRecord[]): Promise<void> {
    if (records.length === 0) return;
    if (this.#isClosing) throw unreachable('The publisher is closed');
    const bytes = records.reduce((sum, record) => sum + bytesOf(record), 0);
    // An empty queue takes a publish of any size, or a large one could never be sent.
    if (this.#queue.bytes > 0 && this.#queue.bytes + bytes > this.#queueBytesMax) throw busy(this.#queue.bytes);
    const published = this.#queue.add(records);
    this.#wake();
    await published;
  }

  async close(): Promise<void> {
    this.#isClosing = true;
    this.#wake();
    await withDeadline(this.#sending, this.#closeTimeoutMs, 'sending').catch(() => undefined);
    this.#queue.failAll(
      unreachable('The publisher was closed before Kafka acknowledged the records', this.#lastFailure),
    );
    await this.#producer.disconnect();
  }

  async #sendUntilClosed(): Promise<void> {
    await this.#connect();
    for (;;) {
      const batch = this.#queue.take(sendBytesMax);
      if (batch.length > 0) await this.#deliver(batch);
      else if (this.#isClosing) return;
      else await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }

  /** Spares the first publish the wait, and tells early whether there are brokers. */
  async #connect(): Promise<void> {
    try {
      await this.#producer.connect();
    } catch (error) {
      this.#fail(error);
    }
  }

  /** Sends until every record has an outcome, or nobody waits for it any more. */
  async #deliver(batch: readonly QueuedRecord[]): Promise<void> {
    let rest = this.#queue.stillWanted(batch);
    for (let pauseMs = 50; rest.length > 0; pauseMs = Math.min(2 * pauseMs, pauseMsMax)) {
      try {
        await this.#failUnknownTopics(rest);
        rest = this.#queue.stillWanted(rest);
        if (rest.length === 0) return;
        const acknowledged = await this.#producer.send(rest);
        this.#queue.acknowledge(acknowledged);
        rest = this.#queue.stillWanted(rest.filter((queued) => !acknowledged.has(queued)));
      } catch (error) {
        const reason = protocolErrorType(error);
        if (reason !== undefined && refusalReasons.has(reason)) return this.#isolate(rest, reason);
        this.#fail(error);
        await sleep(pauseMs);
        rest = this.#queue.stillWanted(rest);
      }
    }
  }

  /** Finds the records that the brokers refuse among others: the answer does not say which they are. */
  async #isolate(records: readonly QueuedRecord[], reason: string): Promise<void> {
    const [first] = records;
    if (first === undefined) return;
    if (records.length === 1) {
      this.#queue.refuse(first, reason);
      return;
    }
    const middle = records.length >> 1;
    await this.#deliver(records.slice(0, middle));
    await this.#deliver(records.slice(middle));
  }

  #fail(error: unknown): void {
    this.#lastFailure = error;
    this.#knownTopics = new Set();
    this.#kafka.logger?.warn({ err: error }, 'sending to Kafka failed; trying again');
  }

  /** One unknown topic in a send would fail all of it, for as long as the client library retries. */
  async #failUnknownTopics(records: readonly QueuedRecord[]): Promise<void> {
    if (records.every(({ topic }) => this.#knownTopics.has(topic))) return;
    const wanted = [...new Set(records.map(({ topic }) => topic))];
    this.#knownTopics = await knownTopics(await this.#kafka.admin(), wanted);
    for (const { topic, publish } of records) {
      if (!this.#knownTopics.has(topic)) this.#queue.fail(publish, unknownTopic(topic));
    }
  }
}
