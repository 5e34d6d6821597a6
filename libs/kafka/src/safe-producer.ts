import { Partitioners } from 'kafkajs';
import type { CompressionTypes, Message, Producer, TopicMessages } from 'kafkajs';
import { clientRetry, within } from './connect-kafka.ts';
import type { KafkaConnection } from './connect-kafka.ts';

export interface TopicMessage {
  readonly topic: string;
  /** The first send sets its `partition`; resends keep the partition. */
  readonly message: Message;
}

/** How long a broker waits for its replicas before it rejects a batch. */
const replicationTimeoutMs = 10_000;
/** About 20 seconds. A retry within a send duplicates fewer records than a new send. */
const sendRetries = 20;
/** Ends a send or a connect that kafkajs never settles. Far longer than all of its retries. */
const sending = within(60_000);
/** A producer that does not disconnect in time is abandoned with its broken connections. */
const disconnecting = within(2_000);

/**
 * Sends to Kafka without losing acknowledged records. kafkajs 2.2.4 loses them in two ways (`src/producer/sendMessages.js`):
 *
 * - It rolls sequence numbers back after any failed request. If the broker had stored that batch, it takes the next batch
 *   for a repetition and acknowledges it without storing it. Therefore one send is in flight at a time, and only a send
 *   that needed a single attempt leaves the producer usable. Any other send is followed by a producer with a new id.
 * - It tracks responses per broker. A partition that moves during a retry to a broker that has already responded is never
 *   sent, and the send resolves anyway. Therefore this class chooses the partitions, and a record counts as sent only if
 *   the response names its partition.
 */
export class SafeProducer {
  readonly #kafka: KafkaConnection;
  readonly #compression: CompressionTypes;
  readonly #partitionOf = Partitioners.DefaultPartitioner();
  #producer: Producer | undefined;
  /** Partitioner calls during a send: one for each message and attempt. */
  #placements = 0;

  constructor(kafka: KafkaConnection, compression: CompressionTypes) {
    this.#kafka = kafka;
    this.#compression = compression;
  }

  /** Connects before the first send, which would connect otherwise. */
  async connect(): Promise<void> {
    this.#producer ??= await this.#newProducer();
  }

  /**
   * Sends records once, in order, and returns those that all in-sync replicas have. Any other record may be in the log or
   * not, as may every record when the call throws. Calls must not overlap.
   */
  async send<T extends TopicMessage>(records: readonly T[]): Promise<ReadonlySet<T>> {
    this.#placements = 0;
    try {
      const producer = (this.#producer ??= await this.#newProducer());
      const sent = producer.sendBatch({
        topicMessages: byTopic(records),
        acks: -1,
        timeout: replicationTimeoutMs,
        compression: this.#compression,
      });
      // The retries of an abandoned send reconnect the producer: disconnect once more when they end.
      const release = () => (this.#producer === producer ? undefined : disconnect(producer));
      void sent.then(release, release);
      const responses = await sending.execute(() => sent);
      const acknowledgedPartitions = new Set(responses.map(({ topicName, partition }) => `${topicName} ${partition}`));
      const acknowledged = records.filter(({ topic, message }) =>
        acknowledgedPartitions.has(`${topic} ${message.partition}`),
      );
      const isFirstAttempt = this.#placements === records.length;
      if (!isFirstAttempt || acknowledged.length < records.length) await this.disconnect();
      return new Set(acknowledged);
    } catch (error) {
      await this.disconnect();
      throw error;
    }
  }

  async disconnect(): Promise<void> {
    const producer = this.#producer;
    this.#producer = undefined;
    if (producer !== undefined) await disconnect(producer);
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
      await sending.execute(() => producer.connect());
      return producer;
    } catch (error) {
      await disconnect(producer);
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

async function disconnect(producer: Producer): Promise<void> {
  await disconnecting.execute(() => producer.disconnect()).catch(() => undefined);
}
