import { appendFile, mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { temporaryFolder } from '@facet/testing';
import { changeCatalog, changeItems, changeUsers, upsertItems, upsertUsers } from '../../src/catalog/change-catalog.ts';
import { compactCatalog } from '../../src/catalog/compact-catalog.ts';
import {
  findUserInCatalog,
  readCatalogOffsets,
  readItems,
  readItemsAsOf,
  readItemsVersion,
  readUsers,
  streamItemChanges,
} from '../../src/catalog/read-catalog.ts';

const item = (itemId: string, title?: string) => ({
  itemId,
  attributes: {},
  ...(title === undefined ? {} : { title }),
});
const user = (userId: string, age = 1) => ({ userId, attributes: { age } });

it('replaces whole records by the last one of an id and keeps the others', async () => {
  const folder = join(await temporaryFolder(), 'catalog');
  expect(await readItems(folder)).toEqual([]);
  expect(await readItemsVersion(folder)).toBeUndefined();
  await upsertItems(folder, [
    { itemId: 'b', title: 'Bed', attributes: { brand: 'X' } },
    { itemId: 'a', attributes: { tags: ['new'] } },
  ]);
  await upsertItems(folder, [
    { itemId: 'b', title: 'Old', attributes: {} },
    { itemId: 'b', available: false, attributes: { price: 3 } },
    { itemId: 'a', attributes: { tags: ['new'] } },
  ]);
  expect(await readItems(folder)).toEqual([
    { itemId: 'a', attributes: { tags: ['new'] } },
    { itemId: 'b', available: false, attributes: { price: 3 } },
  ]);
});

it('removes items without a record', async () => {
  const folder = await temporaryFolder();
  await upsertItems(folder, [item('a'), item('b')]);
  const changes = new Map([
    ['a', undefined],
    ['c', item('c')],
    ['never-there', undefined],
  ]);
  await changeItems(folder, changes);
  expect((await readItems(folder)).map(({ itemId }) => itemId)).toEqual(['b', 'c']);
});

it('stores users separately, in the order of their ids', async () => {
  const folder = await temporaryFolder();
  const users = Array.from({ length: 25_000 }, (_, index) => user(`u${index}`, index));
  await upsertUsers(folder, users.slice(0, 9).reverse());
  await upsertUsers(folder, users.toReversed());
  expect(await readUsers(folder)).toEqual(users.toSorted((a, b) => (a.userId < b.userId ? -1 : 1)));
  expect(await readItems(folder)).toEqual([]);
});

it('writes items, users and offsets together, and refuses a second writer of a source', async () => {
  const folder = await temporaryFolder();
  const at = { items: [{ itemId: 'a', item: item('a'), receivedAt: 1 }], users: new Map([['u', user('u')]]) };
  await changeCatalog(folder, { ...at, offsets: { 'items-0': { from: 0, to: 5 } } });
  const late = changeCatalog(folder, {
    users: new Map([['u', user('u', 99)]]),
    offsets: { 'items-0': { from: 0, to: 7 } },
  });
  await expect(late).rejects.toMatchObject({ code: 'EVENTS_LAKE_SUPERSEDED' });
  expect(await readUsers(folder)).toEqual([user('u')]);
  expect(await readCatalogOffsets(folder)).toEqual(new Map([['items-0', 5]]));
  expect(await readdir(join(folder, 'users'))).toHaveLength(1);
});

it('keeps the number of segments small, and loses nothing that other writers add during a merge', async () => {
  const folder = await temporaryFolder();
  const writes = Array.from({ length: 24 }, (_, index) => index);
  await Promise.all(
    [0, 1].map(async (writer) => {
      for (const index of writes) await upsertItems(folder, [item(`w${writer}-${index % 10}`, `edition ${index}`)]);
    }),
  );
  await compactCatalog(folder, { graceMs: 0 });
  expect((await readdir(join(folder, 'items'))).length).toBeLessThan(10);
  const titles = Object.fromEntries((await readItems(folder)).map(({ itemId, title }) => [itemId, title]));
  for (const index of writes.slice(14)) {
    for (const writer of [0, 1]) expect(titles[`w${writer}-${index % 10}`]).toBe(`edition ${index}`);
  }
});

it('returns the items that changed after a version, and the same version after a merge', async () => {
  const folder = await temporaryFolder();
  await upsertItems(
    folder,
    Array.from({ length: 100 }, (_, index) => item(`a${index}`)),
  );
  const { order: after } = (await readItemsVersion(folder))!;
  await changeItems(
    folder,
    new Map([
      ['new', item('new')],
      ['a1', undefined],
    ]),
  );
  const changes: unknown[] = [];
  for await (const batch of streamItemChanges(folder, { after })) changes.push(...batch);
  expect(changes).toEqual([
    { itemId: 'a1', item: undefined },
    { itemId: 'new', item: item('new') },
  ]);
  const version = await readItemsVersion(folder);
  await compactCatalog(folder, { isFull: true, graceMs: 0 });
  expect(await readItemsVersion(folder)).toEqual(version);
  expect(await readdir(join(folder, 'items'))).toHaveLength(1);
});

it('finds a removed user until a full merge has deleted every version of the user', async () => {
  const folder = await temporaryFolder();
  await upsertUsers(
    folder,
    Array.from({ length: 100 }, (_, index) => user(`u${index}`)),
  );
  await upsertUsers(folder, [user('u5', 99)]);
  expect(await findUserInCatalog(folder, 'u5')).toHaveLength(2);
  await changeUsers(folder, new Map([['u5', undefined]]));
  expect((await readUsers(folder)).some(({ userId }) => userId === 'u5')).toBe(false);
  expect(await findUserInCatalog(folder, 'u5')).not.toEqual([]);
  await compactCatalog(folder, { isFull: true });
  expect(await findUserInCatalog(folder, 'u5')).not.toEqual([]);
  await compactCatalog(folder, { isFull: true, graceMs: 0 });
  expect(await findUserInCatalog(folder, 'u5')).toEqual([]);
  expect(await readUsers(folder)).toHaveLength(99);
});

it('lets a reader finish while a merge deletes the segments', async () => {
  const folder = await temporaryFolder();
  await upsertItems(
    folder,
    Array.from({ length: 5_000 }, (_, index) => item(`a${index}`, 'x'.repeat(200))),
  );
  await upsertItems(folder, [item('z')]);
  let seen = 0;
  for await (const batch of streamItemChanges(folder)) {
    seen += batch.length;
    await compactCatalog(folder, { isFull: true, graceMs: 0 });
  }
  expect(seen).toBe(5_001);
});

it('ignores a segment of a killed writer, and deletes it hours later', async () => {
  const folder = await temporaryFolder();
  await upsertItems(folder, [item('a')]);
  const path = join(folder, 'items', 'killed.jsonl');
  await writeFile(path, '{"id":"b","rec');
  await compactCatalog(folder);
  expect(await readItems(folder)).toEqual([item('a')]);
  await compactCatalog(folder, { now: () => Date.now() + 7 * 3_600_000 });
  expect(await readdir(join(folder, 'items'))).not.toContain('killed.jsonl');
});

it('reads the files of earlier releases, and turns them into segments with the first write', async () => {
  const folder = await temporaryFolder();
  const lines = (...values: unknown[]): string => values.map((value) => `${JSON.stringify(value)}\n`).join('');
  await writeFile(join(folder, 'items.jsonl'), lines(item('a', 'second'), item('b')));
  await writeFile(
    join(folder, 'items.history.jsonl'),
    `${lines(
      { format: 1, foldedBefore: 5, bytes: 0 },
      { item: item('b') },
      { receivedAt: 10, item: item('a', 'first') },
      { receivedAt: 15, item: item('gone') },
      { receivedAt: 20, item: item('a', 'second') },
      { receivedAt: 25, removed: 'gone' },
    )}{"receivedAt":30,"it`,
  );
  await writeFile(join(folder, 'users.jsonl'), lines(user('u1'), user('u2')));
  await mkdir(join(folder, '_offsets'));
  await writeFile(join(folder, '_offsets', 'items-0.json'), '7\n');
  const read = async () => ({
    items: await readItems(folder),
    past: await readItemsAsOf(folder, 20),
    users: await readUsers(folder),
    offsets: new Map(await readCatalogOffsets(folder)),
  });
  const before = await read();
  expect(before).toMatchObject({
    items: [item('a', 'second'), item('b')],
    past: { items: [item('a', 'first'), item('b'), item('gone')], newestReceivedAt: 25, foldedBefore: 5 },
    users: [user('u1'), user('u2')],
  });
  expect(await findUserInCatalog(folder, 'u1')).toEqual([{ path: 'users.jsonl', count: 1 }]);

  const offsets = { 'items-0': { from: 7, to: 8 } };
  await Promise.all([
    changeCatalog(folder, { items: [{ itemId: 'c', item: item('c'), receivedAt: 40 }], offsets }),
    changeCatalog(folder, { users: new Map([['u2', undefined]]) }),
  ]);
  expect(await read()).toMatchObject({
    items: [...before.items, item('c')],
    past: { ...before.past, newestReceivedAt: 40 },
    users: [user('u1')],
    offsets: new Map([['items-0', 8]]),
  });
  await compactCatalog(folder, { isFull: true, graceMs: 0 });
  expect(await readItemsAsOf(folder, 20)).toEqual({ ...before.past, newestReceivedAt: 40 });
  expect(await findUserInCatalog(folder, 'u2')).toEqual([]);
  expect((await readdir(folder)).sort()).toEqual(['_log', '_offsets', 'items', 'users']);
});

it('reports a damaged file', async () => {
  const folder = await temporaryFolder();
  await upsertItems(folder, [item('a')]);
  const [name] = await readdir(join(folder, 'items'));
  await appendFile(join(folder, 'items', name!), '{"item');
  await expect(readItems(folder)).rejects.toMatchObject({ code: 'EVENTS_CATALOG_DAMAGED' });
  await rm(join(folder, 'items', name!));
  await expect(readItems(folder)).rejects.toMatchObject({ code: 'EVENTS_CATALOG_DAMAGED' });
});
