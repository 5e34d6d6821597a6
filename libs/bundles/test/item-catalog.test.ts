import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { viewSafetensors, writeSafetensors } from '@facet/artifacts';
import { folderOfFile } from '@facet/testing';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { itemsOf } from '../src/index.ts';
import type { CatalogItem } from '../src/index.ts';
import { catalogOf } from '../testing/small-bundle.ts';
import { encodeCatalog, openCatalog } from '../src/items/item-catalog.ts';
import type { ItemCatalog } from '../src/items/item-catalog.ts';

const padding: CatalogItem = { itemId: '', attributes: {} };

/** Few names and values, so that items share them; includes names that objects inherit. */
const text = fc.oneof(
  fc.constantFrom('', 'a', 'b', 'é', '日本', '🎬', 'constructor'),
  fc.string({ unit: 'binary', maxLength: 6 }),
);
const name = fc.constantFrom('genre', 'price', 'constructor', '__proto__', 'a b', '');
const value = fc.oneof(
  text,
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  fc.boolean(),
  fc.array(text, { maxLength: 4 }),
);
const item: fc.Arbitrary<Omit<CatalogItem, 'itemId'>> = fc.record(
  {
    title: text,
    available: fc.boolean(),
    attributes: fc
      .uniqueArray(fc.tuple(name, value), { selector: ([key]) => key, maxLength: 5 })
      .map((entries) => Object.fromEntries(entries)),
  },
  { requiredKeys: ['attributes'] },
);
const itemId = fc.oneof(
  fc.string({ unit: 'binary', minLength: 1, maxLength: 8 }),
  fc.integer({ min: 0, max: 99 }).map(String),
);
const catalogs = fc
  .uniqueArray(itemId, { maxLength: 40 })
  .chain((ids) => fc.tuple(...ids.map((id) => item.map((facts): CatalogItem => ({ itemId: id, ...facts })))));

describe('a catalog in columns', () => {
  const folder = folderOfFile();

  /** Returns the catalog after a round trip through a file. */
  async function throughFile(items: readonly CatalogItem[]): Promise<ItemCatalog> {
    const path = join(folder, 'catalog.safetensors');
    const encoded = encodeCatalog([padding, ...items]);
    await writeSafetensors(path, encoded.tensors, encoded.metadata);
    const { buffer } = Uint8Array.from(await readFile(path));
    const { tensors, metadata } = viewSafetensors(buffer, path);
    return openCatalog(tensors, metadata);
  }

  it('returns all facts of every item, and no unknown item', async () => {
    await fc.assert(
      fc.asyncProperty(catalogs, itemId, async (items, other) => {
        const catalog = await throughFile(items);
        expect(catalog.itemCount).toBe(items.length);
        expect([...itemsOf(catalog)]).toEqual(items);
        items.forEach((expected, position) => {
          expect(catalog.indexOf(expected.itemId)).toBe(position + 1);
          expect(catalog.idOf(position + 1)).toBe(expected.itemId);
          expect(catalog.titleOf(position + 1)).toBe(expected.title);
          for (const key of ['genre', 'constructor', '__proto__', 'a b']) {
            const attribute = Object.entries(expected.attributes).find(([other]) => other === key)?.[1];
            expect(catalog.attributeOf(position + 1, key)).toEqual(attribute);
          }
          expect(catalog.unavailable.has(position + 1)).toBe(expected.available === false);
        });
        expect(catalog.unavailable.count).toBe(items.filter(({ available }) => available === false).length);
        if (!items.some((one) => one.itemId === other)) expect(catalog.indexOf(other)).toBeUndefined();
        expect(catalog.indexOf('')).toBeUndefined();
      }),
      { numRuns: 100 },
    );
  });

  it('finds each of many ids that share slots of its table', () => {
    const items = Array.from({ length: 5000 }, (_, position) => ({ itemId: `item-${position}`, attributes: {} }));
    const catalog = catalogOf([padding, ...items]);
    items.forEach(({ itemId: id }, position) => expect(catalog.indexOf(id)).toBe(position + 1));
    for (let other = 5000; other < 10_000; other++) expect(catalog.indexOf(`item-${other}`)).toBeUndefined();
    expect(catalog.indexOf('item-1'.repeat(100))).toBeUndefined();
  });

  it('counts the items with a value, each once', () => {
    const tagged = [['x', 'y', 'x'], ['x'], []].map((tags, position) => ({
      itemId: `item${position}`,
      attributes: { tags },
    }));
    const [column] = catalogOf([padding, ...tagged]).columns;
    if (column?.type !== 'list') throw new Error('tags are no list');
    expect([column.values.texts.at(0), column.values.texts.at(1)]).toEqual(['x', 'y']);
    expect([...column.values.counts]).toEqual([2, 1]);
  });

  it('refuses inconsistent columns', () => {
    const { tensors, metadata } = encodeCatalog([padding, { itemId: 'a', attributes: { genre: 'crime' } }]);
    const refused = expect.objectContaining({ code: 'BUNDLE_INVALID' }) as Error;
    for (const tensor of Object.keys(tensors)) {
      const others = Object.fromEntries(Object.entries(tensors).filter(([name]) => name !== tensor));
      expect(() => openCatalog(others, metadata)).toThrow(refused);
    }
    const short = { ...tensors, 'attribute/0/codes': { dtype: 'I32', shape: [1], data: new Int32Array(1) } } as const;
    expect(() => openCatalog(short, metadata)).toThrow(refused);
    expect(() => openCatalog(tensors, {})).toThrow(refused);
    expect(() => openCatalog(tensors, { attributes: '[{"name":"genre","type":"poem"}]' })).toThrow(refused);
  });
});
