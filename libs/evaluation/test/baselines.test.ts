import fc from 'fast-check';
import { expect, test } from 'vitest';
import { scoreInBlocks, topNOfBlock } from '../src/block-scorer.ts';
import { blend, createItemCf, ownHistory, popularity, withFallback } from '../src/index.ts';
import type { InteractionColumns } from '../src/index.ts';
import { itemCf } from './item-cf.ts';

/** Rows of [user, item, time]. */
function columns(rows: readonly (readonly [number, number, number])[]): InteractionColumns {
  return {
    users: Int32Array.from(rows, (row) => row[0]),
    items: Int32Array.from(rows, (row) => row[1]),
    times: Float64Array.from(rows, (row) => row[2]),
  };
}

const nobody = { history: new Int32Array(0) };
const rows = columns([
  [0, 1, 10],
  [0, 1, 20],
  [0, 2, 20],
  [1, 1, 30],
  [1, 3, 30],
  [2, 3, 40],
]);

test('counts users for popularity, from a time on (inclusive)', () => {
  expect([...popularity(rows, { catalogSize: 4 })(nobody)]).toEqual([0, 2, 1, 2, 0]);
  expect([...popularity(rows, { catalogSize: 4, since: 20 })(nobody)]).toEqual([0, 2, 1, 2, 0]);
  expect([...popularity(rows, { catalogSize: 4, since: 21 })(nobody)]).toEqual([0, 1, 0, 2, 0]);
});

test('ranks own history by count, equal counts by the fallback, then the rest by the fallback', () => {
  const score = ownHistory(popularity(rows, { catalogSize: 5 }));
  const block = scoreInBlocks(score).scoreBlock([{ history: Int32Array.of(4, 2, 4, 1) }]);
  const ranked = topNOfBlock(block, 0, 5, { tieSeed: 1 });
  expect([...ranked]).toEqual([4, 1, 2, 3, 5]);
});

test('ranks every item of the primary scorer above every item of the fallback', () => {
  const scores = fc.array(fc.nat(1000), { minLength: 5, maxLength: 5 });
  fc.assert(
    fc.property(scores, scores, (primary, fallback) => {
      const merged = withFallback(
        () => Float32Array.from(primary),
        () => Float32Array.from(fallback),
      )(nobody);
      for (let a = 1; a < 5; a++) {
        for (let b = 1; b < 5; b++) {
          if (primary[a]! > primary[b]!) expect(merged[a]!).toBeGreaterThan(merged[b]!);
          if (primary[a] === 0 && primary[b] === 0) {
            expect(Math.sign(merged[a]! - merged[b]!)).toBe(Math.sign(fallback[a]! - fallback[b]!));
          }
        }
      }
    }),
  );
});

test('blends scores with popularity and own history, each relative to its highest value', () => {
  const scorer =
    (...scores: number[]) =>
    () =>
      Float32Array.of(0, ...scores);
  const blended = blend(scorer(4, 0, 2), scorer(1, 2, 0), { popularity: 0.5, own: 3 })({
    history: Int32Array.of(3, 1, 3),
  });
  expect([...blended]).toEqual([0, 1 + 0.25 + 1.5, 0.5, 0.5 + 3]);
  const unknown = blend(scorer(0, 0, 0), scorer(1, 2, 0), { popularity: 1, own: 1 })(nobody);
  expect([...unknown]).toEqual([0, 0.5, 1, 0]);
});

test('computes cosine as by hand: |U_i and U_j| / sqrt(|U_i| |U_j|), the item itself included', () => {
  const scores = itemCf(rows, { catalogSize: 3, neighbors: 3, weights: 'cosine' })({ history: Int32Array.of(1) });
  expect(scores[1]).toBeCloseTo(1, 6);
  expect(scores[2]).toBeCloseTo(1 / Math.sqrt(2), 6);
  expect(scores[3]).toBeCloseTo(1 / 2, 6);
});

/** The same by dense matrices, straight from the formula. */
function denseBm25(data: InteractionColumns, catalogSize: number, users: number, k1: number, b: number): number[][] {
  const counts = Array.from({ length: catalogSize + 1 }, () => new Array<number>(users).fill(0));
  data.items.forEach((item, row) => counts[item]![data.users[row]!]!++);
  const lengths = counts.map((row) => row.reduce((total, count) => total + count, 0));
  const mean = lengths.reduce((total, length) => total + length, 0) / catalogSize;
  const weights = counts.map((row, item) =>
    row.map((count, user) => {
      const items = counts.filter((other) => other[user]! > 0).length;
      const norm = k1 * (1 - b + (b * lengths[item]!) / mean);
      return ((count * (k1 + 1)) / (norm + count)) * (Math.log(catalogSize) - Math.log1p(items));
    }),
  );
  return weights.map((row) => weights.map((other) => row.reduce((dot, value, user) => dot + value * other[user]!, 0)));
}

test('equals the dense BM25 formula on any interactions when all neighbors are kept', () => {
  const row = fc.tuple(fc.nat(4), fc.integer({ min: 1, max: 6 }), fc.constant(0));
  fc.assert(
    fc.property(
      fc.array(row, { minLength: 1, maxLength: 40 }),
      fc.array(fc.integer({ min: 1, max: 6 })),
      (data, past) => {
        const interactions = columns(data);
        const similarity = denseBm25(interactions, 6, 5, 1.2, 0.75);
        const score = itemCf(interactions, {
          catalogSize: 6,
          neighbors: 6,
          weights: 'bm25',
          fitCounts: 'repeated',
          scoreCounts: 'repeated',
        });
        const scores = score({ history: Int32Array.from(past) });
        for (let item = 1; item <= 6; item++) {
          const expected = past.reduce((total, other) => total + similarity[other]![item]!, 0);
          expect(scores[item]!).toBeCloseTo(expected, 3);
        }
      },
    ),
  );
});

test('ignores repeats in fit and score with distinct counts, and can score by the newest behaviors only', () => {
  const options = { catalogSize: 4, neighbors: 4, weights: 'bm25' } as const;
  const once = columns([
    [0, 1, 0],
    [0, 2, 0],
    [1, 1, 0],
    [1, 3, 0],
    [2, 3, 0],
  ]);
  expect(itemCf(rows, options)({ history: Int32Array.of(1, 1) })).toEqual(
    itemCf(once, options)({ history: Int32Array.of(1) }),
  );
  const last = itemCf(rows, { ...options, lastBehaviors: 1 });
  expect(last({ history: Int32Array.of(2, 3) })).toEqual(last({ history: Int32Array.of(3) }));
});

test('keeps only the nearest neighbors', () => {
  const score = itemCf(rows, { catalogSize: 3, neighbors: 2, weights: 'cosine' });
  expect([...score({ history: Int32Array.of(1) })].filter((value) => value > 0)).toHaveLength(2);
});

test('filters with different settings that share their neighbors equal separate ones', () => {
  const row = fc.tuple(fc.nat(4), fc.integer({ min: 1, max: 6 }), fc.constant(0));
  fc.assert(
    fc.property(fc.array(row, { minLength: 1, maxLength: 40 }), fc.integer({ min: 1, max: 6 }), (data, neighbors) => {
      const interactions = columns(data);
      const shared = createItemCf(interactions, { catalogSize: 6, neighborsMax: 6 });
      const history = interactions.items.slice(0, 4);
      for (const weights of ['bm25', 'cosine'] as const) {
        const { score, parameters } = shared({ weights, neighbors });
        const separate = createItemCf(interactions, { catalogSize: 6, neighborsMax: neighbors })({
          weights,
          neighbors,
        });
        expect(score({ history })).toEqual(separate.score({ history }));
        expect(parameters).toBe(separate.parameters);
      }
    }),
  );
});

test('weighs recent behaviors more, and each behavior of a repeated item if repeats count', () => {
  const options = { catalogSize: 3, neighbors: 1, weights: 'cosine', decay: 0.5 } as const;
  const history = Int32Array.of(2, 1, 3, 1);
  // With one neighbor, each item is its own neighbor with similarity 1.
  expect([...itemCf(rows, options)({ history })]).toEqual([0, 1, 0.125, 0.5]);
  expect([...itemCf(rows, { ...options, scoreCounts: 'repeated' })({ history })]).toEqual([0, 1.25, 0.125, 0.5]);
});
