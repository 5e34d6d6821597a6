import { randomUUID } from 'node:crypto';
import { connectKafka } from '@facet/events/kafka';

export interface TopicRecord {
  readonly partition: number;
  readonly offset: number;
  readonly key: string;
  readonly value: string | null;
  readonly timestamp: number;
}

/** Everything that a topic holds now, in the order of each partition. */
export async function readTopic(brokers: readonly string[], topic: string): Promise<readonly TopicRecord[]> {
  const kafka = connectKafka({ brokers, clientId: 'test-reader' });
  const consumer = kafka.client.consumer({ groupId: `test-${randomUUID()}` });
  const records: TopicRecord[] = [];
  try {
    const offsets = await (await kafka.admin()).fetchTopicOffsets(topic);
    const missing = new Map(offsets.filter(({ high, low }) => high !== low).map((each) => [each.partition, each.high]));
    if (missing.size === 0) return records;
    await consumer.connect();
    await consumer.subscribe({ topic, fromBeginning: true });
    await new Promise<void>((resolve, reject) => {
      consumer
        .run({
          eachMessage: async ({ partition, message }) => {
            const { key, value, timestamp } = message;
            const offset = Number(message.offset);
            if (offset < Number(missing.get(partition) ?? Infinity)) {
              records.push({
                partition,
                offset,
                key: String(key),
                value: value === null ? null : String(value),
                timestamp: Number(timestamp),
              });
            }
            if (offset + 1 >= Number(missing.get(partition))) missing.delete(partition);
            if (missing.size === 0) resolve();
          },
        })
        .catch(reject);
    });
    return records;
  } finally {
    await consumer.disconnect();
    await kafka.close();
  }
}
