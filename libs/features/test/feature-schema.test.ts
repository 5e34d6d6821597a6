import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { contentTerms, createFeatureEncoder, learnFeatureSchemas } from '../src/index.ts';
import type { Attributes, FeatureSchema, FeatureSelection } from '../src/index.ts';

const auto: FeatureSelection = { attributes: 'auto', minHolders: 2, maxSlots: 10 };
const times = (count: number, holder: (position: number) => Attributes): Attributes[] =>
  Array.from({ length: count }, (_, position) => holder(position));
const namesOf = (schemas: readonly FeatureSchema[]): string[] => schemas.map(({ name }) => name);

describe('learnFeatureSchemas, auto', () => {
  it('learns shared categories, the most frequent first, ties by value; rare values have no row', () => {
    const holders = ['a', 'b', 'b', 'c', 'c', 'rare', 'b'].map((genre) => ({ genre }));
    expect(learnFeatureSchemas(holders, auto)).toEqual([
      { name: 'genre', kind: 'category', values: ['b', 'c'], edges: [], slots: 1 },
    ]);
  });

  it('returns features in the order of names, for any order of attributes', () => {
    const holders = times(6, (n) => ({ shop: `s${n % 2}`, brand: `b${n % 3}` }));
    expect(namesOf(learnFeatureSchemas(holders, auto))).toEqual(['brand', 'shop']);
    expect(learnFeatureSchemas([...holders].reverse(), auto)).toEqual(learnFeatureSchemas(holders, auto));
  });

  it('skips attributes that all holders have, that none share, or with one shared value', () => {
    const holders = times(10, (n) => ({ all: 'same', unique: `u${n}`, one: n < 8 ? 'x' : `y${n}`, good: `g${n % 2}` }));
    expect(namesOf(learnFeatureSchemas(holders, auto))).toEqual(['good']);
  });

  it('has no row for a value of all holders', () => {
    const holders = times(10, (n) => ({ tags: ['all', `t${n % 2}`] }));
    expect(learnFeatureSchemas(holders, auto)[0]).toMatchObject({ values: ['t0', 't1'] });
  });

  it('skips postcodes: shared values that cover less than half of the holders', () => {
    const holders = times(20, (n) => ({ postcode: n < 8 ? `P${n % 4}` : `Q${n}` }));
    expect(learnFeatureSchemas(holders, auto)).toEqual([]);
    expect(
      namesOf(
        learnFeatureSchemas(
          times(20, (n) => ({ postcode: n < 10 ? `P${n % 5}` : `Q${n}` })),
          auto,
        ),
      ),
    ).toEqual(['postcode']);
  });

  it('skips summaries of interactions, unless the selection names them', () => {
    const holders = times(10, (n) => ({ rating_number: n % 2, 'Also Buy': [`i${n % 2}`], brand: `b${n % 2}` }));
    expect(namesOf(learnFeatureSchemas(holders, auto))).toEqual(['brand']);
    const named: FeatureSelection = { ...auto, attributes: ['rating_number'] };
    expect(namesOf(learnFeatureSchemas(holders, named))).toEqual(['rating_number']);
    expect(contentTerms(holders[1]!)).toEqual(['brand=b1']);
  });

  it('counts only holders with the attribute for coverage', () => {
    const holders = times(40, (n): Readonly<Record<string, string>> => (n < 10 ? { shop: `s${n % 2}` } : {}));
    expect(namesOf(learnFeatureSchemas(holders, auto))).toEqual(['shop']);
  });

  it('counts a value once per holder, with as many slots as a holder has values, at most maxSlots', () => {
    const holders = [{ genre: ['a', 'a', 'b'] }, { genre: ['b', 'c'] }, { genre: 'c' }, { genre: [] }];
    expect(learnFeatureSchemas(holders, auto)[0]).toMatchObject({ values: ['b', 'c'], slots: 2 });
    expect(learnFeatureSchemas(holders, { ...auto, maxSlots: 1 })[0]).toMatchObject({ slots: 1 });
  });

  it('learns nothing without holders or from empty values', () => {
    expect(learnFeatureSchemas([], auto)).toEqual([]);
    expect(learnFeatureSchemas([{ genre: '' }, { genre: '' }], auto)).toEqual([]);
  });
});

describe('learnFeatureSchemas, numbers', () => {
  it('keeps few distinct numbers as categories', () => {
    const schemas = learnFeatureSchemas(
      times(300, (n) => ({ age: n % 100 })),
      auto,
    );
    expect(schemas[0]).toMatchObject({ kind: 'category', slots: 1 });
    expect(schemas[0]!.values).toHaveLength(100);
  });

  it('cuts many numbers into ten bins of equal size', () => {
    const holders = times(1000, (n) => ({ price: n + 0.5 }));
    const [schema] = learnFeatureSchemas(holders, auto);
    expect(schema).toMatchObject({ name: 'price', kind: 'number', slots: 1 });
    expect(schema!.values).toHaveLength(10);
    const encoder = createFeatureEncoder(schema!);
    const sizes = new Array<number>(11).fill(0);
    for (const { price } of holders) sizes[encoder.encode(price)[0]!]!++;
    expect(sizes[0]).toBe(0);
    for (const size of sizes.slice(1)) expect(Math.abs(size - 100)).toBeLessThanOrEqual(1);
  });

  it('accepts numbers as text, and frequent values make no empty bins', () => {
    const holders = times(1000, (n) => ({ price: n < 600 ? '0' : String(n) }));
    const [schema] = learnFeatureSchemas(holders, auto);
    expect(schema!.edges[0]).toBe(0);
    expect(new Set(schema!.edges).size).toBe(schema!.edges.length);
    const encoder = createFeatureEncoder(schema!);
    const rows = new Set(holders.flatMap(({ price }) => encoder.encode(price)));
    expect(rows.size).toBe(schema!.values.length);
  });

  it('treats an attribute with one non-number as categories', () => {
    const holders = times(400, (n) => ({ code: n === 7 ? 'unknown' : String(n % 200) }));
    expect(learnFeatureSchemas(holders, auto)[0]).toMatchObject({ kind: 'category' });
  });

  it('treats lists of one id as categories', () => {
    const holders = times(400, (n) => ({ categories: [String(n % 200)] }));
    const [schema] = learnFeatureSchemas(holders, auto);
    expect(schema).toMatchObject({ kind: 'category' });
    const encoder = createFeatureEncoder(schema!);
    for (const { categories } of holders) expect(encoder.encode(categories)).toHaveLength(1);
  });

  it('bins contain values up to and including their edge; the last bin is open', () => {
    const schema: FeatureSchema = {
      name: 'price',
      kind: 'number',
      values: ['<=1', '<=5', 'more'],
      edges: [1, 5],
      slots: 1,
    };
    const encoder = createFeatureEncoder(schema);
    const rowOf = (value: string | number): number | undefined => encoder.encode(value)[0];
    expect([-9, 1, 1.01, 5, '5', 5.1, 1e9].map(rowOf)).toEqual([1, 1, 2, 2, 2, 3, 3]);
    for (const none of ['', ' ', 'cheap', ['1'], Number.NaN, undefined]) expect(encoder.encode(none)).toEqual([]);
  });
});

describe('learnFeatureSchemas, words', () => {
  const holders = ['Red Tea-Pot', 'red CUP', 'blue cup, large', 'Blue pot'].map((title) => ({ title }));

  it('splits a title into words without case, punctuation and single letters', () => {
    const [schema] = learnFeatureSchemas([...holders, { title: 'A é' }], auto);
    expect(schema).toEqual({
      name: 'title',
      kind: 'words',
      values: ['blue', 'cup', 'pot', 'red'],
      edges: [],
      slots: 3,
    });
    const encoder = createFeatureEncoder(schema!);
    expect(encoder.encode('RED, red "pot" of clay')).toEqual([4, 3]);
  });

  it('accepts words of any script', () => {
    const [schema] = learnFeatureSchemas(
      [{ title: 'чай зелёный' }, { title: 'Чай чёрный' }, { title: '緑茶 чёрный' }],
      auto,
    );
    expect(schema!.values).toEqual(['чай', 'чёрный']);
  });
});

describe('learnFeatureSchemas, named attributes', () => {
  it('returns them in the given order, even those that auto skips, and ignores absent ones', () => {
    const holders = times(10, (n) => ({ brand: `b${n % 2}`, one: n < 5 ? 'x' : `y${n}` }));
    const schemas = learnFeatureSchemas(holders, { ...auto, attributes: ['one', 'absent', 'brand'] });
    expect(namesOf(schemas)).toEqual(['one', 'brand']);
    expect(schemas[0]!.values).toEqual(['x']);
  });

  it('returns a feature that is named twice once', () => {
    const holders = times(10, (n) => ({ title: `red ${n % 2 === 0 ? 'pot' : 'cup'}` }));
    expect(namesOf(learnFeatureSchemas(holders, { ...auto, attributes: ['title', 'title'] }))).toEqual(['title']);
  });
});

describe('createFeatureEncoder', () => {
  const value = fc.oneof(
    fc.constantFrom('a', 'b', 'c', 'd', ''),
    fc.integer({ min: 0, max: 3 }),
    fc.boolean(),
    fc.array(fc.constantFrom('a', 'b', 'c', 'd')),
  );
  it('returns distinct rows within the table, at most one per slot', () => {
    const attributes = fc.record(
      { genre: value, title: fc.constantFrom('a red pot', 'red', 'pot pot cup') },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(fc.array(attributes, { maxLength: 20 }), fc.integer({ min: 1, max: 3 }), (holders, maxSlots) => {
        for (const schema of learnFeatureSchemas(holders, { ...auto, maxSlots })) {
          const encoder = createFeatureEncoder(schema);
          for (const holder of holders) {
            const rows = encoder.encode(holder[schema.name as 'genre' | 'title']);
            expect(rows.length).toBeLessThanOrEqual(schema.slots);
            expect(new Set(rows).size).toBe(rows.length);
            for (const row of rows) expect(row >= 1 && row <= schema.values.length).toBe(true);
          }
        }
      }),
    );
  });

  it('encodes numbers and booleans as their text', () => {
    const encoder = createFeatureEncoder({ name: 'x', kind: 'category', values: ['5', 'true'], edges: [], slots: 1 });
    expect(encoder.encode(5)).toEqual([1]);
    expect(encoder.encode('5')).toEqual([1]);
    expect(encoder.encode(true)).toEqual([2]);
    expect(encoder.encode(false)).toEqual([]);
    expect(encoder.encode(['true', '5'])).toEqual([2]);
  });
});
