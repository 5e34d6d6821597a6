import { setTimeout as sleep } from 'node:timers/promises';
import type { Admin, KafkaJSError } from 'kafkajs';
import type { PartitionExtent } from '@facet/event-log';
import type { KafkaConnection } from './connect-kafka.ts';
import { unknownTopic, unreachable } from './kafka-errors.ts';
import { knownTopics } from './known-topics.ts';

/** @throws AppError `EVENTS_TOPIC_UNKNOWN`, `EVENTS_LOG_UNREACHABLE` */
export async function fetchExtents(kafka: KafkaConnection, topic: string): Promise<PartitionExtent[]> {
  const partitions = await ask(kafka, topic, async (admin) => admin.fetchTopicOffsets(topic));
  return partitions
    .map(({ partition, low, high }) => ({ partition, start: Number(low), end: Number(high) }))
    .sort((a, b) => a.partition - b.partition);
}

/**
 * By partition, the first offset whose record has this time or a later one, else the end.
 *
 * @throws AppError `EVENTS_TOPIC_UNKNOWN`, `EVENTS_LOG_UNREACHABLE`
 */
export async function fetchOffsetsAt(
  kafka: KafkaConnection,
  topic: string,
  time: number,
): Promise<ReadonlyMap<number, number>> {
  const partitions = await ask(kafka, topic, async (admin) => admin.fetchTopicOffsetsByTimestamp(topic, time));
  return new Map(partitions.map(({ partition, offset }) => [partition, Number(offset)]));
}

/** A leader that has moved is known again within this many attempts, the last after three seconds. */
const attemptsMax = 6;
const pauseMs = 200;

async function ask<T>(kafka: KafkaConnection, topic: string, question: (admin: Admin) => Promise<T>): Promise<T> {
  try {
    const admin = await kafka.admin();
    // Asked about an unknown topic, the client would wait for it, and trip over it in every later request.
    if ((await knownTopics(admin, [topic])).has(topic)) {
      return await question(admin).catch(async (error: unknown) => {
        if (!isPassing(error)) throw error;
        return askAnew(kafka, question);
      });
    }
  } catch (error) {
    throw unreachable(`Kafka does not tell the offsets of ${topic}`, error);
  }
  throw unknownTopic(topic);
}

/** With a client of its own for each attempt: one that has learned who leads a partition asks the same broker for minutes. */
async function askAnew<T>(kafka: KafkaConnection, question: (admin: Admin) => Promise<T>): Promise<T> {
  for (let attempt = 2; ; attempt++) {
    await sleep(pauseMs * (attempt - 1));
    const admin = kafka.client.admin();
    try {
      await admin.connect();
      return await question(admin);
    } catch (error) {
      if (!isPassing(error) || attempt === attemptsMax) throw error;
    } finally {
      await admin.disconnect();
    }
  }
}

function isPassing(error: unknown): boolean {
  return error instanceof Error && (error as Partial<KafkaJSError>).retriable === true;
}
