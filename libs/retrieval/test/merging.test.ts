import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { insertCandidates, listLimit, mergeLists, mergeModes, mergeNames, rescoreLists } from '../src/index.ts';
import type { Candidate, InterestList, Merge } from '../src/index.ts';
import { divideByShares } from '../src/merging/interest-lists.ts';

const byScore = (a: { score: number; item: number }, b: { score: number; item: number }): number =>
  b.score - a.score || a.item - b.item;

/** `[K][N]` scores of items 1..N. Small integers make ties common. */
const scoreTable = fc
  .tuple(fc.integer({ min: 1, max: 4 }), fc.integer({ min: 1, max: 30 }))
  .chain(([interests, items]) =>
    fc.array(fc.array(fc.integer({ min: -9, max: 9 }), { minLength: items, maxLength: items }), {
      minLength: interests,
      maxLength: interests,
    }),
  );

/**
 * Returns the best `length` items of each interest, as retrieval does. Interest numbers are 0, 2, 4 …, so some have no
 * list.
 */
function listsOf(table: number[][], length: number): InterestList[] {
  return table.map((scores, row) => {
    const best = scores
      .map((score, column) => ({ item: column + 1, score }))
      .sort(byScore)
      .slice(0, length);
    return {
      interest: 2 * row,
      items: Int32Array.from(best, ({ item }) => item),
      scores: Float32Array.from(best, ({ score }) => score),
    };
  });
}

/** Lists of any length with any items. */
const looseLists = fc
  .array(fc.dictionary(fc.integer({ min: 1, max: 20 }).map(String), fc.integer({ min: -9, max: 9 })), { maxLength: 4 })
  .map((dictionaries) =>
    dictionaries.map((scoreOf, interest): InterestList => {
      const best = Object.entries(scoreOf)
        .map(([item, score]) => ({ item: Number(item), score }))
        .sort(byScore);
      return {
        interest,
        items: Int32Array.from(best, ({ item }) => item),
        scores: Float32Array.from(best, ({ score }) => score),
      };
    }),
  );

const quotas = fc.array(fc.nat(12), { maxLength: 8 });
const anyMerge: fc.Arbitrary<Merge> = fc.oneof(
  fc.constantFrom(...mergeNames).map((by) => ({ by, ...mergeModes[by].example }) as Merge),
  fc
    .tuple(fc.option(quotas), fc.option(fc.oneof(quotas, fc.constant('equal' as const))))
    .map(([floors, shares]): Merge => ({ by: 'quota', floors: floors ?? undefined, shares: shares ?? undefined })),
  fc.nat(3).map((lambda): Merge => ({ by: 'diverse', lambda, attribute: 'brand' })),
);
const categoryOf = (item: number) => (item % 5 === 0 ? undefined : item % 3);
const merge = (lists: readonly InterestList[], by: Merge, limit: number) =>
  mergeLists(lists, by, limit, { attributeOf: categoryOf });

test('every merge returns distinct items, a full page, and scores and interests of the lists, deterministically', () => {
  fc.assert(
    fc.property(looseLists, anyMerge, fc.nat(25), (lists, by, limit) => {
      const merged = merge(lists, by, limit);
      const union = new Set(lists.flatMap(({ items }) => [...items]));
      expect(new Set(merged.map(({ item }) => item)).size).toBe(merged.length);
      expect(merged).toHaveLength(Math.min(limit, union.size));
      for (const { item, score, interest } of merged) {
        const { items, scores } = lists[interest]!;
        expect(scores[items.indexOf(item)]).toBe(score);
      }
      expect(merge(lists, by, limit)).toEqual(merged);
    }),
    { numRuns: 500 },
  );
});

test('max equals the maximum over all items, from the best items of each interest only', () => {
  fc.assert(
    fc.property(scoreTable, fc.integer({ min: 1, max: 35 }), (table, limit) => {
      const expected = table[0]!
        .map((_, column): Candidate => {
          const scores = table.map((row) => row[column]!);
          const score = Math.max(...scores);
          return { item: column + 1, score, interest: 2 * scores.indexOf(score) };
        })
        .sort(byScore)
        .slice(0, limit);
      expect(merge(listsOf(table, limit), { by: 'max' }, limit)).toEqual(expected);
    }),
  );
});

describe('quota', () => {
  test('meets floors if there is room, divides the rest by shares, and takes the best items first', () => {
    fc.assert(
      fc.property(
        scoreTable,
        fc.integer({ min: 1, max: 35 }),
        quotas,
        fc.option(quotas, { nil: undefined }),
        (table, limit, floors, shares) => {
          const lists = listsOf(table, limit);
          const merged = merge(lists, { by: 'quota', floors, shares }, limit);
          expect(merged).toEqual([...merged].sort(byScore));
          const wanted = lists.map(({ interest }) => floors[interest] ?? 0);
          const left = limit - wanted.reduce((sum, floor) => sum + floor, 0);
          // With fewer items than slots, all items are returned for any interest.
          if (left < 0 || table[0]!.length < limit) return;
          const parts = divideByShares(left, shares === undefined ? [0] : lists.map((l) => shares[l.interest] ?? 0));
          lists.forEach(({ interest }, list) => {
            const count = merged.filter((candidate) => candidate.interest === interest).length;
            expect(count).toBeGreaterThanOrEqual(wanted[list]! + (shares === undefined ? 0 : parts[list]!));
          });
        },
      ),
      { numRuns: 500 },
    );
  });

  test('equals max without floors and shares, and with zero shares', () => {
    fc.assert(
      fc.property(looseLists, fc.nat(25), (lists, limit) => {
        const max = merge(lists, { by: 'max' }, limit);
        expect(merge(lists, { by: 'quota' }, limit)).toEqual(max);
        expect(merge(lists, { by: 'quota', shares: [0, 0] }, limit)).toEqual(max);
      }),
    );
  });

  const strong: InterestList = {
    interest: 0,
    items: Int32Array.of(1, 2, 3, 4),
    scores: Float32Array.of(9, 8, 7, 6),
  };
  const weak: InterestList = { interest: 1, items: Int32Array.of(1, 5, 6, 7), scores: Float32Array.of(4, 3, 2, 1) };

  test('counts an item of two interests for the one that scores it higher, and fills a floor once', () => {
    expect(merge([strong, weak], { by: 'quota', floors: [1, 1] }, 3)).toEqual([
      { item: 1, score: 9, interest: 0 },
      { item: 2, score: 8, interest: 0 },
      { item: 5, score: 3, interest: 1 },
    ]);
  });

  test('gives an odd slot to the first of equal shares, and reduces excessive floors proportionally', () => {
    const interestsOf = (by: Merge, limit: number) => merge([strong, weak], by, limit).map(({ interest }) => interest);
    expect(interestsOf({ by: 'quota', shares: 'equal' }, 3)).toEqual([0, 0, 1]);
    expect(interestsOf({ by: 'quota', shares: [1, 3] }, 4)).toEqual([0, 1, 1, 1]);
    expect(interestsOf({ by: 'quota', floors: [2, 6] }, 4)).toEqual([0, 1, 1, 1]);
  });

  test('gives slots that an interest cannot fill to the others', () => {
    const short: InterestList = { interest: 1, items: Int32Array.of(5), scores: Float32Array.of(3) };
    expect(merge([strong, short], { by: 'quota', shares: [1, 3] }, 4).map(({ item }) => item)).toEqual([1, 2, 3, 5]);
  });
});

test('round-robin takes the best remaining item of each interest, and none is two turns ahead', () => {
  fc.assert(
    fc.property(scoreTable, fc.integer({ min: 1, max: 30 }), (table, limit) => {
      const lists = listsOf(table, limit);
      const merged = merge(lists, { by: 'round-robin' }, limit);
      const taken = new Set<number>();
      const turns = new Map(lists.map(({ interest }) => [interest, 0]));
      for (const { item, interest } of merged) {
        const { items } = lists.find((list) => list.interest === interest)!;
        expect(item).toBe(items.find((candidate) => !taken.has(candidate)));
        taken.add(item);
        turns.set(interest, turns.get(interest)! + 1);
        expect(Math.max(...turns.values()) - Math.min(...turns.values())).toBeLessThanOrEqual(1);
      }
      expect(merged[0]).toEqual(merge(lists, { by: 'max' }, 1)[0]);
    }),
  );
});

describe('diverse', () => {
  test('equals the greedy choice of f + λ Σ g', () => {
    fc.assert(
      fc.property(scoreTable, fc.integer({ min: 1, max: 12 }), fc.nat(3), (table, limit, lambda) => {
        const by: Merge = { by: 'diverse', lambda, attribute: 'brand' };
        const lists = listsOf(table, listLimit(by, limit));
        const pool = merge(lists, { by: 'max' }, listLimit(by, limit));
        const range = pool[0]!.score - pool[Math.min(limit, pool.length) - 1]!.score || 1;
        const chosen: Candidate[] = [];
        while (chosen.length < Math.min(limit, pool.length)) {
          const gain = ({ item, score }: Candidate): number =>
            score + lambda * range * chosen.filter((other) => categoryOf(other.item) !== categoryOf(item)).length;
          const open = pool.filter((candidate) => !chosen.includes(candidate));
          chosen.push(open.reduce((best, candidate) => (gain(candidate) > gain(best) ? candidate : best)));
        }
        expect(merge(lists, by, limit)).toEqual(chosen);
      }),
      { numRuns: 500 },
    );
  });

  test('equals max with λ = 0', () => {
    fc.assert(
      fc.property(looseLists, fc.nat(25), (lists, limit) => {
        const none: Merge = { by: 'diverse', lambda: 0, attribute: 'brand' };
        expect(merge(lists, none, limit)).toEqual(merge(lists, { by: 'max' }, limit));
      }),
    );
  });

  test('never has fewer pairs of different categories for a larger λ', () => {
    fc.assert(
      fc.property(scoreTable, fc.integer({ min: 1, max: 12 }), (table, limit) => {
        const pairs = (lambda: number): number => {
          const by: Merge = { by: 'diverse', lambda, attribute: 'brand' };
          const items = merge(listsOf(table, listLimit(by, limit)), by, limit).map(({ item }) => categoryOf(item));
          return items.flatMap((a) => items.filter((b) => a !== b)).length;
        };
        expect(pairs(3)).toBeGreaterThanOrEqual(pairs(0));
        expect(pairs(100)).toBeGreaterThanOrEqual(pairs(3));
      }),
    );
  });
});

test('divides all slots by shares, each part less than 1 from the exact one, largest remainders first', () => {
  fc.assert(
    fc.property(fc.nat(1000), fc.array(fc.nat(50), { minLength: 1, maxLength: 6 }), (slots, shares) => {
      const parts = divideByShares(slots, shares);
      const total = shares.reduce((sum, share) => sum + share, 0);
      expect(parts.reduce((sum, part) => sum + part, 0)).toBe(total === 0 ? 0 : slots);
      parts.forEach((part, k) => {
        expect(Math.abs(part - (total === 0 ? 0 : (slots * shares[k]!) / total))).toBeLessThan(1);
      });
    }),
  );
  expect(divideByShares(10, [1, 1, 1])).toEqual([4, 3, 3]);
  expect(divideByShares(10, [0.15, 0.5, 0.35])).toEqual([2, 5, 3]);
});

test('inserts candidates at their rank in the list of their interest', () => {
  const list: InterestList = { interest: 1, items: Int32Array.of(4, 9), scores: Float32Array.of(3, 1) };
  const inserted = insertCandidates(
    [list],
    [
      { item: 5, score: 3, interest: 1 },
      { item: 2, score: 3, interest: 1 },
      { item: 7, score: 0.1, interest: 1 },
      { item: 8, score: 2, interest: 0 },
    ],
  );
  expect(inserted).toEqual([
    { interest: 0, items: Int32Array.of(8), scores: Float32Array.of(2) },
    { interest: 1, items: Int32Array.of(2, 4, 5, 9, 7), scores: Float32Array.of(3, 3, 3, 1, 0.1) },
  ]);
  expect(insertCandidates([list], [])).toEqual([list]);
});

test('lists with new scores contain the best items of all lists', () => {
  fc.assert(
    fc.property(scoreTable, fc.integer({ min: 1, max: 30 }), (table, count) => {
      const meanOf = (item: number): number => table.reduce((sum, scores) => sum + scores[item - 1]!, 0) / table.length;
      const lists = listsOf(table, count);
      const items = [...new Set(lists.flatMap((list) => [...list.items]))];
      const scored = rescoreLists(lists, count, (item) => ({ score: meanOf(item), interest: item % 2 }));
      const expected = items.map((item) => Math.fround(meanOf(item))).sort((a, b) => b - a);
      const found = merge(scored, { by: 'max' }, count);
      expect(found.map(({ score }) => score)).toEqual(expected.slice(0, count));
      for (const { item, interest } of found) expect(interest).toBe(item % 2);
    }),
  );
});

test('only items that can be among the best get a new score', () => {
  const asked: number[] = [];
  const lists = listsOf(
    [
      [9, 8, 7, 1, 0],
      [9, 8, 7, 1, 0],
    ],
    5,
  );
  rescoreLists(lists, 2, (item) => {
    asked.push(item);
    return { score: 10 - item, interest: 0 };
  });
  expect(asked).toEqual([1, 2]);
});
