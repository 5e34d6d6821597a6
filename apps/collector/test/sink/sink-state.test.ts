import { expect, it } from 'vitest';
import { updateGroupProgress, chooseAction } from '../../src/sink/sink-state.ts';

const position = { topic: 't', partition: 0, next: 10, stored: 5, end: 100 };

it('processes expected messages, even if it has processed some of them', () => {
  expect(chooseAction(position, { first: 10, next: 20 })).toBe('process');
  expect(chooseAction(position, { first: 7, next: 20 })).toBe('process');
});

it('skips processed messages', () => {
  expect(chooseAction(position, { first: 5, next: 10 })).toBe('skip');
});

it('reads a gap again once, and then accepts it', () => {
  expect(chooseAction(position, { first: 12, next: 20 })).toBe('read-again');
  expect(chooseAction({ ...position, rewoundTo: 10 }, { first: 12, next: 20 })).toBe('process');
  expect(chooseAction({ ...position, rewoundTo: 9 }, { first: 12, next: 20 })).toBe('read-again');
});

it('reads a batch that cannot be decoded again once', () => {
  const batch = { first: 10, next: 20, isUndecodable: true };
  expect(chooseAction(position, batch)).toBe('read-again');
  expect(chooseAction({ ...position, rewoundTo: 10 }, batch)).toBe('process');
  expect(chooseAction({ ...position, next: 20 }, batch)).toBe('skip');
});

it('follows when the group last stored something of each partition', () => {
  const read = (stored: number, end: number) => [{ topic: 't', partition: 0, start: 0, stored, end }];
  const first = updateGroupProgress([], read(5, 100), 1_000);
  expect(first).toEqual([{ topic: 't', partition: 0, start: 0, stored: 5, end: 100, progressedAt: 1_000 }]);
  const stuck = updateGroupProgress(first, read(5, 200), 2_000);
  expect(stuck[0]!.progressedAt).toBe(1_000);
  expect(updateGroupProgress(stuck, read(6, 200), 3_000)[0]!.progressedAt).toBe(3_000);
  expect(updateGroupProgress(stuck, read(200, 200), 3_000)[0]!.progressedAt).toBe(3_000);
  // Retention deletes messages that nothing has stored.
  const deleted = [{ ...read(5, 200)[0]!, start: 150 }];
  expect(updateGroupProgress(stuck, deleted, 3_000)[0]!.progressedAt).toBe(1_000);
});
