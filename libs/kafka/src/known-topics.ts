import { setTimeout as sleep } from 'node:timers/promises';
import type { Admin } from 'kafkajs';

/** Not every broker has heard of a topic that was made a moment ago. */
const questionsMax = 3;
const pauseMs = 200;

/** All topics of the cluster, asked for again while some of `wanted` are not among them. */
export async function knownTopics(admin: Admin, wanted: readonly string[]): Promise<ReadonlySet<string>> {
  const known = new Set<string>();
  for (let asked = 0; asked < questionsMax && !wanted.every((topic) => known.has(topic)); asked++) {
    if (asked > 0) await sleep(pauseMs);
    for (const topic of await admin.listTopics()) known.add(topic);
  }
  return known;
}
