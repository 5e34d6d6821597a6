import fc from 'fast-check';
import { expect, test } from 'vitest';
import { historyEnd } from '../src/index.ts';
import { anyHistories, sequencesOf } from './histories.ts';

test('the table of all users: offsets, items by index, unknown items as 0, times', () => {
  const sequences = sequencesOf([
    [
      [3, 10],
      [77, 20],
    ],
    [[1, 5]],
  ]);
  expect(sequences.userIds).toEqual(['user0', 'user1']);
  expect([...sequences.offsets]).toEqual([0, 2, 3]);
  expect([...sequences.items]).toEqual([3, 0, 1]);
  expect([...sequences.times]).toEqual([10, 20, 5]);
});

test('returns an empty table without users', () => {
  const sequences = sequencesOf([]);
  expect(sequences.userIds).toEqual([]);
  expect([...sequences.offsets]).toEqual([0]);
});

test('times keep their milliseconds', () => {
  const now = Date.UTC(2026, 1, 3, 4, 5, 6, 789);
  expect(sequencesOf([[[1, now]]]).times[0]).toBe(now);
});

test('ends a history before the moment itself', () => {
  const sequences = sequencesOf([
    [
      [1, 10],
      [2, 20],
      [3, 20],
      [4, 30],
    ],
    [[5, 20]],
  ]);
  expect([9, 10, 11, 20, 21, 30, 31].map((time) => historyEnd(sequences, 0, time))).toEqual([0, 0, 1, 1, 3, 3, 4]);
  expect([20, 21].map((time) => historyEnd(sequences, 1, time))).toEqual([4, 5]);
});

test('equals a linear scan', () => {
  fc.assert(
    fc.property(anyHistories(20), fc.integer({ min: -1, max: 21 }), (histories, time) => {
      const sequences = sequencesOf(histories);
      histories.forEach((interactions, user) => {
        const before = interactions.filter(([, occurredAt]) => occurredAt < time).length;
        expect(historyEnd(sequences, user, time)).toBe(sequences.offsets[user]! + before);
      });
    }),
  );
});
