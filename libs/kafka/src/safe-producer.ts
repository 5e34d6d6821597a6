import { Partitioners } from 'kafkajs';
import type { CompressionTypes, Message, Producer, TopicMessages } from 'kafkajs';
import { clientRetry } from './connect-kafka.ts';
import type { KafkaConnection } from './connect-kafka.ts';
import { withDeadline } from './with-deadline.ts';

export interface TopicMessage {
  readonly topic: string;
  /** Its `partition` is set by the first send, and kept. */
  readonly message: Message;
}

/** How long a broker waits for its replicas before it says that it cannot acknowledge. */
const replicationTimeoutMs = 10_000;
/** Far beyond all retries of a send: ends one that the client library has forgotten. */
const sendTimeoutMs = 60_000;
const disconnectTimeoutMs = 2_000;
/** Some 20 seconds: a retry within a send doubles fewer records than a new send does. */
const sendRetries = 20;

/**
 * Sends to Kafka without losing an acknowledged record, which the client library does in two ways (kafkajs 2.2.4,
 * `src/producer/sendMessages.js`):
 *
 * - It counts sequence numbers back after any failed request. A broker that did store that batch takes the next one under
 *   the same numbers for a repetition, and acknowledges it unstored. So one send is in flight at a time, and a producer
 *   is used again only after a send that needed one attempt; after any other, a new one with its own id takes its place.
 * - It counts answers per broker. A partition that moves, during a retry, to a broker that has already answered is never
 *   sent, and yet the send resolves. So partitions are chosen here, and only those that the answer names count as sent.
 */
export class SafeProducer {
  readonly #kafka: KafkaConnection;
  readonly #compression: CompressionTypes;
  readonly #partitionOf = Partitioners.DefaultPartitioner();
  #producer: Producer | undefined;
  /** How often the partition of a message was asked for: once for each message in every attempt. */
  #placements = 0;

  constructor(kafka: KafkaConnection, compression: CompressionTypes) {
    this.#kafka = kafka;
    this.#compression = compression;
  }

  /** Connects ahead of the first send, which does so itself otherwise. */
  async connect(): Promise<void> {
    this.#producer ??= await this.#newProducer();
  }

  /**
   * Sends records once, in order, and returns those that all in-sync replicas have. The others may be in the log or not;
   * so may all of them when it throws. Calls must not overlap.
   */
  async send<T extends TopicMessage>(records: readonly T[]): Promise<ReadonlySet<T>> {
    this.#placements = 0;
    try {
      const producer = (this.#producer ??= await this.#newProducer());
      const sending = producer.sendBatch({
        topicMessages: byTopic(records),
        acks: -1,
        timeout: replicationTimeoutMs,
        compression: this.#compression,
      });
      // Retries of a send that nobody waits for any more would leave connections behind.
      const leave = () => (this.#producer === producer ? undefined : letGo(producer));
      void sending.then(leave, leave);
      const answers = await withDeadline(sending, sendTimeoutMs, 'sending');
      const answered = new Set(answers.map(({ topicName, partition }) => `${topicName} ${partition}`));
      const acknowledged = records.filter(({ topic, message }) => answered.has(`${topic} ${message.partition}`));
      if (this.#placements !== records.length || acknowledged.length !== records.length) await this.disconnect();
      return new Set(acknowledged);
    } catch (error) {
      await this.disconnect();
      throw error;
    }
  }

  async disconnect(): Promise<void> {
    const producer = this.#producer;
    this.#producer = undefined;
    if (producer !== undefined) await letGo(producer);
  }

  async #newProducer(): Promise<Producer> {
    const producer = this.#kafka.client.producer({
      idempotent: true,
      maxInFlightRequests: 1,
      allowAutoTopicCreation: false,
      retry: { ...clientRetry, retries: sendRetries },
      createPartitioner: () => (args) => {
        this.#placements++;
        return (args.message.partition ??= this.#partitionOf(args));
      },
    });
    try {
      await withDeadline(producer.connect(), sendTimeoutMs, 'connecting');
      return producer;
    } catch (error) {
      await letGo(producer);
      throw error;
    }
  }
}

function byTopic(records: readonly TopicMessage[]): TopicMessages[] {
  const messagesOf = new Map<string, Message[]>();
  for (const { topic, message } of records) {
    const messages = messagesOf.get(topic);
    if (messages === undefined) messagesOf.set(topic, [message]);
    else messages.push(message);
  }
  return [...messagesOf].map(([topic, messages]) => ({ topic, messages }));
}

/** A producer that cannot say goodbye in time is left to its broken connections. */
async function letGo(producer: Producer): Promise<void> {
  await withDeadline(producer.disconnect(), disconnectTimeoutMs, 'disconnecting').catch(() => undefined);
}
