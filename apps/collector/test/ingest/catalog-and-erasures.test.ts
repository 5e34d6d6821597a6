import { hashUser } from '@facet/schemas';
import { folderOfFile, forFile } from '@facet/testing';
import { expect, inject, it } from 'vitest';
import { createTestIngest, keyOf, textOf } from './fixtures.ts';
import { readTopic } from './read-topic.ts';

const now = Date.parse('2026-02-01T00:00:00Z');
const folder = folderOfFile();

const ingest = forFile(
  await createTestIngest({
    spoolFolder: folder,
    ingest: { access: { kind: 'keys', keys: [keyOf('ops', ['admin'])] } },
    now: () => now,
  }),
);

const headers = { 'x-api-key': textOf('ops'), 'content-type': 'application/json' };

it('publishes items by id, the last of a request last', async () => {
  const items = [
    { itemId: 'b/1', title: 'One', attributes: { genre: ['crime'] }, isbn: '1' },
    { itemId: 'b2', available: 'no' },
    { itemId: 'b/1', title: 'Two' },
  ];
  const response = await ingest.app.inject({ method: 'PUT', url: '/v1/items', headers, payload: { items } });
  expect(response.statusCode).toBe(202);
  expect(response.json()).toMatchObject({
    accepted: 2,
    duplicates: 0,
    refused: 1,
    stored: 'log',
    results: [{ index: 1, itemId: 'b2', field: 'available', reason: 'not-true-or-false' }],
  });
  const logged = await readTopic(inject('kafkaBrokers'), ingest.topics.items);
  expect(logged.map(({ key, value }) => [key, JSON.parse(value!) as unknown])).toEqual([
    ['b/1', { itemId: 'b/1', title: 'One', attributes: { genre: ['crime'] }, isbn: '1' }],
    ['b/1', { itemId: 'b/1', title: 'Two', attributes: {} }],
  ]);
});

it('publishes users, one per line', async () => {
  const response = await ingest.app.inject({
    method: 'PUT',
    url: '/v1/users',
    headers: { ...headers, 'content-type': 'application/x-ndjson' },
    payload: '{"userId":"ada","attributes":{"age":36}}\n{"userId":"session:x"}\n',
  });
  expect(response.json()).toMatchObject({ accepted: 1, results: [{ index: 1, field: 'userId', reason: 'reserved' }] });
  const [user] = await readTopic(inject('kafkaBrokers'), ingest.topics.users);
  expect(user).toMatchObject({ key: 'ada', value: '{"userId":"ada","attributes":{"age":36}}', timestamp: now });
});

it('refuses items as text, which a page of another site could send', async () => {
  const text = { ...headers, 'content-type': 'text/plain' };
  expect((await ingest.app.inject({ method: 'PUT', url: '/v1/items', headers: text, payload: '{}' })).statusCode).toBe(
    415,
  );
});

it.each(['ada', 'a/b?c=d#e%20 ü', '../x', '😀'.repeat(256)])('publishes the erasure of %s', async (userId) => {
  const url = `/v1/users/${encodeURIComponent(userId)}`;
  const response = await ingest.app.inject({ method: 'DELETE', url, headers: { 'x-api-key': textOf('ops') } });
  expect(response.statusCode).toBe(202);
  const erased = response.json<{ erasureId: string }>();
  expect(erased).toMatchObject({ requestedAt: now, stored: 'log' });
  const erasures = await readTopic(inject('kafkaBrokers'), ingest.topics.erasures);
  const erasure = erasures.find(({ key }) => key === userId);
  expect(JSON.parse(erasure!.value!)).toEqual({
    erasureId: erased.erasureId,
    userId,
    requestedAt: now,
    requestedBy: 'ops',
  });
  const users = await readTopic(inject('kafkaBrokers'), ingest.topics.users);
  expect(users.findLast(({ key }) => key === userId)).toMatchObject({ value: null });
  expect(ingest.logLines.join('')).not.toContain(JSON.stringify(userId));
  expect(`${ingest.logLines.join('')}${response.body}`).not.toContain(hashUser(userId));
});

it('refuses to erase an anonymous user by session', async () => {
  const response = await ingest.app.inject({
    method: 'DELETE',
    url: '/v1/users/session:x',
    headers: { 'x-api-key': textOf('ops') },
  });
  expect(response.json()).toMatchObject({ statusCode: 400, code: 'REQUEST_INVALID', field: 'userId' });
});
