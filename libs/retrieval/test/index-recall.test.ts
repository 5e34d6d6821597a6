import { expect, test } from 'vitest';
import { measureIndexRecall } from '../src/index.ts';
import type { VectorIndex } from '../src/index.ts';
import { buildExactIndex } from './exact-index.ts';

const exact = buildExactIndex(
  Float32Array.from({ length: 10 }, (_, row) => 10 - row),
  1,
);

/** Returns an index that never finds some items. */
function without(index: VectorIndex, missing: number): VectorIndex {
  return {
    ...index,
    async search(queries, k) {
      const result = await index.search(queries, k);
      const gaps = (position: number) => result.ids[position] === missing;
      return {
        k,
        ids: result.ids.map((id, position) => (gaps(position) ? -1 : id)),
        scores: result.scores.map((score, position) => (gaps(position) ? -Infinity : score)),
      };
    },
  };
}

test('is the mean share of the exact nearest items, over several calls', async () => {
  const queries = new Float32Array(130).fill(1);
  expect(await measureIndexRecall(exact, exact, queries, 5)).toBe(1);
  expect(await measureIndexRecall(without(exact, 2), exact, queries, 5)).toBeCloseTo(0.8, 9);
  expect(await measureIndexRecall(without(exact, 9), exact, queries, 5)).toBe(1);
  expect(await measureIndexRecall(exact, exact, queries, 50)).toBe(1);
});

test('counts another item with the last score, so that duplicates cost nothing', async () => {
  const twins = buildExactIndex(Float32Array.of(1, 1, 0), 1);
  const reversed: VectorIndex = {
    ...twins,
    search: async () => ({ k: 1, ids: Int32Array.of(2), scores: Float32Array.of(1) }),
  };
  expect(await measureIndexRecall(reversed, twins, Float32Array.of(1), 1)).toBe(1);
});

test('refuses indexes of different items', async () => {
  const other = buildExactIndex(new Float32Array(3), 1);
  await expect(measureIndexRecall(other, exact, Float32Array.of(1), 1)).rejects.toThrow(/differ: 3 x 1 and/);
});
