import { readFileSync } from 'node:fs';
import { dayMs } from '@facet/platform';
import { serializeErasure, serializeIntake } from '@facet/schemas';
import { forTest } from '@facet/testing';
import { expect, inject, it } from 'vitest';
import { topicsOfUsers } from '../src/find-user.ts';
import {
  connectKafka,
  deadLetter,
  ensureTopics,
  findUserInTopic,
  isTopicOfUsers,
  openKafkaPublisher,
  topicNames,
  topics,
} from '../src/index.ts';
import type { TopicNames } from '../src/index.ts';

const at = Date.now() - dayMs;
const event = JSON.stringify({ eventId: 'e', type: 'click', userId: 'ada', itemId: 'book', occurredAt: at });

/** A record of each topic as the apps write it, with the user id ada if the topic can contain one. */
const records: Readonly<Record<keyof TopicNames, { readonly key: string; readonly value: string }>> = {
  events: { key: 'ada', value: event },
  items: { key: 'book', value: JSON.stringify({ itemId: 'book', title: 'A book' }) },
  users: { key: 'ada', value: JSON.stringify({ userId: 'ada' }) },
  erasures: {
    key: 'ada',
    value: serializeErasure({ erasureId: 'e1', userId: 'ada', requestedAt: at, requestedBy: 'test' }),
  },
  intake: {
    key: 'ingest',
    value: serializeIntake([
      { day: '2026-01-31', producer: 'shop', outcome: 'accepted', field: '', reason: '', count: 1 },
    ]),
  },
  deadLetters: {
    key: 'dead',
    value: JSON.stringify(
      deadLetter(
        {
          topic: 'facet.events.v1',
          partition: 0,
          offset: 1,
          timestamp: at,
          key: Buffer.from('ada'),
          value: Buffer.from(event),
        },
        { field: 'type', reason: 'unknown-type' },
        at,
      ),
    ),
  },
};

it('the verification of erasures searches every topic with user ids, and each deletes its records at some time', async () => {
  const kafka = forTest(connectKafka({ brokers: inject('kafkaBrokers'), clientId: 'test' }));
  const names = topicNames(`erasing${at}`);
  await ensureTopics(kafka, { names });
  const publisher = forTest(openKafkaPublisher(kafka));
  const searched = topicsOfUsers(names);
  for (const [key, record] of Object.entries(records)) {
    const topic = names[key as keyof TopicNames];
    await publisher.publish([{ topic, ...record, timestamp: at }]);
    const found = await findUserInTopic(kafka, topic, 'ada');
    expect([topic, searched.includes(topic), isTopicOfUsers(topic)]).toEqual([
      topic,
      found !== undefined,
      found !== undefined,
    ]);
    if (found !== undefined) expect(found.deletedBy, topic).toEqual(expect.any(Number));
  }
});

it('docs/collector.md describes every topic as the table does', () => {
  const page = readFileSync(new URL('../../../docs/collector.md', import.meta.url), 'utf8');
  const rows = page.split('\n').filter((line) => /^\| `facet\.[\w.-]+` /.test(line));
  const documented = rows.map((row) =>
    row
      .split('|')
      .slice(1, 6)
      .map((cell) => cell.trim()),
  );
  const keptFor = (retention: (typeof topics)[keyof typeof topics]['retention']): string =>
    'days' in retention ? `${retention.days} days` : `compacted within ${retention.compactedWithinDays} days`;
  expect(documented).toEqual(
    Object.values(topics).map(({ suffix, key, writer, retention, namesUsers }) => [
      `\`facet.${suffix}\``,
      key,
      writer,
      keptFor(retention).replace('within any time days', 'at any time'),
      namesUsers ? 'yes' : 'no',
    ]),
  );
});
