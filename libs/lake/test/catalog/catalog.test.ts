import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { temporaryFolder } from '@facet/testing';
import { changeItems, readItems, readUsers, upsertItems, upsertUsers } from '../../src/catalog/catalog.ts';

it('replaces whole records by the last one of an id and keeps the others', async () => {
  const folder = join(await temporaryFolder(), 'catalog');
  expect(await readItems(folder)).toEqual([]);
  await upsertItems(folder, [
    { itemId: 'b', title: 'Bed', attributes: { brand: 'X' } },
    { itemId: 'a', attributes: { tags: ['new'] } },
  ]);
  const result = await upsertItems(folder, [
    { itemId: 'b', title: 'Old', attributes: {} },
    { itemId: 'b', available: false, attributes: { price: 3 } },
    { itemId: 'a', attributes: { tags: ['new'] } },
  ]);
  expect(result).toEqual({ total: 2, changed: 1 });
  expect(await readItems(folder)).toEqual([
    { itemId: 'a', attributes: { tags: ['new'] } },
    { itemId: 'b', available: false, attributes: { price: 3 } },
  ]);
  expect(await readdir(folder)).toEqual(['items.history.jsonl', 'items.jsonl']);
});

it('removes items without a record', async () => {
  const folder = await temporaryFolder();
  await upsertItems(folder, [
    { itemId: 'a', attributes: {} },
    { itemId: 'b', attributes: {} },
  ]);
  const changes = new Map([
    ['a', undefined],
    ['c', { itemId: 'c', attributes: {} }],
    ['never-there', undefined],
  ]);
  expect(await changeItems(folder, changes)).toEqual({ total: 2, changed: 2 });
  expect((await readItems(folder)).map(({ itemId }) => itemId)).toEqual(['b', 'c']);
});

it('stores users separately, with the same bytes for any order of the records', async () => {
  const folder = await temporaryFolder();
  const users = Array.from({ length: 25_000 }, (_, index) => ({ userId: `u${index}`, attributes: { age: index } }));
  expect(await upsertUsers(folder, users)).toEqual({ total: 25_000, changed: 25_000 });
  const bytes = await readFile(join(folder, 'users.jsonl'));
  const other = await temporaryFolder();
  await upsertUsers(other, users.slice(0, 9).reverse());
  await upsertUsers(other, users.toReversed());
  expect(bytes.equals(await readFile(join(other, 'users.jsonl')))).toBe(true);
  expect(await readUsers(folder)).toHaveLength(25_000);
  expect(await readItems(folder)).toEqual([]);
});

it('reports a damaged file', async () => {
  const folder = await temporaryFolder();
  await writeFile(join(folder, 'items.jsonl'), '{"itemId":"a","attributes":{}}\n{"item');
  await expect(readItems(folder)).rejects.toMatchObject({ code: 'EVENTS_CATALOG_DAMAGED' });
});
