import { setTimeout as sleep } from 'node:timers/promises';
import type { Admin, ITopicConfig } from 'kafkajs';

const pollMs = 50;
const waitMs = 15_000;

/**
 * Creates topics and waits until their partitions have leaders. The client library waits, too, but fails when a broker
 * has not yet heard of a topic that was made a moment ago.
 *
 * @throws Error of the client library; none for a topic that another process has created meanwhile.
 */
export async function createTopics(admin: Admin, topics: readonly ITopicConfig[]): Promise<void> {
  if (topics.length === 0) return;
  await admin.createTopics({ topics: [...topics], waitForLeaders: false });
  const names = topics.map(({ topic }) => topic);
  for (const end = Date.now() + waitMs; Date.now() < end; await sleep(pollMs)) {
    if (await haveLeaders(admin, names)) return;
  }
  throw new Error(`the partitions of ${names.join(', ')} have no leaders after ${waitMs} ms`);
}

/** Of all topics, as brokers that have not heard of one fail when they are asked for it by name. */
async function haveLeaders(admin: Admin, names: readonly string[]): Promise<boolean> {
  const { topics } = await admin.fetchTopicMetadata();
  return names.every((name) => {
    const partitions = topics.find((topic) => topic.name === name)?.partitions ?? [];
    return partitions.length > 0 && partitions.every(({ leader }) => leader >= 0);
  });
}
