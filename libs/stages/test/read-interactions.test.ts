import { join } from 'node:path';
import { openLakeSnapshot, readInteractions, readLake } from '@facet/lake';
import type { InteractionRules, LakeInteractions, LakeWindow } from '@facet/lake';
import type { Event } from '@facet/schemas';
import { orderTable, parsePositiveClauses, parsePositiveRule, selectInteractions } from '@facet/features';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { temporaryFolder } from '@facet/testing';
import { anyEvents, everybody, lakeOf, monday } from './shops/lake-of-events.ts';

const hour = 3_600_000;

async function interactionsOf(
  lake: string,
  positives: string,
  bots: InteractionRules['bots'] = everybody,
  window: LakeWindow = {},
): Promise<LakeInteractions> {
  return readInteractions(await openLakeSnapshot(lake), window, { positives: parsePositiveClauses(positives), bots });
}

it('returns the same as a selection from all events, for any events', async () => {
  const positives = 'purchase or rating >= 3.5 or click < 0';
  const erased = fc.subarray(['ada', '😀']);
  await fc.assert(
    fc.asyncProperty(anyEvents, erased, async (some, gone) => {
      const lake = await lakeOf(some, gone);
      const rules = { repeats: 'keep', tieSeed: 1 } as const;
      const all = await readLake(lake);
      const selected = selectInteractions(all, { ...rules, isPositive: parsePositiveRule(positives) });
      const interactions = await interactionsOf(lake, positives);
      const { table } = orderTable(interactions, rules);
      const rows = table.userIds.flatMap((userId, user) =>
        Array.from(table.items.subarray(table.offsets[user], table.offsets[user + 1]), (item, index) => ({
          userId,
          itemId: table.itemIds[item]!,
          occurredAt: table.times[table.offsets[user]! + index]!,
        })),
      );
      expect(rows).toEqual(selected.interactions);
      expect([...interactions.eventTypes.values()].reduce((sum, count) => sum + count, 0)).toBe(all.length);
      // A cut just after the newest event gives the same. Rebuilding a dataset depends on it.
      const { occurredAt, receivedAt } = interactions.newest;
      const cut = { occurredBefore: occurredAt + 1, receivedBefore: receivedAt + 1 };
      // Which of two equal rows of different sessions stays is not defined.
      const again = orderTable(await interactionsOf(lake, positives, everybody, cut), rules).table;
      expect({ ...again, sessions: [] }).toEqual({ ...table, sessions: [] });
    }),
    { numRuns: 10 },
  );
});

it('numbers the sessions of interactions', async () => {
  const event = (eventId: string, sessionId?: string): Event => ({
    eventId,
    type: 'purchase',
    userId: 'ada',
    itemId: eventId,
    occurredAt: monday + Number(eventId),
    receivedAt: monday,
    ...(sessionId === undefined ? {} : { sessionId }),
  });
  const lake = await lakeOf([event('1', 'a'), event('2', 'a'), event('3'), event('4', 'b')], []);
  const { table } = orderTable(await interactionsOf(lake, 'purchase'), { repeats: 'keep', tieSeed: 1 });
  const [first, second, none, other] = table.sessions!;
  expect(first).toBe(second);
  expect(none).toBe(0);
  expect(new Set([0, first, other]).size).toBe(3);
});

it('leaves out users with too many events or hours on a day, and counts them and their interactions', async () => {
  const event = (userId: string, occurredAt: number, type = 'view'): Event => ({
    eventId: `${userId} ${type} ${occurredAt}`,
    type,
    userId,
    itemId: 'thing',
    occurredAt,
    receivedAt: monday,
  });
  const hours = (userId: string, from: number, count: number): Event[] =>
    Array.from({ length: count }, (_, index) => event(userId, from + index * hour));
  const lake = await lakeOf([
    // Six events on one day are too many, even if most are not positive.
    ...Array.from({ length: 5 }, (_, index) => event('busy', monday + index)),
    event('busy', monday + 9, 'purchase'),
    ...Array.from({ length: 5 }, (_, index) => event('eager', monday + index, 'purchase')),
    // Four hours of one day are too many, but not of two days, also before 1970.
    ...hours('awake', monday, 4),
    event('awake', monday + 30 * hour, 'purchase'),
    ...hours('late', monday + 22 * hour, 4),
    event('late', monday, 'purchase'),
    ...hours('old', -2 * hour, 4),
    event('old', monday, 'purchase'),
  ]);
  const { userIds, bots } = await interactionsOf(lake, 'purchase', { eventsPerDayMax: 5, noSleepHours: 4 });
  expect(userIds).toEqual(['eager', 'late', 'old']);
  expect(bots).toEqual({ users: 2, interactions: 2 });
  const lenient = await interactionsOf(lake, 'purchase', { eventsPerDayMax: 6, noSleepHours: 5 });
  expect(lenient.bots).toEqual({ users: 0, interactions: 0 });
});

it('counts duplicates, and returns nothing for an empty lake', async () => {
  const once: Event = { eventId: '1', type: 'click', userId: 'u', itemId: 'i', occurredAt: 5, receivedAt: monday };
  const lake = await lakeOf([once, once, { ...once, itemId: 'j', receivedAt: monday - 1 }]);
  const interactions = await interactionsOf(lake, 'click');
  expect(interactions).toMatchObject({ repeated: 2, itemIds: ['j'], eventTypes: new Map([['click', 1]]) });
  const nothing = await interactionsOf(join(await temporaryFolder(), 'lake'), 'click');
  expect(nothing).toMatchObject({ userIds: [], offsets: Int32Array.of(0), repeated: 0 });
});
