import { expect, test } from 'vitest';
import { interestShares, interestSimilarity } from '../src/index.ts';

test('gives cosine 1 for collapsed interests of any length and 0 for orthogonal ones', () => {
  const collapsed = { vectors: Float32Array.of(1, 2, 2, 4, 3, 6), count: 3 };
  expect(interestSimilarity([collapsed], 2).meanCosine).toBeCloseTo(1, 6);
  const orthogonal = { vectors: Float32Array.of(1, 0, 0, 5, 9, 9), count: 2 };
  expect(interestSimilarity([orthogonal], 2)).toEqual({ users: 1, meanCosine: 0, meanMaxCosine: 0, maxCosine: 0 });
});

test('ignores unused and zero interests, and users with one interest', () => {
  const users = [
    { vectors: Float32Array.of(1, 0, 1, 0), count: 1 },
    { vectors: Float32Array.of(1, 0, 0, 0), count: 2 },
    { vectors: Float32Array.of(1, 0, -1, 0, 0, 1), count: 3 },
  ];
  const similarity = interestSimilarity(users, 2);
  expect(similarity.users).toBe(1);
  expect(similarity.meanCosine).toBeCloseTo(-1 / 3, 6);
  expect(similarity.maxCosine).toBe(0);
});

test('gives K effective interests when all win equally often and 1 when one always wins', () => {
  expect(interestShares([0, 1, 2, 3, 0, 1, 2, 3], 4).effectiveInterests).toBeCloseTo(4, 9);
  const single = interestShares([2, 2, 2], 4);
  expect(single.effectiveInterests).toBeCloseTo(1, 9);
  expect([...single.shares]).toEqual([0, 0, 1, 0]);
  expect(interestShares([], 4).effectiveInterests).toBe(0);
});
