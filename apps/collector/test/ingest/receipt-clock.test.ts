import { hourMs } from '@facet/platform';
import { forTest, temporaryFolder } from '@facet/testing';
import { expect, inject, it } from 'vitest';
import { createReceiptClock } from '../../src/ingest/ingest-app.ts';
import { createTestIngest, eventOf, keyOf, textOf } from './fixtures.ts';
import { readTopic } from './read-topic.ts';

it('does not go back, except after a step of more than an hour', () => {
  let time = 0;
  const clock = createReceiptClock(() => time);
  const times = [10, 5, 12, 12 - hourMs, 11 - hourMs, 12 - hourMs].map((at) => {
    time = at;
    return clock();
  });
  expect(times).toEqual([10, 10, 12, 12, 11 - hourMs, 12 - hourMs]);
});

it('gives all records times that do not decrease while the clock is set back', async () => {
  const start = Date.parse('2026-02-01T00:00:00Z');
  let time = start;
  const { app, topics } = forTest(
    await createTestIngest({
      spoolFolder: await temporaryFolder(),
      ingest: { access: { kind: 'keys', keys: [keyOf('ops', ['admin', 'ingest'])] } },
      now: () => time,
    }),
  );
  const headers = { 'x-api-key': textOf('ops') };
  await app.inject({ method: 'PUT', url: '/v1/users', headers, payload: { userId: 'ada' } });
  time -= 2_000;
  await app.inject({ method: 'PUT', url: '/v1/items', headers, payload: { itemId: 'a' } });
  await app.inject({ method: 'POST', url: '/v1/events', headers, payload: eventOf('one') });
  const erased = await app.inject({ method: 'DELETE', url: '/v1/users/ada', headers });
  expect(erased.json()).toMatchObject({ requestedAt: start });
  const logged = await Promise.all(
    [topics.events, topics.items, topics.users, topics.erasures].map((topic) =>
      readTopic(inject('kafkaBrokers'), topic),
    ),
  );
  expect(logged.flat().map(({ timestamp }) => timestamp)).toEqual(Array.from({ length: 5 }, () => start));
});
