import { hash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { hourMs, dayMs, minuteMs, parseWith } from '@facet/platform';
import { beforeAll, describe, expect, it } from 'vitest';
import type { Event, IntakeCount } from '@facet/schemas';
import { folderOfFile, makeEvent, temporaryFolder } from '@facet/testing';
import { upsertItems } from '../../src/catalog/change-catalog.ts';
import { dayHealth, newestLakeDays, storeDayHealth } from '../../src/health/day-health.ts';
import { DataHealthSettings } from '../../src/health/health-report.ts';
import type { DayHealth } from '../../src/health/health-report.ts';
import { renderDayHealth } from '../../src/health/render-day-health.ts';
import { writeLake } from '../write-lake.ts';

const day = '2024-03-10';
const start = Date.parse(`${day}T00:00:00Z`);
const hour = hourMs;
const afterwards = { settings: parseWith(DataHealthSettings, {}, { source: 'test' }), now: () => start + 2 * dayMs };

/** Returns `count` events of distinct users at noon of a day, received a second later. */
function crowd(count: number, fields: Partial<Event> & { readonly on: number; readonly name: string }): Event[] {
  const { on, name, ...rest } = fields;
  return Array.from({ length: count }, (_, index) =>
    makeEvent({
      eventId: `${name}-${index}`,
      userId: `user-${index}`,
      occurredAt: on + 12 * hour + index,
      receivedAt: on + 12 * hour + index + 1000,
      type: 'click',
      ...rest,
    }),
  );
}

it('does not judge the delay of imported events', async () => {
  const home = await temporaryFolder();
  const lakeFolder = join(home, 'lake');
  const fields = { occurredAt: start + hour, receivedAt: start + dayMs };
  await writeLake(lakeFolder, [makeEvent({ ...fields, eventId: 'imported' })], { source: 'local-0' });
  await writeLake(lakeFolder, [makeEvent({ ...fields, eventId: 'sent' })], { source: 'localhost.events-0' });
  await writeLake(lakeFolder, [makeEvent({ ...fields, eventId: 'sent-too' })], { source: 'local-shop.events-0' });
  const { lateness } = await dayHealth(lakeFolder, join(home, 'catalog'), day, afterwards);
  expect(lateness).toMatchObject({ late: 2, lateShare: 1, backfilled: 1 });
});

describe('a day with every kind of problem', () => {
  let health: DayHealth;
  const home = folderOfFile();
  const lakeFolder = join(home, 'lake');

  beforeAll(async () => {
    const shown = { type: 'impression', recommendationId: 'r' };
    const events: Event[] = [
      // The week before: 100 events on two of its days.
      ...crowd(100, { on: start - 2 * dayMs, name: 'before-2' }),
      ...crowd(100, { on: start - 7 * dayMs, name: 'before-7' }),
      ...crowd(5, { on: start - 8 * dayMs, name: 'long-before' }),
      // The day: 150 clicks. 10 are repeated, and 7 repeat events of two days ago.
      ...crowd(150, { on: start, name: 'click', itemId: 'known' }),
      ...crowd(10, { on: start, name: 'click', itemId: 'known' }),
      ...crowd(7, { on: start, name: 'before-2', itemId: 'known' }),
      // Of four shown items, one is clicked on the same day, one is bought on the next day, and one is clicked without a recommendation.
      ...['a', 'b', 'c', 'd'].map((itemId) => makeEvent({ ...at(9), ...shown, eventId: `shown-${itemId}`, itemId })),
      makeEvent({ ...at(10), type: 'click', recommendationId: 'r', eventId: 'click-a', itemId: 'a' }),
      makeEvent({ ...at(10), type: 'click', eventId: 'click-c', itemId: 'c' }),
      makeEvent({ ...at(25), type: 'purchase', recommendationId: 'r', eventId: 'buy-b', itemId: 'b' }),
      makeEvent({ ...at(11), type: 'purchase', recommendationId: 'lost', eventId: 'buy-d', itemId: 'd' }),
      // An anonymous session that later belongs to a user.
      makeAnonymous({ ...at(13), eventId: 'anonymous-1', itemId: 'a' }),
      makeAnonymous({ ...at(14), eventId: 'anonymous-2', itemId: 'b' }),
      {
        ...makeEvent({ ...at(15), type: 'identify', eventId: 'identify', sessionId: 's' }),
        itemId: undefined,
      } as never,
      // Two hours late, ten days late, and received before it occurred.
      makeEvent({ ...at(3), receivedAt: start + 5 * hour, eventId: 'late', itemId: 'a' }),
      makeEvent({ ...at(3), receivedAt: start + 10 * dayMs, eventId: 'backfill', itemId: 'a' }),
      makeEvent({ ...at(3), receivedAt: start + 3 * hour - 1, eventId: 'ahead', itemId: 'a' }),
      // Received today for the day before.
      makeEvent({ occurredAt: start - hour, receivedAt: start + hour, eventId: 'yesterday' }),
    ];
    const count = { day, producer: 'web', field: '', reason: '' };
    const intake: IntakeCount[] = [
      { ...count, outcome: 'accepted', count: 90 },
      { ...count, outcome: 'duplicate', count: 6 },
      { ...count, outcome: 'refused', field: 'itemId', reason: 'missing', count: 4 },
      { ...count, producer: 'topic:events', outcome: 'refused', reason: 'not-json', count: 25 },
      { ...count, day: '2024-03-09', outcome: 'refused', reason: 'not-json', count: 1000 },
    ];
    await writeLake(lakeFolder, events, { intake });
    const known = ['known', 'a', 'b', 'c'].map((itemId) => ({ itemId, attributes: {} }));
    await upsertItems(join(home, 'catalog'), known);
    health = await dayHealth(lakeFolder, join(home, 'catalog'), day, afterwards);
  });

  it('counts each event once', () => {
    expect(health.events).toEqual({ rows: 180, count: 170, users: 150, items: 5 });
    expect(health.types.slice(0, 2)).toEqual([
      { type: 'click', count: 159 },
      { type: 'impression', count: 4 },
    ]);
    expect(health.duplicates).toEqual({ insideDay: 10, ofOtherDays: 7, share: 17 / 180 });
    expect(health.identity).toEqual({ anonymous: 2, anonymousShare: 2 / 170, anonymousSessions: 1, identifies: 1 });
  });

  it('compares the volume with days of the previous week that have events', () => {
    expect(health.volume).toEqual({
      trailing: [
        { day: '2024-03-03', count: 100 },
        { day: '2024-03-08', count: 100 },
        { day: '2024-03-09', count: 1 },
      ],
      trailingMean: 67,
      ratio: 180 / 67,
    });
  });

  it('sums the events that the collector received on that day', () => {
    expect(health.intake).toEqual({
      accepted: 90,
      duplicate: 6,
      refused: 29,
      refusedShare: 29 / 125,
      producers: [
        { producer: 'topic:events', accepted: 0, duplicate: 0, refused: 25 },
        { producer: 'web', accepted: 90, duplicate: 6, refused: 4 },
      ],
      refusals: [
        { producer: 'topic:events', field: '', reason: 'not-json', count: 25 },
        { producer: 'web', field: 'itemId', reason: 'missing', count: 4 },
      ],
    });
  });

  it('distinguishes late events, backfill and clocks that are ahead', () => {
    expect(health.lateness).toMatchObject({
      late: 1,
      lateShare: 1 / 169,
      backfilled: 1,
      ahead: 1,
      receivedForOlderDays: 1,
    });
    expect(health.lateness.histogram.reduce((sum, { count }) => sum + count, 0)).toBe(170);
    expect(health.lateness.histogram.find(({ upToMs }) => upToMs === 6 * hour)?.count).toBe(1);
    expect(health.lateness.histogram.at(-1)).toEqual({ count: 1 });
  });

  it('lists items that the catalog does not contain', () => {
    expect(health.unknownItems).toEqual({ ids: 1, events: 2, share: 2 / 169, examples: [{ itemId: 'd', events: 2 }] });
  });

  it('joins exposures with their outcomes, also across midnight', () => {
    expect(health.joins.exposures).toEqual({ count: 4, joined: 2, rate: 0.5 });
    expect(health.joins.outcomes).toEqual({ count: 2, joined: 1, rate: 0.5 });
  });

  it('judges the measures', () => {
    expect(health.verdict).toBe('bad');
    expect(health.reasons.map(({ check, severity }) => `${check} ${severity}`)).toEqual([
      'refused bad',
      'duplicates warning',
    ]);
  });

  it('is rendered as text', () => {
    const text = renderDayHealth(health);
    expect(text).toMatch(/^2024-03-10: bad\n {2}bad {6}23\.2 % of the received events were refused, above 20\.0 %\n/);
    expect(text).toContain('exposures  4  50.0 %  2 with an outcome');
    expect(text.split('\n').filter((line) => line.length > 120)).toEqual([]);
  });

  it('is restored from plain JSON', async () => {
    const folder = join(home, 'health');
    await storeDayHealth(folder, health);
    expect(JSON.parse(await readFile(join(folder, `${day}.json`), 'utf8'))).toEqual(health);
  });

  it('lists the newest days', async () => {
    expect(await newestLakeDays(lakeFolder, 3)).toEqual(['2024-03-09', '2024-03-10', '2024-03-11']);
    expect(await newestLakeDays(join(home, 'none'), 3)).toEqual([]);
  });
});

describe('a day in progress', () => {
  it('is compared with the same hours of earlier days', async () => {
    const home = await temporaryFolder();
    const [lakeFolder, catalogFolder] = [join(home, 'lake'), join(home, 'catalog')];
    const morning = crowd(120, { on: start - dayMs - 6 * hour, name: 'morning' });
    const noon = crowd(500, { on: start - dayMs, name: 'noon' });
    await writeLake(lakeFolder, [...morning, ...noon]);
    const check = async (now: number): Promise<DayHealth> =>
      dayHealth(lakeFolder, catalogFolder, day, { ...afterwards, now: () => now });

    const early = await check(start + hour);
    expect(early).toMatchObject({ isOver: false, verdict: 'ok', volume: { trailingMean: 0 } });
    const atTen = await check(start + 10 * hour);
    expect(atTen).toMatchObject({ isOver: false, verdict: 'bad', volume: { trailingMean: 120, ratio: 0 } });
    expect(atTen.reasons.map(({ check }) => check)).toEqual(['volume-low']);
    expect((await check(start + dayMs)).reasons.map(({ check }) => check)).toEqual(['no-events']);
    expect(renderDayHealth(early)).toContain('2024-03-10 (so far): ok');
    expect(early).not.toHaveProperty('unknownItems');
  });
});

describe('users who look like bots', () => {
  it('have a sustained rate, activity around the clock, or a large share of events', async () => {
    const home = await temporaryFolder();
    const minute = minuteMs;
    const spread = (userId: string, times: readonly number[]): Event[] =>
      times.map((time, index) => makeEvent({ eventId: `${userId}-${index}`, userId, occurredAt: start + time }));
    const busy = Array.from({ length: 5 }, (_, at) => Array.from({ length: 30 }, (_, n) => at * minute + n)).flat();
    const events = [
      ...crowd(6000, { on: start, name: 'crowd' }),
      ...spread('scraper', busy),
      ...spread(
        'pausing',
        busy.map((time) => (time >= 2 * minute ? time + minute : time)),
      ),
      ...spread(
        'sleepless',
        Array.from({ length: 20 }, (_, n) => n * hour),
      ),
      ...spread(
        'night owl',
        Array.from({ length: 19 }, (_, n) => n * hour),
      ),
      ...spread(
        'giant',
        Array.from({ length: 400 }, (_, n) => n * minute),
      ),
    ];
    await writeLake(join(home, 'lake'), events);
    const { suspiciousUsers } = await dayHealth(join(home, 'lake'), join(home, 'catalog'), day, afterwards);
    const found = suspiciousUsers.examples.map(({ userId, reasons, activeHours, eventsPerMinuteMax }) => ({
      userId,
      reasons,
      activeHours,
      eventsPerMinuteMax,
    }));
    expect(found).toEqual([
      { userId: 'giant', reasons: ['share-of-all-events'], activeHours: 7, eventsPerMinuteMax: undefined },
      { userId: 'scraper', reasons: ['sustained-rate'], activeHours: 1, eventsPerMinuteMax: 30 },
      { userId: 'sleepless', reasons: ['no-sleep'], activeHours: 20, eventsPerMinuteMax: undefined },
    ]);
    expect(suspiciousUsers).toMatchObject({ users: 3, events: 570 });

    const erasure = { erasureId: 'e', requestedAt: afterwards.now(), requestedBy: 'web', sessionHashes: [] };
    await writeLake(join(home, 'lake'), [], { erasures: [{ ...erasure, userHash: hash('sha256', 'giant') }] });
    const later = await dayHealth(join(home, 'lake'), join(home, 'catalog'), day, afterwards);
    expect(later.suspiciousUsers.examples.map(({ userId }) => userId)).toEqual(['scraper', 'sleepless']);

    await storeDayHealth(home, later);
    expect(JSON.parse(await readFile(join(home, `${day}.json`), 'utf8'))).toMatchObject({
      suspiciousUsers: { users: 2, examples: [] },
    });
  });
});

it('leaves out the events of erased users and sessions until the erasure', async () => {
  const lakeFolder = join(await temporaryFolder(), 'lake');
  const [early, late] = [at(1), at(3)];
  await writeLake(lakeFolder, [
    ...['gone', 'stays'].flatMap((userId) =>
      [early, late].map((of) => makeEvent({ ...of, userId, eventId: `${userId}-${of.occurredAt}` })),
    ),
    ...[early, late].map((of) => makeAnonymous({ ...of, eventId: `anonymous-${of.occurredAt}` })),
  ]);
  const erasure = { erasureId: 'e', requestedAt: start + 2 * hour, requestedBy: 'web' };
  await writeLake(lakeFolder, [], {
    erasures: [{ ...erasure, userHash: hash('sha256', 'gone'), sessionHashes: [hash('sha256', 's')] }],
  });
  const { events, identity } = await dayHealth(lakeFolder, join(lakeFolder, 'catalog'), day, afterwards);
  expect({ count: events.count, users: events.users, anonymous: identity.anonymous }).toEqual({
    count: 4,
    users: 2,
    anonymous: 1,
  });
});

function at(hours: number): Pick<Event, 'occurredAt' | 'receivedAt' | 'userId'> {
  return { userId: `user-${hours}`, occurredAt: start + hours * hour, receivedAt: start + hours * hour + 500 };
}

/** The lake treats `undefined` fields as absent. */
function makeAnonymous(fields: Partial<Event>): Event {
  return { ...makeEvent({ ...fields, type: 'view', sessionId: 's' }), userId: undefined } as never;
}
