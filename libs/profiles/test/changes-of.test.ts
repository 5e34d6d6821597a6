import type { Event } from '@facet/schemas';
import { parsePositiveRule } from '@facet/features';
import { expect, it } from 'vitest';
import { changesOf } from '../src/index.ts';

const isPositive = parsePositiveRule('purchase or rating >= 4');
const anonymous: Event = {
  eventId: 'e1',
  type: 'purchase',
  sessionId: 'visit',
  itemId: 'a',
  occurredAt: 1,
  receivedAt: 2,
};
const purchase: Event = { ...anonymous, userId: 'ada' };
const positive = { eventId: 'e1', type: 'purchase', itemId: 'a', occurredAt: 1 };

it('an interaction of a user is an event of that user, also within a session', () => {
  expect(changesOf(purchase, isPositive)).toEqual([{ kind: 'event', userId: 'ada', receivedAt: 2, event: positive }]);
});

it('an anonymous interaction is an event of its session', () => {
  expect(changesOf({ ...anonymous, value: 0 }, isPositive)).toEqual([
    { kind: 'event', sessionId: 'visit', receivedAt: 2, event: { ...positive, value: 0 } },
  ]);
});

it('an identify assigns a session to a user', () => {
  const identify = { eventId: 'e1', type: 'identify', userId: 'ada', sessionId: 'visit', occurredAt: 1, receivedAt: 2 };
  expect(changesOf(identify, isPositive)).toEqual([
    { kind: 'identify', userId: 'ada', sessionId: 'visit', occurredAt: 1, receivedAt: 2 },
  ]);
});

it.each(['view', 'rating'])('a %s that is no interaction changes nothing', (type) => {
  expect(changesOf({ ...purchase, type, value: 3 }, isPositive)).toEqual([]);
});
