import { mix } from '@facet/features';
import { isAppError } from '@facet/platform';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { topN } from '../src/top-n.ts';

/** Sorts everything by the tie rule: score descending, then the seeded hash ascending. */
function sortedTop(scores: Float32Array, n: number, tieSeed: number, exclude: ReadonlySet<number>): number[] {
  const items = [...scores.keys()].slice(1).filter((item) => !exclude.has(item) && scores[item] !== -Infinity);
  items.sort((a, b) => scores[b]! - scores[a]! || mix(a ^ mix(tieSeed)) - mix(b ^ mix(tieSeed)));
  return items.slice(0, n);
}

test('equals a full sort for any scores, ties, exclusions and n', () => {
  fc.assert(
    fc.property(
      fc.array(fc.oneof(fc.integer({ min: -3, max: 3 }), fc.constant(-Infinity)), { minLength: 1, maxLength: 60 }),
      fc.integer({ min: 0, max: 70 }),
      fc.integer(),
      fc.uniqueArray(fc.integer({ min: 0, max: 59 })),
      (values, n, tieSeed, excluded) => {
        const scores = Float32Array.from(values);
        const expected = sortedTop(scores, n, tieSeed, new Set(excluded));
        expect([...topN(scores, n, { exclude: excluded, tieSeed })]).toEqual(expected);
      },
    ),
  );
});

test('never returns padding, however high its score', () => {
  expect([...topN(Float32Array.of(9, 1, 2), 3, { tieSeed: 1 })]).toEqual([2, 1]);
});

test('orders ties neither by index nor alike for all seeds', () => {
  const scores = new Float32Array(101);
  const first = topN(scores, 100, { tieSeed: 1 });
  const ascending = [...first].sort((a, b) => a - b);
  expect([...first]).not.toEqual(ascending);
  expect([...first]).not.toEqual([...topN(scores, 100, { tieSeed: 2 })]);
  const lowIndices = first.subarray(0, 50).filter((item) => item <= 50).length;
  expect(lowIndices).toBeGreaterThan(12);
  expect(lowIndices).toBeLessThan(38);
});

test('refuses a score that is not a number, even of an excluded item, and names the item', () => {
  const attempt = () => topN(Float32Array.of(0, 1, NaN), 1, { exclude: [2], tieSeed: 1 });
  expect(attempt).toThrow(/item index 2/);
  try {
    attempt();
  } catch (error) {
    expect(isAppError(error, 'EVALUATION_SCORE_NAN')).toBe(true);
  }
});
