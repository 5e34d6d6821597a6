import { connectKafka, fetchExtents, readRecords } from '@facet/kafka';

export interface TopicRecord {
  readonly partition: number;
  readonly offset: number;
  readonly key: string;
  readonly value: string | null;
  readonly timestamp: number;
}

/** Returns all records of a topic, in the order of each partition. */
export async function readTopic(brokers: readonly string[], topic: string): Promise<readonly TopicRecord[]> {
  const kafka = connectKafka({ brokers, clientId: 'test-reader' });
  const found: TopicRecord[] = [];
  try {
    const extents = await fetchExtents(kafka, topic);
    const ranges = extents.map(({ partition, start, end }) => ({ partition, from: start, to: end }));
    for await (const { partition, records } of readRecords(kafka, { topic, ranges })) {
      for (const { offset, timestampMs, key, value } of records) {
        found.push({
          partition,
          offset,
          key: String(key),
          value: value === null ? null : String(value),
          timestamp: timestampMs,
        });
      }
    }
    return found;
  } finally {
    await kafka.close();
  }
}
