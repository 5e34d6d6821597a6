import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  buildItemVocabulary,
  countInteractions,
  dropRareItems,
  orderTable,
  selectInteractions,
  toUserSequences,
} from '../src/index.ts';
import type { InteractionTable, Interaction } from '../src/index.ts';

/** Returns the interactions as columns, in the same order. */
function tableOf(interactions: readonly Interaction[]): InteractionTable {
  const userIds = [...new Set(interactions.map(({ userId }) => userId))].sort();
  const itemIds = [...new Set(interactions.map(({ itemId }) => itemId))];
  const byUser = userIds.map((id) => interactions.filter(({ userId }) => userId === id));
  const offsets = new Int32Array(userIds.length + 1);
  byUser.forEach((own, user) => (offsets[user + 1] = offsets[user]! + own.length));
  return {
    userIds,
    itemIds,
    offsets,
    items: Int32Array.from(byUser.flat(), ({ itemId }) => itemIds.indexOf(itemId)),
    times: Float64Array.from(byUser.flat(), ({ occurredAt }) => occurredAt),
  };
}

/** The opposite of {@link tableOf}. */
function interactionsOf({ userIds, itemIds, offsets, items, times }: InteractionTable): Interaction[] {
  return userIds.flatMap((userId, user) =>
    Array.from(items.subarray(offsets[user], offsets[user + 1]), (item, index) => ({
      userId,
      itemId: itemIds[item]!,
      occurredAt: times[offsets[user]! + index]!,
    })),
  );
}

const someInteractions = fc.array(
  fc.record({
    userId: fc.constantFrom('ada', 'ben', 'cleo', '__proto__'),
    itemId: fc.constantFrom('a', 'b', 'c', 'd', 'é'),
    occurredAt: fc.integer({ min: -3, max: 5 }),
  }),
  { maxLength: 60 },
);

describe('orderTable', () => {
  it('keeps and drops the same interactions as selectInteractions', () => {
    const repeats = fc.constantFrom('keep' as const, 'first' as const);
    fc.assert(
      fc.property(someInteractions, repeats, fc.integer(), (interactions, rule, tieSeed) => {
        const rules = { repeats: rule, tieSeed };
        const events = interactions.map((interaction, index) => ({
          ...interaction,
          type: 'purchase',
          eventId: `e${index}`,
        }));
        const selected = selectInteractions(events, { ...rules, isPositive: () => true });
        const { table, dropped } = orderTable(tableOf(interactions), rules);
        expect(interactionsOf(table)).toEqual(selected.interactions);
        expect({ notPositive: 0, duplicateEvent: 0, ...dropped }).toEqual(selected.dropped);
      }),
    );
  });
});

describe('dropRareItems', () => {
  const interactions = [
    { userId: 'ada', itemId: 'common', occurredAt: 1 },
    { userId: 'ada', itemId: 'rare', occurredAt: 2 },
    { userId: 'ada', itemId: 'rare', occurredAt: 3 },
    { userId: 'ben', itemId: 'common', occurredAt: 4 },
    { userId: 'cleo', itemId: 'unique', occurredAt: 5 },
  ];

  it('counts users, not interactions, and removes users without remaining interactions', () => {
    const { table, dropped } = dropRareItems(tableOf(interactions), 2);
    expect(interactionsOf(table)).toEqual([interactions[0], interactions[3]]);
    expect(table.userIds).toEqual(['ada', 'ben']);
    expect(dropped).toBe(3);
  });

  it('drops nothing for one user, and everything for more users than exist', () => {
    expect(dropRareItems(tableOf(interactions), 1)).toEqual({ table: tableOf(interactions), dropped: 0 });
    const none = dropRareItems(tableOf(interactions), 4);
    expect(none.table).toMatchObject({ userIds: [], offsets: Int32Array.of(0) });
    expect(none.dropped).toBe(5);
  });
});

it('counts interactions before a time, and maps items to a vocabulary', () => {
  const table = tableOf([
    { userId: 'ada', itemId: 'a', occurredAt: 1 },
    { userId: 'ada', itemId: 'b', occurredAt: 2 },
    { userId: 'ada', itemId: 'b', occurredAt: 3 },
    { userId: 'ben', itemId: 'c', occurredAt: 3 },
  ]);
  expect([...countInteractions(table, 3)]).toEqual([1, 1, 0]);
  const vocabulary = buildItemVocabulary(new Map([['b', 2]]), ['a']);
  expect([...toUserSequences(table, vocabulary).items]).toEqual([2, 1, 1, 0]);
});
