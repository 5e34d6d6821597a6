import fc from 'fast-check';
import { dayMs } from '@facet/platform';
import { describe, expect, it } from 'vitest';
import type { Item } from '@facet/schemas';
import { temporaryFolder } from '@facet/testing';
import { changeCatalog, changeRecords, upsertItems } from '../../src/catalog/change-catalog.ts';
import { compactCatalog } from '../../src/catalog/compact-catalog.ts';
import { readItems, readItemsAsOf } from '../../src/catalog/read-catalog.ts';
import type { RecordVersion } from '../../src/index.ts';

const monday = Date.UTC(2026, 0, 5);

function thing(itemId: string, title: string): Item {
  return { itemId, title, attributes: {} };
}

/** Returns titles by id as known before a moment. */
async function titlesAt(folder: string, receivedBefore?: number): Promise<Record<string, string | undefined>> {
  const { items } = await readItemsAsOf(folder, receivedBefore);
  return Object.fromEntries(items.map(({ itemId, title }) => [itemId, title]));
}

describe('the history of items', () => {
  it('returns each item as known before a moment, without later or removed items', async () => {
    const folder = await temporaryFolder();
    await upsertItems(folder, [thing('a', 'first'), thing('b', 'stays')], monday);
    await upsertItems(folder, [thing('a', 'second')], monday + 10);
    await changeRecords('items', folder, new Map([['b', undefined]]), monday + 20);
    await upsertItems(folder, [thing('b', 'is back'), thing('c', 'new')], monday + 30);
    expect(await titlesAt(folder, monday)).toEqual({});
    expect(await titlesAt(folder, monday + 1)).toEqual({ a: 'first', b: 'stays' });
    expect(await titlesAt(folder, monday + 10)).toEqual({ a: 'first', b: 'stays' });
    expect(await titlesAt(folder, monday + 11)).toEqual({ a: 'second', b: 'stays' });
    expect(await titlesAt(folder, monday + 21)).toEqual({ a: 'second' });
    expect(await titlesAt(folder, monday + 31)).toEqual({ a: 'second', b: 'is back', c: 'new' });
    expect((await readItemsAsOf(folder)).items).toEqual(await readItems(folder));
    expect((await readItemsAsOf(folder)).newestReceivedAt).toBe(monday + 30);
  });

  it('does not change when an item is written again without a change', async () => {
    const folder = await temporaryFolder();
    await upsertItems(folder, [thing('a', 'same')], monday);
    await upsertItems(folder, [thing('a', 'same')], monday + 10);
    expect(await readItemsAsOf(folder)).toMatchObject({ newestReceivedAt: monday });
  });

  it.each(['in one write', 'in separate writes', 'after a compaction'])(
    'orders versions that arrive late by their receipt, %s',
    async (when) => {
      const folder = await temporaryFolder();
      const items = [
        { id: 'a', record: thing('a', 'new'), receivedAt: monday + 9 },
        { id: 'a', record: thing('a', 'late'), receivedAt: monday + 5 },
        { id: 'b', record: undefined, receivedAt: monday + 9 },
        { id: 'b', record: thing('b', 'late'), receivedAt: monday + 5 },
      ];
      if (when === 'in one write') await changeCatalog(folder, { items });
      else {
        for (const version of items) {
          await changeCatalog(folder, { items: [version] });
          if (when === 'after a compaction') await compactCatalog(folder, { isFull: true });
        }
      }
      expect(await readItems(folder)).toEqual([thing('a', 'new')]);
      expect(await titlesAt(folder)).toEqual({ a: 'new' });
      expect(await titlesAt(folder, monday + 9)).toEqual({ a: 'late', b: 'late' });
      expect(await titlesAt(folder, monday + 5)).toEqual({});
    },
  );

  it('prefers the last of versions that were received in one millisecond', async () => {
    const folder = await temporaryFolder();
    for (const title of ['first', 'second']) await upsertItems(folder, [thing('a', title)], monday);
    await compactCatalog(folder, { isFull: true });
    expect(await titlesAt(folder)).toEqual({ a: 'second' });
    await upsertItems(folder, [thing('a', 'third')], monday);
    expect(await titlesAt(folder)).toEqual({ a: 'third' });
  });

  it('remembers in a compaction when an item was received again without a change', async () => {
    const folder = await temporaryFolder();
    await upsertItems(folder, [thing('a', 'same')], monday);
    await changeRecords('items', folder, new Map([['gone', undefined]]), monday);
    for (let round = 1; round <= 2; round++) {
      await upsertItems(folder, [thing('a', 'same')], monday + 20 * round);
      await changeRecords('items', folder, new Map([['gone', undefined]]), monday + 20 * round);
      await compactCatalog(folder, { isFull: true });
    }
    await upsertItems(folder, [thing('a', 'late'), thing('gone', 'late')], monday + 30);
    expect(await titlesAt(folder)).toEqual({ a: 'same' });
    expect(await titlesAt(folder, monday + 31)).toEqual({ a: 'late', gone: 'late' });
    expect(await titlesAt(folder, monday + 30)).toEqual({ a: 'same' });
  });

  it.each([
    { versions: 'in order', areLate: false, areEqual: true },
    { versions: 'that arrive late', areLate: true, areEqual: false },
    // A compaction joins repeated versions. Then only the current items are certain to be the same.
    { versions: 'that arrive late and repeat others', areLate: true, areEqual: true },
  ])('is the same after compactions at any time: versions $versions', async ({ areLate, areEqual }) => {
    const version = fc.record({
      itemId: fc.constantFrom('a', 'b', 'é'),
      title: fc.option(fc.constantFrom('x', 'y', 'ü'), { nil: undefined }),
      receivedAt: fc.integer({ min: monday, max: monday + 5 }),
    });
    const batch = fc.record({ versions: fc.array(version, { minLength: 1, maxLength: 4 }), isFull: fc.boolean() });
    await fc.assert(
      fc.asyncProperty(fc.array(batch, { minLength: 2, maxLength: 6 }), async (batches) => {
        const [compacted, plain] = [await temporaryFolder(), await temporaryFolder()];
        let newest = monday;
        let count = 0;
        for (const { versions, isFull } of batches) {
          const items = versions.map(({ itemId, title, receivedAt }): RecordVersion<Item> => {
            newest = Math.max(newest, receivedAt);
            const name = areEqual ? title : `${title} ${count++}`;
            const record = name === undefined ? undefined : thing(itemId, name);
            return { id: itemId, record, receivedAt: areLate ? receivedAt : newest };
          });
          await changeCatalog(plain, { items });
          await changeCatalog(compacted, { items });
          await compactCatalog(compacted, { isFull, graceMs: 0 });
        }
        expect(await readItems(compacted)).toEqual(await readItems(plain));
        for (let moment = monday; moment <= monday + 6 && !(areLate && areEqual); moment++) {
          expect(await titlesAt(compacted, moment)).toEqual(await titlesAt(plain, moment));
        }
      }),
      { numRuns: 8 },
    );
  });

  it('drops versions older than 90 days, and reports the bound', async () => {
    const folder = await temporaryFolder();
    const newest = monday + 100 * dayMs;
    await upsertItems(folder, [thing('a', '1'), thing('gone', '1')], monday);
    await upsertItems(folder, [thing('a', '2')], monday + dayMs);
    await changeRecords('items', folder, new Map([['gone', undefined]]), monday + 2 * dayMs);
    await upsertItems(folder, [thing('a', '3')], newest - 90 * dayMs);
    await compactCatalog(folder, { isFull: true });
    expect((await readItemsAsOf(folder)).compactedBefore).toBe(0);
    await upsertItems(folder, [thing('a', '4')], newest);
    await compactCatalog(folder, { isFull: true });
    const titles = async (at: number) => (await readItemsAsOf(folder, at)).items.map(({ title }) => title);
    expect((await readItemsAsOf(folder)).compactedBefore).toBe(newest - 90 * dayMs);
    expect(await titles(monday + dayMs)).toEqual([]);
    expect(await titles(newest - 90 * dayMs)).toEqual(['2']);
    expect(await titles(newest - 90 * dayMs + 1)).toEqual(['3']);
    expect(await titles(newest + 1)).toEqual(['4']);
  });

  it('keeps a removal until its last receipt is older than 90 days', async () => {
    const folder = await temporaryFolder();
    const newest = monday + 100 * dayMs;
    for (const receivedAt of [monday, newest - dayMs]) {
      await changeRecords('items', folder, new Map([['a', undefined]]), receivedAt);
    }
    await upsertItems(folder, [thing('b', 'newest')], newest);
    await compactCatalog(folder, { isFull: true });
    await upsertItems(folder, [thing('a', 'late')], newest - 2 * dayMs);
    expect(await titlesAt(folder)).toEqual({ b: 'newest' });
  });
});
