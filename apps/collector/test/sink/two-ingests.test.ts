/** @module-tag full */
import { join } from 'node:path';
import { readItems, readItemsAsOf, readUsers } from '@facet/lake';
import { forTest, temporaryFolder } from '@facet/testing';
import { expect, it } from 'vitest';
import { createTestIngest, keyOf, textOf } from '../ingest/fixtures.ts';
import type { TestIngest } from '../ingest/fixtures.ts';
import { createBench, isCaughtUp, until } from './fixtures.ts';

const access = { kind: 'keys', keys: [keyOf('all', ['admin'])] } as const;
/** No process listens on this port. */
const deadBroker = '127.0.0.1:9';

it('keeps the newest items and users when the spool of another ingest delivers older ones', async () => {
  const { topics, store, startSink, home } = await createBench();
  const catalog = join(home, 'catalog');
  const spoolFolder = await temporaryFolder();
  const put = async ({ app }: TestIngest, version: string): Promise<unknown[]> => {
    const send = (url: string, payload: object) =>
      app.inject({ method: 'PUT', url, headers: { 'x-api-key': textOf('all') }, payload });
    const responses = [
      await send('/v1/items', { itemId: 'a', title: version }),
      await send('/v1/users', { userId: 'ada', attributes: { version } }),
    ];
    return responses.map((response) => response.json<{ stored: string }>().stored);
  };
  const offline = await createTestIngest({
    spoolFolder,
    ingest: { access },
    topics,
    brokers: [deadBroker],
    ackTimeoutMs: 300,
  });
  const online = forTest(await createTestIngest({ spoolFolder: await temporaryFolder(), ingest: { access }, topics }));
  const sink = await startSink();

  expect(await put(offline, 'old')).toEqual(['spool', 'spool']);
  await offline.close();
  const betweenThem = Date.now() + 1;
  await until(async () => Date.now() > betweenThem);
  expect(await put(online, 'new')).toEqual(['log', 'log']);
  await until(() => isCaughtUp(sink, 2));
  // The sink fills the empty store from the catalog.
  await store.clear();
  await until(async () => (await store.read('ada')) !== undefined);

  forTest(await createTestIngest({ spoolFolder, ingest: { access }, topics }));
  await until(() => isCaughtUp(sink, 4));
  expect(await readItems(catalog)).toEqual([{ itemId: 'a', title: 'new', attributes: {} }]);
  expect((await readItemsAsOf(catalog, betweenThem)).items).toMatchObject([{ title: 'old' }]);
  expect(await readUsers(catalog)).toEqual([{ userId: 'ada', attributes: { version: 'new' } }]);
  expect((await store.read('ada'))?.attributes).toEqual({ version: 'new' });
});
