import fc from 'fast-check';
import { appendFile, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { dayMs } from '@facet/platform';
import { describe, expect, it } from 'vitest';
import type { Item } from '@facet/schemas';
import { temporaryFolder } from '@facet/testing';
import { addItemVersions, changeItems, readItems, readItemsAsOf, upsertItems } from '../../src/catalog/catalog.ts';
import type { ItemVersion } from '../../src/index.ts';

const monday = Date.UTC(2026, 0, 5);
const historyOf = (folder: string): string => join(folder, 'items.history.jsonl');

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
    await changeItems(folder, new Map([['b', undefined]]), monday + 20);
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

  it('counts items without a history as always known', async () => {
    const folder = await temporaryFolder();
    await upsertItems(folder, [thing('a', 'old'), thing('b', 'old')], monday);
    await rm(historyOf(folder));
    expect(await titlesAt(folder, 5)).toEqual({ a: 'old', b: 'old' });
    await upsertItems(folder, [thing('a', 'new')], monday + 10);
    expect(await titlesAt(folder, 5)).toEqual({ a: 'old', b: 'old' });
    expect(await titlesAt(folder, monday + 11)).toEqual({ a: 'new', b: 'old' });
  });

  it('is not written when no item changes', async () => {
    const folder = await temporaryFolder();
    await upsertItems(folder, [thing('a', 'same')], monday);
    const { size } = await stat(historyOf(folder));
    expect(await upsertItems(folder, [thing('a', 'same')], monday + 10)).toEqual({ total: 1, changed: 0 });
    expect((await stat(historyOf(folder))).size).toBe(size);
  });

  it('follows the order of the log when clocks of writers differ', async () => {
    const folder = await temporaryFolder();
    await addItemVersions(folder, [
      { itemId: 'a', item: thing('a', 'first'), receivedAt: monday + 9 },
      { itemId: 'a', item: thing('a', 'second'), receivedAt: monday + 8 },
    ]);
    expect(await titlesAt(folder)).toEqual({ a: 'second' });
    expect(await titlesAt(folder, monday + 9)).toEqual({ a: 'second' });
    expect(await readItems(folder)).toEqual([thing('a', 'second')]);
  });

  it('is unaffected by a writer that is killed anywhere and repeats its versions', async () => {
    const version = fc.record({
      itemId: fc.constantFrom('a', 'b', 'é'),
      title: fc.option(fc.constantFrom('x', 'y', 'ü'), { nil: undefined }),
      receivedAt: fc.integer({ min: monday, max: monday + 5 }),
    });
    const batches = fc.array(fc.array(version, { minLength: 1, maxLength: 4 }), { minLength: 2, maxLength: 4 });
    await fc.assert(
      fc.asyncProperty(batches, fc.double({ min: 0, max: 1, noNaN: true }), async (some, share) => {
        const versions = some.map((batch) =>
          batch.map(({ itemId, title, receivedAt }): ItemVersion => {
            return { itemId, item: title === undefined ? undefined : thing(itemId, title), receivedAt };
          }),
        );
        const [last, ...earlier] = versions.toReversed() as [ItemVersion[], ...ItemVersion[][]];
        const [whole, killed] = [await temporaryFolder(), await temporaryFolder()];
        for (const batch of versions) await addItemVersions(whole, batch);

        for (const batch of earlier.reverse()) await addItemVersions(killed, batch);
        const items = join(killed, 'items.jsonl');
        const before = await readFile(items).catch(() => undefined);
        const size = await stat(historyOf(killed)).then(
          (file) => file.size,
          () => 0,
        );
        await addItemVersions(killed, last);
        // Simulates a kill during the append: a part of the lines is written, and the items are unchanged.
        const grown = await stat(historyOf(killed)).then(
          (file) => file.size,
          () => 0,
        );
        if (size > 0) await truncate(historyOf(killed), size + Math.floor(share * (grown - size)));
        if (before === undefined) await rm(items, { force: true });
        else await writeFile(items, before);
        await addItemVersions(killed, last);

        for (let moment = monday; moment <= monday + 6; moment++) {
          expect(await titlesAt(killed, moment)).toEqual(await titlesAt(whole, moment));
        }
        expect(await readItems(killed)).toEqual(await readItems(whole));
      }),
      { numRuns: 25 },
    );
  });

  it('skips a torn last line, which the next writer truncates', async () => {
    const folder = await temporaryFolder();
    await upsertItems(folder, [thing('a', 'first')], monday);
    await appendFile(
      historyOf(folder),
      `{"receivedAt":${monday + 1},"item":{"itemId":"a","title":"${'x'.repeat(100_000)}`,
    );
    expect(await titlesAt(folder)).toEqual({ a: 'first' });
    await upsertItems(folder, [thing('a', 'second')], monday + 2);
    expect(await titlesAt(folder)).toEqual({ a: 'second' });
    expect((await readFile(historyOf(folder), 'utf8')).split('\n')).toHaveLength(4);
  });

  it('folds versions older than 90 days once the file has grown, and reports the bound', async () => {
    const folder = await temporaryFolder();
    const long = 'x'.repeat(1_000_000);
    const newest = monday + 100 * dayMs;
    await upsertItems(folder, [thing('a', `1 ${long}`), thing('gone', long)], monday);
    await upsertItems(folder, [thing('a', `2 ${long}`)], monday + dayMs);
    await changeItems(folder, new Map([['gone', undefined]]), monday + 2 * dayMs);
    await upsertItems(folder, [thing('a', `3 ${long}`)], newest - 90 * dayMs);
    expect((await readItemsAsOf(folder)).foldedBefore).toBe(0);
    await upsertItems(folder, [thing('a', `4 ${long}`)], newest);
    const titles = async (at: number) => (await readItemsAsOf(folder, at)).items.map(({ title }) => title!.slice(0, 2));
    expect((await readItemsAsOf(folder)).foldedBefore).toBe(newest - 90 * dayMs);
    expect(await titles(monday + dayMs)).toEqual([]);
    expect(await titles(newest - 90 * dayMs)).toEqual(['2 ']);
    expect(await titles(newest - 90 * dayMs + 1)).toEqual(['3 ']);
    expect(await titles(newest + 1)).toEqual(['4 ']);
    expect((await stat(historyOf(folder))).size).toBeLessThan(3_100_000);
  });

  it('reports a damaged file', async () => {
    const folder = await temporaryFolder();
    await upsertItems(folder, [thing('a', 'first')], monday);
    await appendFile(historyOf(folder), '{"receivedAt"\n');
    await expect(readItemsAsOf(folder)).rejects.toMatchObject({ code: 'EVENTS_CATALOG_DAMAGED' });
  });
});
