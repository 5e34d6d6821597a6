import { expect, it } from 'vitest';
import { placeMessages } from '../../src/sink/sink-state.ts';

const position = { topic: 't', partition: 0, next: 10, stored: 5, end: 100 };

it('processes expected messages, even if it has processed some of them', () => {
  expect(placeMessages(position, { first: 10, next: 20 })).toBe('process');
  expect(placeMessages(position, { first: 7, next: 20 })).toBe('process');
});

it('skips processed messages', () => {
  expect(placeMessages(position, { first: 5, next: 10 })).toBe('skip');
});

it('reads a gap again once, and then accepts it', () => {
  expect(placeMessages(position, { first: 12, next: 20 })).toBe('read-again');
  expect(placeMessages({ ...position, rewoundTo: 10 }, { first: 12, next: 20 })).toBe('process');
  expect(placeMessages({ ...position, rewoundTo: 9 }, { first: 12, next: 20 })).toBe('read-again');
});
