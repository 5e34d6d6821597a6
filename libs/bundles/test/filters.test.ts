import { parseWith } from '@facet/platform';
import { createBitmap, itemSet, setBit } from '@facet/retrieval';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AttributeFilter, compileFilter, intersectAllowed, labelGroups } from '../src/index.ts';
import type { BundleView, CatalogItem, FilteredItems } from '../src/index.ts';
import { createItemTest, createLruCache } from '../src/filters/compile-filter.ts';
import { filterOperators, operatorNames } from '../src/filters/filter-operators.ts';
import type { Operands } from '../src/filters/filter-operators.ts';
import { catalogOf } from '../testing/small-bundle.ts';

const padding: CatalogItem = { itemId: '', attributes: {} };

/** Returns the parts of a view that filters and labels read. */
function viewOf(items: readonly CatalogItem[], delta: ReadonlyMap<number, CatalogItem> = new Map()): BundleView {
  const catalog = catalogOf([padding, ...items]);
  const itemCount = Math.max(items.length, ...delta.keys());
  const itemAt = (item: number): CatalogItem => delta.get(item) ?? catalog.itemAt(item);
  const bits = createBitmap(itemCount);
  for (let item = 1; item <= itemCount; item++) setBit(bits, item, itemAt(item).available === false);
  return { catalog, deltaItems: delta, itemCount, itemAt, unavailable: itemSet(bits) } as BundleView;
}

const name = fc.constantFrom('genre', 'price', 'constructor', 'never');
const text = fc.constantFrom('crime', 'opera', '5', '1e1', '-3.5', '', 'true', 'NaN', '日本');
const scalar = fc.oneof(text, fc.constantFrom(5, 10, -3.5, 0, 0.1), fc.boolean());
const item = fc.record(
  {
    itemId: fc.constant(''),
    available: fc.boolean(),
    attributes: fc
      .uniqueArray(
        fc.tuple(fc.constantFrom('genre', 'price', 'constructor'), fc.oneof(scalar, fc.array(text, { maxLength: 3 }))),
        {
          selector: ([key]) => key,
        },
      )
      .map((entries) => Object.fromEntries(entries)),
  },
  { requiredKeys: ['itemId', 'attributes'] },
);
const itemsFrom = (prefix: string, max: number): fc.Arbitrary<CatalogItem[]> =>
  fc.array(item, { maxLength: max }).map((all) => all.map((facts, at) => ({ ...facts, itemId: `${prefix}${at}` })));
const bound = fc.constantFrom(-4, -3.5, 0, 5, 7, 10);
const condition = fc.record(
  { in: fc.array(scalar, { maxLength: 3 }), notIn: fc.array(scalar, { maxLength: 3 }), min: bound, max: bound },
  { requiredKeys: [] },
);
const filter: fc.Arbitrary<AttributeFilter> = fc.record(
  {
    attributes: fc
      .uniqueArray(fc.tuple(name, condition), { selector: ([key]) => key, maxLength: 3 })
      .map(Object.fromEntries),
    available: fc.boolean(),
  },
  { requiredKeys: [] },
) as fc.Arbitrary<AttributeFilter>;

/** A second implementation of the schema's semantics. */
function isAllowed({ attributes = {}, available }: AttributeFilter, facts: CatalogItem): boolean {
  if (available === true && facts.available === false) return false;
  if (available === false && facts.available !== false) return false;
  for (const [key, { in: wanted, notIn, min, max }] of Object.entries(attributes)) {
    const value = Object.entries(facts.attributes).find(([attribute]) => attribute === key)?.[1];
    const values = value === undefined ? [] : Array.isArray(value) ? (value as string[]) : [value as string];
    if (wanted !== undefined && !values.some((one) => wanted.some((other) => `${other}` === `${one}`))) return false;
    if (notIn !== undefined && values.some((one) => notIn.some((other) => `${other}` === `${one}`))) return false;
    if (min === undefined && max === undefined) continue;
    const inRange = values.some((one) => {
      const number = typeof one === 'boolean' || `${one}` === '' ? NaN : Number(one);
      return (min === undefined || number >= min) && (max === undefined || number <= max) && !Number.isNaN(number);
    });
    if (!inRange) return false;
  }
  return true;
}

function expectItems(allowed: FilteredItems, expected: readonly number[], itemCount: number): void {
  expect([...allowed.items()]).toEqual(expected);
  expect(allowed.count).toBe(expected.length);
  const all = Array.from({ length: 8 * Math.ceil(itemCount / 8) + 1 }, (_, at) => at);
  expect(allowed.bitmap).toHaveLength(Math.ceil(itemCount / 8));
  expect(all.filter((one) => allowed.has(one))).toEqual(expected);
  expect(all.slice(1).filter((one) => (allowed.bitmap[(one - 1) >> 3]! >> ((one - 1) & 7)) & 1)).toEqual(expected);
}

/** Two operands of each kind that select different items by any operator. */
const operandPairs: { readonly [Kind in keyof Operands]: readonly [Operands[Kind], Operands[Kind]] } = {
  values: [[3], [5, 9]],
  number: [3, 5],
};

describe('a filter', () => {
  it('allows exactly the items that meet its conditions, with current facts of the delta', () => {
    fc.assert(
      fc.property(
        itemsFrom('item', 30),
        itemsFrom('now', 6),
        itemsFrom('new', 12),
        filter,
        (items, now, added, asked) => {
          const delta = new Map<number, CatalogItem>();
          now.slice(0, items.length).forEach((facts, at) => delta.set(1 + ((at * 7) % items.length), facts));
          added.forEach((facts, at) => delta.set(items.length + 1 + at, facts));
          for (const view of [viewOf(items), viewOf(items, delta)]) {
            const expected = Array.from({ length: view.itemCount }, (_, at) => at + 1).filter((one) =>
              isAllowed(asked, view.itemAt(one)),
            );
            expectItems(compileFilter(view, asked), expected, view.itemCount);
          }
        },
      ),
      { numRuns: 150 },
    );
  });

  it('combined with others allows items that pass all of them', () => {
    fc.assert(
      fc.property(itemsFrom('item', 30), filter, filter, (items, one, other) => {
        const view = viewOf(items);
        const both = intersectAllowed([compileFilter(view, one), compileFilter(view, other)]);
        const expected = Array.from(items.keys(), (at) => at + 1).filter(
          (at) => isAllowed(one, items[at - 1]!) && isAllowed(other, items[at - 1]!),
        );
        expectItems(both, expected, items.length);
      }),
    );
  });

  it('names the attributes that no item has, in the bundle or the delta', () => {
    const view = viewOf(
      [{ itemId: 'a', attributes: { genre: 'crime' } }],
      new Map([[2, { itemId: 'b', attributes: { size: 'xl' } }]]),
    );
    const allowed = (attributes: AttributeFilter['attributes']): FilteredItems =>
      compileFilter(view, { ...(attributes === undefined ? {} : { attributes }) });
    const found = allowed({ genre: { in: ['crime'] }, gnere: { in: ['crime'] }, size: {} });
    expect(found).toMatchObject({ count: 0, unknownAttributes: ['gnere'] });
    expect(allowed({ gnere: { notIn: ['crime'] } })).toMatchObject({ count: 2, unknownAttributes: ['gnere'] });
    expect(allowed({ size: { in: ['xl'] } })).toMatchObject({ count: 1, unknownAttributes: [] });
    expect(allowed(undefined)).toMatchObject({ count: 2, unknownAttributes: [] });
  });

  it('in another order is evaluated once per view, and again for another view', () => {
    const items = [{ itemId: 'a', attributes: { genre: 'crime', price: 3 } }];
    const [one, other] = [viewOf(items), viewOf(items)];
    const first = compileFilter(one, { attributes: { genre: { in: ['crime', '5'] }, price: { min: 1 } } });
    const again = compileFilter(one, { attributes: { price: { min: 1 }, genre: { in: [5, 'crime', 'crime'] } } });
    expect(again).toBe(first);
    const elsewhere = compileFilter(other, { attributes: { price: { min: 1 }, genre: { in: [5, 'crime'] } } });
    expect(elsewhere).not.toBe(first);
    expect(compileFilter(one, { attributes: { genre: { in: ['crime', '5'] }, price: { max: 1 } } }).count).toBe(0);
  });

  it.each(operatorNames)('with %s returns its own items, never those cached for another operand', (operator) => {
    const [one, other] = operandPairs[filterOperators[operator].operand];
    const view = viewOf(
      [1, 3, 5, 9].map((value) => ({ itemId: `item${value}`, attributes: { value } })),
      new Map([[5, { itemId: 'new', attributes: { value: 3 } }]]),
    );
    const filters = [{}, { [operator]: one }, { [operator]: other }].map((value) => ({ attributes: { value } }));
    const found = filters.map((asked) => compileFilter(view, asked));
    expect(new Set(found.map((items) => [...items.items()].join()))).toHaveProperty('size', 3);
    filters.forEach((asked, at) => {
      const passes = createItemTest(asked.attributes);
      const expected = [1, 2, 3, 4, 5].filter((item) => passes(view.itemAt(item)));
      expect([...found[at]!.items()]).toEqual(expected);
    });
  });

  it.each([
    ['above', { attributes: { price: { above: 3 } } }],
    ['min', { attributes: { price: { min: '3' } } }],
    ['in', { attributes: { genre: { in: 'crime' } } }],
    ['in', { attributes: { genre: { in: Array.from({ length: 1001 }, () => 'crime') } } }],
    ['genre', { genre: { in: ['crime'] } }],
    ['available', { available: 'yes' }],
  ])('with a wrong %s is refused naming it', (field, asked) => {
    expect(() => parseWith(AttributeFilter, asked, { source: 'the filter' })).toThrow(field);
  });
});

it('is evicted from the cache when least recently used', () => {
  const kept = createLruCache<string>(2);
  const made: string[] = [];
  const take = (key: string): string => kept.getOrCreate(key, () => (made.push(key), key.toUpperCase()));
  expect(['a', 'b', 'a', 'c', 'a', 'b'].map(take)).toEqual(['A', 'B', 'A', 'C', 'A', 'B']);
  expect(made).toEqual(['a', 'b', 'c', 'b']);
});

describe('labels of items', () => {
  const film = (at: number, genre: string, more: CatalogItem['attributes'] = {}): CatalogItem => ({
    itemId: `film${at}`,
    attributes: { genre, language: 'english', number: `${at % 2}`, ...more },
  });
  const films = Array.from({ length: 100 }, (_, at) =>
    film(at, at < 10 ? 'opera' : 'crime', {
      tags: at < 20 ? ['loud', 'long'] : ['long'],
      note: `note ${at}`,
      hue: `hue ${at}`,
    }),
  );
  const view = viewOf(films);
  const operas = Array.from({ length: 10 }, (_, at) => at + 1);

  const labelItems = (view: BundleView, items: readonly number[]) => labelGroups(view, [items])[0]!;

  it('are values more frequent in the group than in the catalog, best first', () => {
    expect(labelItems(view, operas)).toEqual([
      { attribute: 'genre', value: 'opera', share: 1, lift: 10 },
      { attribute: 'tags', value: 'loud', share: 1, lift: 5 },
    ]);
    const mixed = labelItems(view, [...operas.slice(0, 5), 60, 61, 62, 63, 64]);
    expect(mixed[0]).toMatchObject({ value: 'opera', share: 0.5, lift: 5 });
    expect(labelItems(view, [1, 2, ...Array.from({ length: 18 }, (_, at) => 60 + at)])).toEqual([]);
  });

  it('are at most three, of values that 20 % of the items have', () => {
    const crimes = Array.from({ length: 9 }, (_, at) => 60 + at);
    const fewOperas = (count: number) => labelItems(view, [...operas.slice(0, count), ...crimes.slice(0, 10 - count)]);
    expect(fewOperas(1)).toEqual([]);
    expect(fewOperas(2)[0]).toMatchObject({ value: 'opera' });
    expect(labelItems(view, [])).toEqual([]);
    // One item is described by its rarest values.
    expect(labelItems(view, [3]).map(({ value }) => value)).toEqual(['hue 2', 'note 2', 'opera']);
  });

  it('count an item of the delta with its current values', () => {
    const delta = new Map([
      [50, film(50, 'western')],
      [101, film(101, 'western')],
    ]);
    expect(labelItems(viewOf(films, delta), [50, 101])).toEqual([
      { attribute: 'genre', value: 'western', share: 1, lift: 100 },
    ]);
  });

  it('distinguish each group from the others', () => {
    const loudCrimes = [11, 12, 13, 14, 15];
    const alone = labelItems(view, loudCrimes).map(({ value }) => value);
    expect(alone).toEqual(['loud']);
    const [opera, crime, none] = labelGroups(view, [operas, loudCrimes, []]);
    expect(opera!.map(({ value }) => value)).toEqual(['opera']);
    expect(crime!.map(({ value }) => value)).toEqual([]);
    expect(none).toEqual([]);
  });

  it('can be words of titles, if they are in at least three titles of the group', () => {
    const titled = films.map((one, at) => ({ ...one, title: at % 10 < 3 ? `The Night of ${at}` : `Day ${at}` }));
    const nights = [1, 2, 3, 21, 22, 23];
    expect(labelItems(viewOf(titled), nights)).toEqual(
      expect.arrayContaining([{ attribute: 'title', value: 'night', share: 1, lift: 100 / 30 }]),
    );
    const repeated = films.map((one) => ({ ...one, title: `An ${String(one.attributes['genre'])}` }));
    expect(labelItems(viewOf(repeated), operas).map(({ value }) => value)).toEqual(['opera', 'loud']);
    expect(labelItems(viewOf(titled), [61, 62, 65, 66, 67, 68])).toEqual([]);
  });
});
