import { setTimeout as sleep } from 'node:timers/promises';
import { timeout, TimeoutStrategy } from 'cockatiel';
import { sourceName } from '@facet/lake';
import { fetchExtents, installationMetadata, refusalOf, unreachable } from '@facet/kafka';
import type { BatchMessage, KafkaConnection } from '@facet/kafka';
import { AppError } from '@facet/platform';
import type { Logger } from '@facet/platform';
import type { GroupPartition } from './sink-state.ts';

/** A message of a topic. */
export type LogMessage = Omit<BatchMessage, 'isControlRecord' | 'batchContext'>;

/** Consecutive messages of one partition. */
export interface FetchedBatch {
  readonly topic: string;
  readonly partition: number;
  readonly messages: readonly LogMessage[];
  /** Offset to continue from: after the last message and after transaction markers that follow it. */
  readonly next: number;
  /** The offset after the newest message in the log. */
  readonly end: number;
}

/** The partitions that the consumer group assigned to this member, by topic. */
export type Assignment = Readonly<Record<string, readonly number[]>>;

/** The offset of the oldest message of a partition in the log, and the offset after the newest. */
export type TopicExtent = Pick<GroupPartition, 'topic' | 'partition' | 'start' | 'end'>;

/** The operations on the log that the sink loop needs. */
export interface LogControl {
  /** Returns the extents of all partitions of the topics. @throws AppError as `fetchExtents` (retryable) */
  readExtents(topics: readonly string[]): Promise<readonly TopicExtent[]>;
  /** Returns the extents and the committed offsets of all partitions of the topics. @throws AppError as `fetchExtents` (retryable) */
  readGroup(topics: readonly string[]): Promise<readonly Omit<GroupPartition, 'progressedAt'>[]>;
  /** Makes `offset` the next offset to read of the partition. @throws Error after `GroupListener.left` */
  seek(topic: string, partition: number, offset: number): void;
  /** Commits positions to the consumer group. */
  commitOffsets(
    offsets: readonly { readonly topic: string; readonly partition: number; readonly offset: number }[],
  ): Promise<void>;
}

/** Receives batches and changes of the membership in the consumer group. */
export interface GroupListener {
  joined(assignment: Assignment): void;
  /** The membership has ended or is about to end: the partitions may belong to other members. */
  left(): void;
  /** @returns whether the consumer may continue after the batch. Otherwise it reads the batch again. */
  process(batch: FetchedBatch): Promise<boolean>;
  /** The consumer has stopped and cannot restart. */
  crashed(error: AppError): void;
}

export interface GroupConsumerOptions {
  readonly groupId: string;
  readonly topics: readonly string[];
  /** The id of this installation, which becomes part of committed offsets. */
  readonly installationId: string;
  /** The group removes a member that sends no heartbeat for this time. */
  readonly sessionMs: number;
}

export interface GroupConsumer extends LogControl {
  /** @throws AppError `EVENTS_LOG_UNREACHABLE` (retryable) while no broker responds. */
  start(listener: GroupListener): Promise<void>;
  /** Leaves the group, so that its partitions are reassigned without waiting for the session timeout. */
  close(): Promise<void>;
}

/** Several heartbeats fit into the shortest session, and members notice a rebalance at their next heartbeat. */
const heartbeatMs = 1_000;
/** How long the group waits for a live member that is busy when others join. Dead members leave it after their session. */
const rebalanceMs = 60_000;
/** Brokers respond to a fetch as soon as they have messages. An empty fetch delays a seek by this time. */
const fetchWaitMs = 250;
/** Compressed. The sink processes one fetch before the next, so the limits bound memory and the age of its last message. */
const fetchBytesMaxPerPartition = 256 << 10;
/** A broker fills the partitions in a fixed order. Room for 32 of them, so that none waits until others have caught up. */
const fetchBytesMax = 32 * fetchBytesMaxPerPartition;
const leaveTimeoutMs = 5_000;
const rereadPauseMs = 20;
const restartPauseMs = 1_000;

/** Creates a member of the consumer group that commits only the offsets passed to `commitOffsets`. */
export function createGroupConsumer(
  kafka: KafkaConnection,
  { logger }: { readonly logger: Logger },
  { groupId, topics, installationId, sessionMs }: GroupConsumerOptions,
): GroupConsumer {
  const consumer = kafka.client.consumer({
    groupId,
    sessionTimeout: sessionMs,
    rebalanceTimeout: rebalanceMs,
    heartbeatInterval: heartbeatMs,
    maxWaitTimeInMs: fetchWaitMs,
    minBytes: 1,
    maxBytesPerPartition: fetchBytesMaxPerPartition,
    maxBytes: fetchBytesMax,
    allowAutoTopicCreation: false,
  });

  const run = (listener: GroupListener): Promise<void> =>
    consumer.run({
      autoCommit: false,
      eachBatchAutoResolve: false,
      async eachBatch({ batch, resolveOffset, heartbeat, isRunning, isStale }) {
        if (!isRunning() || isStale()) return;
        const lastOffset = batch.lastOffset();
        const { topic, partition, messages } = batch;
        const next = Number(lastOffset) + 1;
        const isProcessed = await withHeartbeat(
          heartbeat,
          () => listener.left(),
          () => listener.process({ topic, partition, messages, next, end: Number(batch.highWatermark) }),
        );
        if (isProcessed && !isStale()) resolveOffset(lastOffset);
        // kafkajs returns the same batch again immediately.
        if (!isProcessed) await sleep(rereadPauseMs);
      },
    });
  let isClosing = false;
  let restarting: NodeJS.Timeout | undefined;
  const restart = (listener: GroupListener): void => {
    const fail = (error: Error): void => listener.crashed(crashed(groupId, error));
    restarting = setTimeout(() => void run(listener).catch(fail), restartPauseMs);
  };
  const listenTo = (listener: GroupListener): void => {
    let assignment: Assignment = {};
    let isRejoining = false;
    consumer.on(consumer.events.GROUP_JOIN, ({ payload }) => {
      isRejoining = false;
      assignment = payload.memberAssignment;
      listener.joined(assignment);
    });
    consumer.on(consumer.events.REBALANCING, () => {
      isRejoining = true;
      listener.left();
    });
    // If a coordinator that is still loading refuses to let kafkajs 2.2.4 join again, kafkajs continues as the member that it was. The
    // heartbeat proves that the group still has this member and its partitions.
    consumer.on(consumer.events.HEARTBEAT, () => {
      if (isRejoining) listener.joined(assignment);
      isRejoining = false;
    });
    // After a stop, kafkajs refuses to seek. The event of a crash follows only when the connections are closed.
    consumer.on(consumer.events.STOP, () => listener.left());
    consumer.on(consumer.events.CRASH, ({ payload }) => {
      const isLost = isLostBroker(payload.error);
      if (!payload.restart && !isLost) {
        listener.crashed(crashed(groupId, payload.error));
        return;
      }
      logger.warn({ problem: payload.error.message }, 'consumer restarts');
      if (!payload.restart && !isClosing) restart(listener);
    });
    // kafkajs does not pass on batches without messages: transaction markers and aborted transactions.
    consumer.on(consumer.events.END_BATCH_PROCESS, ({ payload }) => {
      const { topic, partition, batchSize, lastOffset, highWatermark } = payload;
      if (batchSize > 0) return;
      const next = Number(lastOffset) + 1;
      void listener.process({ topic, partition, messages: [], next, end: Number(highWatermark) });
    });
  };
  let isListening = false;

  const readExtents: LogControl['readExtents'] = async (topics) => {
    const read = topics.map(async (topic) =>
      (await fetchExtents(kafka, topic)).map((extent) => ({ topic, ...extent })),
    );
    return (await Promise.all(read)).flat();
  };

  return {
    async start(listener) {
      if (!isListening) listenTo(listener);
      isListening = true;
      try {
        await consumer.connect();
        await consumer.subscribe({ topics: [...topics], fromBeginning: true });
      } catch (error) {
        throw unreachable('Subscribing to the topics failed', error);
      }
      await run(listener);
    },
    readExtents,
    async readGroup(topics) {
      const extents = await readExtents(topics);
      try {
        const admin = await kafka.admin();
        const committed = new Map<string, number>();
        for (const { topic, partitions } of await admin.fetchOffsets({ groupId, topics: [...topics] })) {
          for (const { partition, offset } of partitions) {
            committed.set(sourceName({ topic, partition }), Number(offset));
          }
        }
        // The committed offset is -1 for a partition of which nothing is stored.
        return extents.map((extent) => ({ ...extent, stored: Math.max(0, committed.get(sourceName(extent)) ?? 0) }));
      } catch (error) {
        throw unreachable('Reading the offsets of the consumer group failed', error);
      }
    },
    seek: (topic, partition, offset) => consumer.seek({ topic, partition, offset: String(offset) }),
    async commitOffsets(offsets) {
      const metadata = installationMetadata(installationId);
      await consumer.commitOffsets(
        offsets.map(({ offset, ...partition }) => ({ ...partition, offset: String(offset), metadata })),
      );
    },
    async close() {
      isClosing = true;
      clearTimeout(restarting);
      // Without a broker, disconnecting would wait for the timeouts of all requests.
      const leaving = timeout(leaveTimeoutMs, TimeoutStrategy.Aggressive);
      await leaving.execute(() => consumer.disconnect()).catch(() => undefined);
    },
  };
}

/** Errors after which kafkajs joins the group again. A heartbeat that merely gets no response is repeated. */
const lostMembership = new Set([
  'REBALANCE_IN_PROGRESS',
  'ILLEGAL_GENERATION',
  'UNKNOWN_MEMBER_ID',
  'NOT_COORDINATOR_FOR_GROUP',
]);

/** Sends heartbeats while `work` runs. kafkajs sends none during a batch. */
async function withHeartbeat<Value>(
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
    // The error makes kafkajs join the group again.
    if (lost !== undefined) throw lost;
    return value;
  } finally {
    clearInterval(timer);
  }
}

/**
 * Returns whether a broker ended while kafkajs opened a connection to it. kafkajs 2.2.4 then throws a plain error. Unlike after its own
 * errors, it does not restart the consumer.
 */
function isLostBroker(error: Error): boolean {
  return error.message === 'Broker not connected';
}

function crashed(groupId: string, cause: Error): AppError {
  const { reason = cause.message, remedy = '' } = refusalOf(cause) ?? {};
  return new AppError(`The consumer of the group ${groupId} has stopped: ${reason}.`, {
    code: 'SINK_CONSUMER_CRASHED',
    category: 'crashed',
    remedy: `${remedy} Restart the sink. It continues from the stored offsets.`.trim(),
    context: { groupId, cause: cause.name },
    cause,
  });
}
