import { expect, test } from 'vitest';
import {
  candidateOverlap,
  effectiveBehaviors,
  interestShares,
  interestSimilarity,
  singleInterestRecall,
  winningInterest,
} from '../src/index.ts';

test('collapsed interests have cosine 1 whatever their lengths, orthogonal ones 0', () => {
  const collapsed = { interests: Float32Array.of(1, 2, 2, 4, 3, 6), active: 3 };
  expect(interestSimilarity([collapsed], 2).meanCosine).toBeCloseTo(1, 6);
  const orthogonal = { interests: Float32Array.of(1, 0, 0, 5, 9, 9), active: 2 };
  expect(interestSimilarity([orthogonal], 2)).toEqual({ users: 1, meanCosine: 0, meanMaxCosine: 0, maxCosine: 0 });
});

test('inactive and zero interests take no part, and a user with one interest has no pair', () => {
  const users = [
    { interests: Float32Array.of(1, 0, 1, 0), active: 1 },
    { interests: Float32Array.of(1, 0, 0, 0), active: 2 },
    { interests: Float32Array.of(1, 0, -1, 0, 0, 1), active: 3 },
  ];
  const similarity = interestSimilarity(users, 2);
  expect(similarity.users).toBe(1);
  expect(similarity.meanCosine).toBeCloseTo(-1 / 3, 6);
  expect(similarity.maxCosine).toBe(0);
});

test('effective interests: K when all win alike, 1 when one wins everything', () => {
  expect(interestShares([0, 1, 2, 3, 0, 1, 2, 3], 4).effectiveInterests).toBeCloseTo(4, 9);
  const single = interestShares([2, 2, 2], 4);
  expect(single.effectiveInterests).toBeCloseTo(1, 9);
  expect([...single.shares]).toEqual([0, 0, 1, 0]);
  expect(interestShares([], 4).effectiveInterests).toBe(0);
});

test('the winning interest is the argmax over active interests only', () => {
  const interests = Float32Array.of(1, 0, 0, 1, 5, 5);
  expect(winningInterest(interests, 2, Float32Array.of(1, 2))).toBe(1);
  expect(winningInterest(interests, 3, Float32Array.of(1, 2))).toBe(2);
  expect(winningInterest(interests, 0, Float32Array.of(1, 2))).toBe(-1);
});

test('the best single interest against the merge', () => {
  const user = {
    perInterest: [Int32Array.of(1, 2), Int32Array.of(3, 4)],
    merged: Int32Array.of(1, 3),
    truth: { items: Int32Array.of(1, 3), absent: 0 },
  };
  const oneInterest = { ...user, perInterest: [Int32Array.of(1, 3)] };
  const recall = singleInterestRecall([user, oneInterest], 2);
  expect(recall).toEqual({ users: 2, merged: 1, perInterest: [0.75, 0.25], best: 0.75 });
});

test('overlap of candidate lists', () => {
  expect(candidateOverlap([Int32Array.of(1, 2), Int32Array.of(2, 3), new Int32Array(0)])).toBe(0.5);
  expect(candidateOverlap([Int32Array.of(1, 2), Int32Array.of(2, 1)])).toBe(1);
  expect(candidateOverlap([Int32Array.of(1)])).toBeUndefined();
});

test('effective behaviors: 1 for a single behavior, n for equal weights', () => {
  const effective = effectiveBehaviors(Float32Array.of(0, 1, 0, 0.5, 0.5, 0.5, 0, 0, 0), 3, 3);
  expect(effective[0]).toBeCloseTo(1, 9);
  expect(effective[1]).toBeCloseTo(3, 6);
  expect(effective[2]).toBe(0);
});
