import { createLogger } from '@facet/platform';
import { readCatalogOffsets, readItems, readItemsAsOf, readUsers } from '@facet/lake';
import { temporaryFolder } from '@facet/testing';
import { beforeEach, expect, it, onTestFinished } from 'vitest';
import { createCatalogFeed } from '../../src/sink/catalog-feed.ts';
import type { CatalogFeed } from '../../src/sink/catalog-feed.ts';

const items = 'facet.items.v1-0';
const users = 'facet.users.v1-0';
let folder: string;

beforeEach(async () => {
  folder = await temporaryFolder();
});

async function openFeed(): Promise<CatalogFeed> {
  const feed = createCatalogFeed(folder, { logger: createLogger({ name: 'test', level: 'silent' }), now: Date.now });
  await feed.discard();
  onTestFinished(() => feed.close());
  return feed;
}

it('lets one process write items while another writes users', async () => {
  const ofItems = await openFeed();
  const ofUsers = await openFeed();
  for (let offset = 0; offset < 5; offset++) {
    ofItems.changeItem(`i${offset}`, { itemId: `i${offset}`, attributes: {} }, offset);
    ofItems.advance(items, offset + 1);
    ofUsers.changeUser(`u${offset}`, { userId: `u${offset}`, attributes: {} }, offset);
    ofUsers.advance(users, offset + 1);
    await Promise.all([ofItems.write(), ofUsers.write()]);
  }
  expect(await readCatalogOffsets(folder)).toEqual(
    new Map([
      [items, 5],
      [users, 5],
    ]),
  );
  expect(await readItems(folder)).toHaveLength(5);
  expect(await readUsers(folder)).toHaveLength(5);
});

it('refuses the second of two writers of a topic', async () => {
  const earlier = await openFeed();
  earlier.changeItem('i', { itemId: 'i', title: 'old', attributes: {} }, 1);
  earlier.advance(items, 1);
  const successor = await openFeed();
  successor.changeItem('i', { itemId: 'i', title: 'new', attributes: {} }, 2);
  successor.advance(items, 2);
  await successor.write();
  await expect(earlier.write()).rejects.toMatchObject({ code: 'EVENTS_CATALOG_SUPERSEDED' });
  expect(await readItems(folder)).toEqual([{ itemId: 'i', title: 'new', attributes: {} }]);
  await earlier.discard();
  expect(earlier.committed(items)).toBe(2);
});

it('keeps the newest version of a user when an older one follows it in one write', async () => {
  const feed = await openFeed();
  for (const [receivedAt, age] of [
    [20, 2],
    [20, 3],
    [10, 1],
  ] as const) {
    feed.changeUser('u', { userId: 'u', attributes: { age } }, receivedAt);
  }
  feed.advance(users, 3);
  await feed.write();
  expect(await readUsers(folder)).toEqual([{ userId: 'u', attributes: { age: 3 } }]);
});

it('keeps the history of an item, even for several versions in one write', async () => {
  const feed = await openFeed();
  feed.changeItem('i', { itemId: 'i', title: 'first', attributes: {} }, 10);
  feed.changeItem('i', { itemId: 'i', title: 'second', attributes: {} }, 20);
  feed.changeItem('i', undefined, 30);
  feed.advance(items, 3);
  await feed.write();
  // Another process reads the same changes again, as after a kill before the offset was stored.
  const again = await openFeed();
  again.changeItem('i', { itemId: 'i', title: 'first', attributes: {} }, 10);
  again.changeItem('i', { itemId: 'i', title: 'second', attributes: {} }, 20);
  again.changeItem('i', undefined, 30);
  again.advance(items, 3);
  await again.write();
  const titleAt = async (receivedBefore: number) => (await readItemsAsOf(folder, receivedBefore)).items[0]?.title;
  expect(await Promise.all([10, 11, 20, 21, 30, 31].map(titleAt))).toEqual([
    undefined,
    'first',
    'first',
    'second',
    'second',
    undefined,
  ]);
  expect(await readItems(folder)).toEqual([]);
});
