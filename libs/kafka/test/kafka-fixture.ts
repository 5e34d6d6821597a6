import { randomUUID } from 'node:crypto';
import { forTest } from '@facet/testing';
import { createTopics } from '../src/topics.ts';
import { connectKafka, fetchExtents, readRecords } from '../src/index.ts';
import type { KafkaConnection } from '../src/index.ts';
import type { RawRecord } from '../src/read-records.ts';

export interface TestTopic {
  readonly kafka: KafkaConnection;
  readonly topic: string;
}

export interface TopicShape {
  readonly partitions?: number;
  readonly replicationFactor?: number;
  readonly config?: Readonly<Record<string, string>>;
}

/** Creates a topic for one test. The connection closes when the test ends. */
export async function createTopic(brokers: readonly string[], shape: TopicShape = {}): Promise<TestTopic> {
  const kafka = forTest(connectKafka({ brokers, clientId: 'test' }));
  const topic = `test-${randomUUID()}`;
  await createTopics(await kafka.admin(), [
    {
      topic,
      numPartitions: shape.partitions ?? 1,
      replicationFactor: shape.replicationFactor ?? 1,
      // Records of tests may be older than the default retention.
      configEntries: Object.entries({ 'retention.ms': '-1', ...shape.config }).map(([name, value]) => ({
        name,
        value,
      })),
    },
  ]);
  return { kafka, topic };
}

/** Returns all records of a topic, by partition. */
export async function readAll({ kafka, topic }: TestTopic): Promise<readonly (readonly RawRecord[])[]> {
  const extents = await fetchExtents(kafka, topic);
  const partitions: RawRecord[][] = extents.map(() => []);
  const ranges = extents.map(({ partition, start, end }) => ({ partition, from: start, to: end }));
  for await (const { partition, records } of readRecords(kafka, { topic, ranges })) {
    partitions[partition]?.push(...records);
  }
  return partitions;
}

export function textOf({ value }: RawRecord): string {
  return String(value);
}
