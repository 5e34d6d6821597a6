import { setImmediate as yieldToEventLoop } from 'node:timers/promises';
import type { AttributeColumn, BundleView } from '@facet/bundles';
import { describeAttributes } from '@facet/recommendations';
import { rowsPerSlice } from '@facet/platform';
import { expect, it } from 'vitest';
import { findColumn } from '../src/item-map/map-columns.ts';

/** A catalog of a million items. */
const items = 1_000_000;
const texts = Array.from({ length: 5_000 }, (_, code) => `brand-${code}`);
const values = {
  texts: {
    count: texts.length,
    at: (code: number) => texts[code]!,
    isAt: (code: number, text: string) => texts[code] === text,
  },
  counts: new Int32Array(texts.length).fill(items / texts.length),
  numbers: new Float64Array(),
};
const codes = Int32Array.from({ length: items + 1 }, (_, item) => (item === 0 ? 0 : 1 + (item % texts.length)));
const columns: AttributeColumn[] = [
  { name: 'brand', type: 'text', values, codes },
  { name: 'price', type: 'number', numbers: Float64Array.from(codes, (code) => code / 100) },
  { name: 'sale', type: 'boolean', booleans: Uint8Array.from(codes, (code) => code % 3) },
  {
    name: 'tags',
    type: 'list',
    values,
    codes,
    offsets: Int32Array.from({ length: items + 2 }, (_, item) => Math.min(item, items + 1)),
    present: new Uint8Array(Math.ceil((items + 1) / 8)).fill(255),
  },
];

/** Counts the items that are read between two turns of the event loop. */
function countingBundle() {
  const count = { sinceTurn: 0, most: 0, turns: 0 };
  const read = (item: number): number => {
    count.most = Math.max(count.most, ++count.sinceTurn);
    return item;
  };
  const bundle = {
    info: { spec: { itemCount: items } },
    itemCount: items,
    catalog: { columns },
    deltaItems: { has: (item: number) => read(item) < 0, get: () => undefined },
    popularityOf: read,
    firstSeenOn: read,
  } as unknown as BundleView;
  return { bundle, count };
}

/** Does work, and counts the turns of the event loop meanwhile. */
async function watch<Result>(count: { sinceTurn: number; turns: number }, work: Promise<Result>): Promise<Result> {
  let isDone = false;
  const done = work.finally(() => (isDone = true));
  while (!isDone) {
    await yieldToEventLoop();
    count.sinceTurn = 0;
    count.turns++;
  }
  return done;
}

it.each(['popularity', 'firstSeen', 'attribute:brand', 'attribute:price', 'attribute:sale', 'attribute:tags'])(
  'the column %s of a million items is read in turns with the event loop',
  async (name) => {
    const { bundle, count } = countingBundle();
    const range = { first: 1, count: items };
    const { data } = await watch(count, findColumn(bundle, name)!(bundle, range));
    expect(data).toHaveLength(items);
    expect(count.most).toBeGreaterThan(0);
    expect(count.most).toBeLessThanOrEqual(2 * rowsPerSlice);
  },
);

it('attributes of a million items are described once, in turns with the event loop', async () => {
  const { bundle, count } = countingBundle();
  const described = await watch(count, describeAttributes(bundle.catalog));
  expect(count.turns).toBeGreaterThan(items / rowsPerSlice);
  expect(described).toEqual([
    { name: 'brand', type: 'text', distinct: 5_000, values: expect.any(Array) as unknown },
    { name: 'price', type: 'number', min: 0, max: 50 },
    { name: 'sale', type: 'boolean' },
    { name: 'tags', type: 'list', distinct: 5_000, values: expect.any(Array) as unknown },
  ]);
  expect(described[0]!.values![0]).toEqual({ code: 1, value: 'brand-0', items: 200 });
  expect(await describeAttributes(bundle.catalog)).toBe(described);
});
