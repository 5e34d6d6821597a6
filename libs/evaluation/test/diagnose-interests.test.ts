import { createRandom } from '@facet/features';
import { expect, it } from 'vitest';
import { clusterItems, countClusters, rankingWays, rankLabels, recallOf } from '../src/index.ts';

/** Items 1 to 4 point up, 5 to 8 point right, with falling scores; item 9 is no candidate. */
const dim = 2;
const vectors = Float32Array.from([0, 0, 0, 4, 0, 3, 0, 2, 0, 1, 4.5, 0, 3.5, 0, 2.5, 0, 1.5, 0, 9, 9]);
const candidates = Uint8Array.of(0, 1, 1, 1, 1, 1, 1, 1, 1, 0);
const scoreOf = (scores: readonly number[]): number => Math.max(...scores);
const catalog = { vectors, dim, scoreOf, prior: undefined, candidates };
const user = (history: number[], items: number[], absent = 0) => ({
  history: Int32Array.from(history),
  truth: { items: Int32Array.from(items), absent },
});
const upAndRight = { count: 2, vectors: Float32Array.of(0, 1, 1, 0) };

it('ranks labels by each way', () => {
  const { ranks, winners, labels } = rankLabels(user([], [3, 6]), upAndRight, catalog, 4);
  // By the maximum: 5 (4.5), 1 (4), 6 (3.5), 2 (3), 7, 3.
  expect([...ranks.served]).toEqual([6, 3]);
  expect([...ranks.oracle]).toEqual([3, 2]);
  // The second of its list comes after the two first ones, the third after four. Equal turns are in the order of the maximum.
  expect([...ranks.turns]).toEqual([6, 3]);
  // Each score is divided by √2, so the mean keeps the order here.
  expect([...ranks.mean]).toEqual([6, 3]);
  expect([...winners]).toEqual([0, 1]);
  expect(labels).toBe(2);
});

it('ranks by quota between the score and the turns', () => {
  const longer = { count: 2, vectors: Float32Array.of(0, 3, 1, 0) };
  const { ranks } = rankLabels(user([], [5, 3]), longer, catalog, 4);
  // By the score: 1, 2, 3, 5. In turns: 1, 5, 2, 6, 3. By quota: 1, 2, 5, 3.
  expect([...ranks.served]).toEqual([4, 3]);
  expect([...ranks.turns]).toEqual([2, 5]);
  expect([...ranks.quota]).toEqual([3, 4]);
});

it('gives every way the same ranks for one interest', () => {
  const one = { count: 1, vectors: Float32Array.of(0.6, 0.8) };
  const { ranks } = rankLabels(user([1], [2, 7, 8]), one, catalog, 4);
  for (const way of rankingWays) expect([...ranks[way]], way).toEqual([...ranks.served]);
});

it('excludes the history from ranks and labels, and counts labels outside the vocabulary', () => {
  const ranked = rankLabels(user([5, 1], [1, 6], 2), upAndRight, catalog, 4);
  expect([...ranked.ranks.served]).toEqual([1]);
  expect(ranked.labels).toBe(3);
  expect(recallOf([ranked], 'served', 10)).toBeCloseTo(1 / 3);
});

it('adds the prior to every interest', () => {
  const prior = new Float32Array(10);
  prior[8] = 5;
  const { ranks } = rankLabels(user([], [8]), upAndRight, { ...catalog, prior }, 4);
  expect([...ranks.served]).toEqual([1]);
});

it('counts served slots and hits by interest', () => {
  const { slots, hits } = rankLabels(user([], [5, 6, 2]), upAndRight, catalog, 3);
  // The first three are 5, 1 and 6.
  expect([...slots]).toEqual([1, 2]);
  expect([...hits]).toEqual([0, 2]);
});

it('finds the clusters of items, and the users with several of them', () => {
  const items = Int32Array.of(1, 2, 3, 4, 5, 6, 7, 8);
  const clusterOf = clusterItems(vectors, dim, items, { clusters: 2, rounds: 5, random: createRandom(1) });
  expect(new Set(clusterOf.subarray(1, 5)).size).toBe(1);
  expect(new Set(clusterOf.subarray(5, 9)).size).toBe(1);
  expect(clusterOf[1]).not.toBe(clusterOf[5]);
  expect(clusterOf[9]).toBe(-1);
  expect(countClusters([1, 2, 5, 6], clusterOf, 0.2)).toBe(2);
  // One item, even repeated, is no cluster, and neither is a small share.
  expect(countClusters([1, 2, 5, 5], clusterOf, 0.2)).toBe(1);
  expect(countClusters([1, 2, 3, 5, 6], clusterOf, 0.5)).toBe(1);
});
