import { sourceName } from '@facet/lake';
import { setTimeout as sleep } from 'node:timers/promises';
import type { KafkaConnection } from '@facet/kafka';
import { AppError } from '@facet/platform';
import type { Logger } from '@facet/platform';
import type { Assignment, LogControl, PartitionExtent } from './log-control.ts';
import type { FetchedBatch } from './log-message.ts';

/** Told what happens in the consumer group. */
export interface GroupListener {
  joined(assignment: Assignment): void;
  /** The membership is lost, or about to be: what was given may belong to others. */
  left(): void;
  /** @returns whether the consumer may go on behind the batch. */
  take(batch: FetchedBatch): Promise<boolean>;
  /** It will not consume any more. */
  crashed(error: AppError): void;
}

export interface GroupConsumerOptions {
  readonly groupId: string;
  readonly topics: readonly string[];
  /** A member that is not heard of for so long is dead to the group. */
  readonly sessionMs: number;
}

export interface GroupConsumer extends LogControl {
  /** @throws AppError `EVENTS_LOG_UNREACHABLE` (retryable) while no broker answers. */
  start(listener: GroupListener): Promise<void>;
  /** Leaves the group, so that others need not wait until it is missed. */
  close(): Promise<void>;
}

/** Several of them fit into the shortest session. */
const heartbeatMs = 2_000;
/** Brokers answer a fetch at once when there is something; this bounds how long an empty one keeps a seek waiting. */
const fetchWaitMs = 250;
/** Compressed. What one fetch brings is taken before the next, so this bounds memory and how old the last of it gets. */
const fetchBytesMaxPerPartition = 256 << 10;
const fetchBytesMax = 2 << 20;
const leaveTimeoutMs = 5_000;
const untakenPauseMs = 20;

/** A member of the consumer group that keeps offsets by itself: it commits none that it was not told to. */
export function createGroupConsumer(
  kafka: KafkaConnection,
  { logger }: { readonly logger: Logger },
  { groupId, topics, sessionMs }: GroupConsumerOptions,
): GroupConsumer {
  const consumer = kafka.client.consumer({
    groupId,
    sessionTimeout: sessionMs,
    // Who is still at a long batch when the others join gets twice the time.
    rebalanceTimeout: sessionMs * 2,
    heartbeatInterval: heartbeatMs,
    maxWaitTimeInMs: fetchWaitMs,
    minBytes: 1,
    maxBytesPerPartition: fetchBytesMaxPerPartition,
    maxBytes: fetchBytesMax,
    allowAutoTopicCreation: false,
  });

  const listenTo = (listener: GroupListener): void => {
    consumer.on(consumer.events.GROUP_JOIN, ({ payload }) => listener.joined(payload.memberAssignment));
    consumer.on(consumer.events.REBALANCING, () => listener.left());
    consumer.on(consumer.events.CRASH, ({ payload }) => {
      listener.left();
      if (!payload.restart) listener.crashed(crashed(groupId, payload.error));
      else logger.warn({ problem: payload.error.message }, 'the consumer starts again');
    });
    // Batches of nothing but marks of transactions, or of what was aborted, are not handed over.
    consumer.on(consumer.events.END_BATCH_PROCESS, ({ payload }) => {
      const { topic, partition, batchSize, lastOffset, highWatermark } = payload;
      if (batchSize > 0) return;
      void listener.take({ topic, partition, messages: [], next: Number(lastOffset) + 1, end: Number(highWatermark) });
    });
  };
  let isListening = false;

  return {
    async start(listener) {
      if (!isListening) listenTo(listener);
      isListening = true;
      try {
        await consumer.connect();
        await consumer.subscribe({ topics: [...topics], fromBeginning: true });
      } catch (error) {
        throw unreachable('The topics cannot be subscribed to', error);
      }
      await consumer.run({
        autoCommit: false,
        eachBatchAutoResolve: false,
        async eachBatch({ batch, resolveOffset, heartbeat, isRunning, isStale }) {
          if (!isRunning() || isStale()) return;
          const lastOffset = batch.lastOffset();
          const { topic, partition, messages } = batch;
          const next = Number(lastOffset) + 1;
          const isTaken = await beatingMeanwhile(
            heartbeat,
            () => listener.left(),
            () => listener.take({ topic, partition, messages, next, end: Number(batch.highWatermark) }),
          );
          if (isTaken && !isStale()) resolveOffset(lastOffset);
          // It comes again at once.
          if (!isTaken) await sleep(untakenPauseMs);
        },
      });
    },
    async readExtents(assignment) {
      const extents = new Map<string, PartitionExtent>();
      try {
        const admin = await kafka.admin();
        for (const topic of Object.keys(assignment)) {
          for (const { partition, low, high } of await admin.fetchTopicOffsets(topic)) {
            extents.set(sourceName({ topic, partition }), { start: Number(low), end: Number(high) });
          }
        }
      } catch (error) {
        throw unreachable('The ends of the log cannot be read', error);
      }
      return extents;
    },
    seek: (topic, partition, offset) => consumer.seek({ topic, partition, offset: String(offset) }),
    commitOffsets: async (offsets) =>
      consumer.commitOffsets(offsets.map(({ offset, ...place }) => ({ ...place, offset: String(offset) }))),
    async close() {
      // Without a broker it would wait until all its requests are given up.
      const timeout = new Promise<void>((resolve) => setTimeout(resolve, leaveTimeoutMs).unref());
      await Promise.race([consumer.disconnect().catch(() => undefined), timeout]);
    },
  };
}

/** Broker's answers upon which the client joins again. A beat that is merely not answered is repeated. */
const lostMembership = new Set([
  'REBALANCE_IN_PROGRESS',
  'ILLEGAL_GENERATION',
  'UNKNOWN_MEMBER_ID',
  'NOT_COORDINATOR_FOR_GROUP',
]);

/** Stays a member of the group while `work` takes its time; nothing else tells the group that this member lives. */
async function beatingMeanwhile<Value>(
  heartbeat: () => Promise<void>,
  onLost: () => void,
  work: () => Promise<Value>,
): Promise<Value> {
  let lost: Error | undefined;
  const timer = setInterval(() => {
    heartbeat().catch((error: Error & { readonly type?: string }) => {
      if (!lostMembership.has(error.type ?? '')) return;
      lost ??= error;
      onLost();
    });
  }, heartbeatMs);
  try {
    const value = await work();
    // The client learns by it that it has to join again.
    if (lost !== undefined) throw lost;
    return value;
  } finally {
    clearInterval(timer);
  }
}

function unreachable(what: string, cause: unknown): AppError {
  return new AppError(`${what}: ${(cause as Error).message}.`, {
    code: 'EVENTS_LOG_UNREACHABLE',
    category: 'unavailable',
    remedy: 'Check that the brokers run, and their addresses: FACET_KAFKA_BROKERS.',
    retryable: true,
    cause,
  });
}

function crashed(groupId: string, cause: Error): AppError {
  const isCodec = cause.name === 'KafkaJSNotImplemented';
  return new AppError(`The consumer of the group ${groupId} has stopped: ${cause.message}.`, {
    code: 'SINK_CONSUMER_CRASHED',
    category: 'crashed',
    remedy: isCodec
      ? 'A producer compresses in a way that Node cannot read. Set compression.type=gzip on the topic, so that brokers convert it.'
      : 'Start the sink again. It goes on from what is stored.',
    context: { groupId, cause: cause.name },
    cause,
  });
}
