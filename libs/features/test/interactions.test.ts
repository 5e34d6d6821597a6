import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parsePositiveRule, selectInteractions } from '../src/index.ts';
import type { InteractionEvent, InteractionRules } from '../src/index.ts';

const rules: InteractionRules = { isPositive: () => true, repeats: 'keep', tieSeed: 1 };

let made = 0;
function choice(
  userId: string,
  itemId: string,
  occurredAt: number,
  other: Partial<InteractionEvent> = {},
): InteractionEvent {
  return { eventId: `e${made++}`, type: 'purchase', userId, itemId, occurredAt, ...other };
}

describe('selectInteractions', () => {
  it('keeps positive events only and counts the others', () => {
    const { interactions, dropped } = selectInteractions(
      [choice('u', 'a', 1, { type: 'view' }), choice('u', 'b', 2), choice('u', 'c', 3, { type: 'rating', value: 3 })],
      { ...rules, isPositive: parsePositiveRule('purchase or rating >= 4') },
    );
    expect(interactions).toEqual([{ userId: 'u', itemId: 'b', occurredAt: 2 }]);
    expect(dropped).toEqual({ notPositive: 2, duplicateEvent: 0, sameMoment: 0, repeat: 0 });
  });

  it('counts an event id once, across users and times', () => {
    const event = choice('u', 'a', 1);
    const { interactions, dropped } = selectInteractions(
      [event, event, { ...event, userId: 'v', occurredAt: 9 }],
      rules,
    );
    expect(interactions).toHaveLength(1);
    expect(dropped.duplicateEvent).toBe(2);
  });

  it('does not count the id of an event that is not positive', () => {
    const event = choice('u', 'a', 1, { type: 'rating', value: 1 });
    const { interactions } = selectInteractions([event, { ...event, value: 5 }], {
      ...rules,
      isPositive: parsePositiveRule('rating >= 4'),
    });
    expect(interactions).toHaveLength(1);
  });

  it('counts an item of a user at one moment once, under either repeat rule', () => {
    const events = [choice('u', 'a', 5), choice('u', 'b', 5), choice('u', 'a', 5), choice('v', 'a', 5)];
    for (const repeats of ['keep', 'first'] as const) {
      const { interactions, dropped } = selectInteractions(events, { ...rules, repeats });
      expect(interactions).toHaveLength(3);
      expect(dropped).toMatchObject({ sameMoment: 1, repeat: 0 });
    }
  });

  it('counts a repeat at one moment once', () => {
    const events = [choice('u', 'a', 1), choice('u', 'a', 5), choice('u', 'a', 5), choice('u', 'a', 5)];
    const { interactions, dropped } = selectInteractions(events, rules);
    expect(interactions.map(({ occurredAt }) => occurredAt)).toEqual([1, 5]);
    expect(dropped.sameMoment).toBe(2);
  });

  it('keeps all repeats or only the first', () => {
    const events = [choice('u', 'a', 3), choice('u', 'b', 2), choice('u', 'a', 1), choice('u', 'a', 4)];
    const kept = selectInteractions(events, rules);
    expect(kept.interactions.map(({ itemId, occurredAt }) => [itemId, occurredAt])).toEqual([
      ['a', 1],
      ['b', 2],
      ['a', 3],
      ['a', 4],
    ]);
    expect(kept.dropped.repeat).toBe(0);
    const first = selectInteractions(events, { ...rules, repeats: 'first' });
    expect(first.interactions.map(({ itemId, occurredAt }) => [itemId, occurredAt])).toEqual([
      ['a', 1],
      ['b', 2],
    ]);
    expect(first.dropped.repeat).toBe(2);
  });

  it('orders ties by seed and user, not by id', () => {
    const itemIds = Array.from({ length: 12 }, (_, item) => `item${String(item).padStart(2, '0')}`);
    const orderOf = (userId: string, tieSeed: number): string =>
      selectInteractions(
        itemIds.map((itemId) => choice(userId, itemId, 7)),
        { ...rules, tieSeed },
      )
        .interactions.map(({ itemId }) => itemId)
        .join();
    expect(orderOf('ada', 1)).toBe(orderOf('ada', 1));
    const orders = ['ada', 'ben', 'cleo'].flatMap((userId) => [1, 2].map((tieSeed) => orderOf(userId, tieSeed)));
    expect(new Set([itemIds.join(), ...orders]).size).toBe(7);
  });

  it('favors no item in ties: each is as often first as last over many users', () => {
    const itemIds = ['a', 'b', 'c', 'd'];
    const firstCounts = new Map<string, number>();
    const users = Array.from({ length: 2000 }, (_, user) => `user${user}`);
    const { interactions } = selectInteractions(
      users.flatMap((userId) => itemIds.map((itemId) => choice(userId, itemId, 7))),
      rules,
    );
    for (let position = 0; position < interactions.length; position += 4) {
      const { itemId } = interactions[position]!;
      firstCounts.set(itemId, (firstCounts.get(itemId) ?? 0) + 1);
    }
    // 500 expected, standard deviation 19.
    for (const itemId of itemIds) expect(Math.abs(firstCounts.get(itemId)! - 500)).toBeLessThan(100);
  });

  const event = fc.record({
    userId: fc.constantFrom('u', 'v', 'w'),
    itemId: fc.constantFrom('a', 'b', 'c', 'd', 'e'),
    occurredAt: fc.integer({ min: 0, max: 6 }),
    type: fc.constantFrom('view', 'purchase'),
  });
  const events = fc
    .array(event, { maxLength: 40 })
    .map((list) => list.map((fields, position): InteractionEvent => ({ eventId: `e${position}`, ...fields })));
  const anyRules = fc
    .record({ repeats: fc.constantFrom('keep', 'first'), tieSeed: fc.integer() })
    .map((chosen): InteractionRules => ({ ...chosen, isPositive: parsePositiveRule('purchase') }));

  it('does not depend on order and duplication of events', () => {
    const shuffled = events.chain((list) =>
      fc.tuple(
        fc.constant(list),
        fc.shuffledSubarray([...list, ...list.slice(0, 5)], { minLength: list.length + Math.min(5, list.length) }),
      ),
    );
    fc.assert(
      fc.property(shuffled, anyRules, ([list, mixed], chosen) => {
        expect(selectInteractions(mixed, chosen).interactions).toEqual(selectInteractions(list, chosen).interactions);
      }),
    );
  });

  it('keeps or counts every event once; orders users by id and their interactions by time', () => {
    fc.assert(
      fc.property(events, anyRules, (list, chosen) => {
        const { interactions, dropped } = selectInteractions(list, chosen);
        const { notPositive, duplicateEvent, sameMoment, repeat } = dropped;
        expect(interactions.length + notPositive + duplicateEvent + sameMoment + repeat).toBe(list.length);
        for (let position = 1; position < interactions.length; position++) {
          const [before, after] = [interactions[position - 1]!, interactions[position]!];
          expect(before.userId <= after.userId).toBe(true);
          if (before.userId === after.userId) expect(before.occurredAt).toBeLessThanOrEqual(after.occurredAt);
        }
        const keys = interactions.map(({ userId, itemId, occurredAt }) =>
          chosen.repeats === 'first' ? `${userId} ${itemId}` : `${userId} ${itemId} ${occurredAt}`,
        );
        expect(new Set(keys).size).toBe(keys.length);
        const positives = list.filter(({ type }) => type === 'purchase');
        expect(new Set(keys)).toEqual(
          new Set(
            positives.map(({ userId, itemId, occurredAt }) =>
              chosen.repeats === 'first' ? `${userId} ${itemId}` : `${userId} ${itemId} ${occurredAt}`,
            ),
          ),
        );
      }),
    );
  });
});
