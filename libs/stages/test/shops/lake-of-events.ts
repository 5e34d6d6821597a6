import { join } from 'node:path';
import type { HomePaths } from '@facet/config';
import { openFileEventLog } from '@facet/event-log';
import { openLakeWriter, sinkLog } from '@facet/lake';
import type { LakeEvent } from '@facet/lake';
import { hashUser } from '@facet/schemas';
import type { Event } from '@facet/schemas';
import { temporaryFolder } from '@facet/testing';
import fc from 'fast-check';

/** The source of the events in the lakes of tests. */
export const source = 'facet.events.v1-0';

/**
 * Adds events at the next offsets of a source, and erasures of users, which cover events received until `erasedAt`. Returns the next
 * offset.
 */
export async function addToLake(
  lakeFolder: string,
  events: readonly Event[],
  {
    from = source,
    erased = [],
    erasedAt = Number.MAX_SAFE_INTEGER,
  }: { readonly from?: string; readonly erased?: readonly string[]; readonly erasedAt?: number } = {},
): Promise<number> {
  const writer = await openLakeWriter(lakeFolder);
  const start = writer.committed(from);
  const next = start + events.length;
  const rows = events.map((event, index) => ({ offset: start + index, event }));
  if (rows.length > 0) writer.add(from, rows, next);
  for (const userId of erased) {
    const erasure = { erasureId: userId, userHash: hashUser(userId), requestedAt: erasedAt, requestedBy: 'test' };
    writer.addErasure({ ...erasure, sessionHashes: [] });
  }
  await writer.commit();
  await writer.close();
  return next;
}

/** Imports events into the event log and the lake of a home. */
export async function importEvents(home: HomePaths, events: readonly LakeEvent[]): Promise<void> {
  const log = await openFileEventLog(home.logFolder);
  await log.append(events);
  await sinkLog(log, home.lakeFolder);
  await log.close();
}

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
  await addToLake(lake, events, { from: 'test-0', erased, erasedAt: monday + 4 });
  if (later.length > 0) await addToLake(lake, later, { from: 'test-0' });
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
