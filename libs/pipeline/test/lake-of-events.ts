import { join } from 'node:path';
import { openLakeWriter } from '@facet/lake';
import { hashUser } from '@facet/schemas';
import type { Event } from '@facet/schemas';
import { temporaryFolder } from '@facet/testing';
import fc from 'fast-check';

/** Rules that exclude no user. */
export const everybody = { eventsPerDayMax: 1_000, noSleepHours: 25 };
export const monday = Date.UTC(2026, 0, 5);

/**
 * Creates a lake of these events and of later ones in a second transaction. The erasures of the users are pending, and cover events
 * received up to four milliseconds after `monday`.
 */
export async function lakeOf(
  events: readonly Event[],
  erased: readonly string[] = [],
  later: readonly Event[] = [],
): Promise<string> {
  const lake = join(await temporaryFolder(), 'lake');
  const writer = await openLakeWriter(lake);
  const add = (some: readonly Event[], from: number): void =>
    writer.add(
      'test-0',
      some.map((event, index) => ({ offset: from + index, event })),
      from + some.length,
    );
  add(events, 0);
  for (const userId of erased) {
    const erasure = { erasureId: userId, userHash: hashUser(userId), requestedAt: monday + 4, requestedBy: 'test' };
    writer.addErasure({ ...erasure, sessionHashes: [] });
  }
  await writer.commit();
  if (later.length > 0) {
    add(later, events.length);
    await writer.commit();
  }
  await writer.close();
  return lake;
}

const someone = fc.constantFrom('ada', 'ben', '\uFFFD', '😀', "o'hara");

/** An event of few users, items, sessions and times, so that events collide. An identify event has a user and no item. */
const anyEvent = fc
  .record(
    {
      eventId: fc.constantFrom('1', '2', '3', '4', '5', '6', '7', '8', '9'),
      type: fc.constantFrom('purchase', 'rating', 'click', 'view', 'identify'),
      userId: fc.option(someone, { nil: undefined }),
      itemId: fc.constantFrom('x', 'y', '\uFFFD', '😀'),
      sessionId: fc.constantFrom('s', 't'),
      occurredAt: fc.integer({ min: monday - 3, max: monday + 3 }),
      receivedAt: fc.integer({ min: monday, max: monday + 9 }),
      value: fc.option(fc.constantFrom(-1, 0, 3.5, 4), { nil: undefined }),
    },
    { requiredKeys: ['eventId', 'type', 'userId', 'itemId', 'sessionId', 'occurredAt', 'receivedAt'] },
  )
  .map(({ itemId, ...other }) =>
    other.type === 'identify' ? { ...other, userId: other.userId ?? 'ada' } : { ...other, itemId },
  );

export const anyEvents = fc.array(anyEvent, { minLength: 1, maxLength: 20 }) as fc.Arbitrary<Event[]>;
