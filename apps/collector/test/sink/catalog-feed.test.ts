import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readCatalogOffsets, readItems, readUsers } from '@facet/events';
import { beforeEach, expect, it, onTestFinished } from 'vitest';
import { createCatalogFeed } from '../../src/sink/catalog-feed.ts';
import type { CatalogFeed } from '../../src/sink/catalog-feed.ts';

const items = 'facet.items.v1-0';
const users = 'facet.users.v1-0';
let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'facet-catalog-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
});

async function openFeed(): Promise<CatalogFeed> {
  const feed = createCatalogFeed(folder, { now: () => 1 });
  await feed.discard();
  return feed;
}

it('is kept by two processes, one for the items and one for the users, that write at any time', async () => {
  const ofItems = await openFeed();
  const ofUsers = await openFeed();
  for (let offset = 0; offset < 5; offset++) {
    ofItems.changeItem(`i${offset}`, { itemId: `i${offset}`, attributes: {} });
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

it('refuses the one of two writers of a topic that comes second', async () => {
  const former = await openFeed();
  former.changeItem('i', { itemId: 'i', title: 'old', attributes: {} });
  former.advance(items, 1);
  const successor = await openFeed();
  successor.changeItem('i', { itemId: 'i', title: 'new', attributes: {} });
  successor.advance(items, 2);
  await successor.write();
  await expect(former.write()).rejects.toMatchObject({ code: 'SINK_CATALOG_SUPERSEDED' });
  expect(await readItems(folder)).toEqual([{ itemId: 'i', title: 'new', attributes: {} }]);
  await former.discard();
  expect(former.committed(items)).toBe(2);
});
