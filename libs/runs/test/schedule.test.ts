import * as fc from 'fast-check';
import { hourMs } from '@facet/platform';
import { describe, expect, test } from 'vitest';
import {
  boundsOf,
  dayAt,
  dueMomentOf,
  missingDays,
  newestDueDay,
  overdueSeconds,
  parseDataDay,
  shiftDay,
} from '../src/schedule.ts';
import type { RefreshSchedule } from '../src/schedule.ts';

const at = (time: string): number => Date.parse(time);

function schedule(overrides: Partial<RefreshSchedule> = {}): RefreshSchedule {
  return {
    cron: '30 2 * * *',
    timeZone: 'Europe/Berlin',
    promoteWithinHours: 6,
    catchUp: 'newest',
    ...overrides,
  };
}

describe('a data day', () => {
  test('is the calendar day of the zone, half-open', () => {
    const { from, before } = boundsOf('2026-01-31', 'Europe/Berlin');
    expect([from, before]).toEqual([at('2026-01-30T23:00:00Z'), at('2026-01-31T23:00:00Z')]);
    expect(dayAt(before - 1, 'Europe/Berlin')).toBe('2026-01-31');
    expect(dayAt(before, 'Europe/Berlin')).toBe('2026-02-01');
  });

  test('is 23 or 25 hours long where the clocks change', () => {
    const hoursOf = (day: string, timeZone: string): number => {
      const { from, before } = boundsOf(day, timeZone);
      return (before - from) / hourMs;
    };
    expect(hoursOf('2027-03-28', 'Europe/Berlin')).toBe(23);
    expect(hoursOf('2026-10-25', 'Europe/Berlin')).toBe(25);
    expect(hoursOf('2026-10-25', 'UTC')).toBe(24);
    expect(hoursOf('2026-03-08', 'America/New_York')).toBe(23);
    // Half an hour of change.
    expect(hoursOf('2026-04-05', 'Australia/Lord_Howe')).toBe(24.5);
  });

  test('starts after the gap if the clocks skip midnight', () => {
    // In Lebanon, the clocks went from 00:00 to 01:00 on 2025-03-30.
    const { from } = boundsOf('2025-03-30', 'Asia/Beirut');
    expect(new Date(from).toISOString()).toBe('2025-03-29T22:00:00.000Z');
    expect(dayAt(from, 'Asia/Beirut')).toBe('2025-03-30');
    expect(dayAt(from - 1, 'Asia/Beirut')).toBe('2025-03-29');
  });

  test('is adjacent to the next day in any time zone', () => {
    const zones = ['UTC', 'Europe/Berlin', 'America/St_Johns', 'Pacific/Apia', 'Asia/Kathmandu', 'America/Sao_Paulo'];
    fc.assert(
      fc.property(fc.constantFrom(...zones), fc.integer({ min: 15_000, max: 25_000 }), (zone, days) => {
        const day = shiftDay('1970-01-01', days);
        expect(boundsOf(day, zone).before).toBe(boundsOf(shiftDay(day, 1), zone).from);
      }),
    );
  });

  test.each(['2026-02-30', '2026-13-01', '26-01-01', '2026-1-1', 'yesterday', ''])('is not "%s"', (text) => {
    expect(() => parseDataDay(text)).toThrow(expect.objectContaining({ code: 'REFRESH_DAY_INVALID' }));
  });
});

describe('a schedule', () => {
  test('makes a day due at the first scheduled time after the day', () => {
    expect(new Date(dueMomentOf('2026-01-31', schedule())).toISOString()).toBe('2026-02-01T01:30:00.000Z');
    // Two hours ahead of UTC in summer.
    expect(new Date(dueMomentOf('2026-07-31', schedule())).toISOString()).toBe('2026-08-01T00:30:00.000Z');
    // A scheduled time at the end of the day counts for that day.
    expect(new Date(dueMomentOf('2026-01-31', schedule({ cron: '0 0 * * *' }))).toISOString()).toBe(
      '2026-01-31T23:00:00.000Z',
    );
  });

  test('has one time on a day without 02:30, and one on a day with two', () => {
    expect(new Date(dueMomentOf('2027-03-27', schedule())).toISOString()).toBe('2027-03-28T01:30:00.000Z');
    expect(new Date(dueMomentOf('2026-10-24', schedule())).toISOString()).toBe('2026-10-25T00:30:00.000Z');
    // At the second 02:30 nothing is due again.
    expect(newestDueDay(at('2026-10-25T00:30:00Z'), schedule())).toBe('2026-10-24');
    expect(newestDueDay(at('2026-10-25T01:30:00Z'), schedule())).toBe('2026-10-24');
    expect(newestDueDay(at('2026-10-26T01:29:59Z'), schedule())).toBe('2026-10-24');
    expect(newestDueDay(at('2026-10-26T01:30:00Z'), schedule())).toBe('2026-10-25');
  });

  test.each([
    // The clocks go back from 02:00 to 01:30.
    ['Australia/Lord_Howe', '30 2 * * *', '2026-04-04', '2026-04-04T16:00:00Z'],
    // The clocks go forward from 02:00 to 02:30.
    ['Australia/Lord_Howe', '10 2 * * *', '2026-10-03', '2026-10-03T15:40:00Z'],
    // The clocks go forward from 23:00 to 00:00.
    ['America/Scoresbysund', '30 23 * * *', '2026-03-27', '2026-03-29T01:30:00Z'],
    ['America/Godthab', '0 23 * * *', '2026-03-27', '2026-03-29T01:00:00Z'],
  ])('has the first time after the day in %s at %s, after %s', (timeZone, cron, day, due) => {
    expect(new Date(dueMomentOf(day, schedule({ timeZone, cron })))).toEqual(new Date(due));
  });

  test.each([
    ['Europe/Berlin', '2027-03-25', '2027-04-01'],
    ['Europe/Berlin', '2026-10-22', '2026-10-29'],
    ['America/New_York', '2026-03-05', '2026-03-12'],
    ['America/New_York', '2026-10-29', '2026-11-05'],
    ['Australia/Lord_Howe', '2026-04-02', '2026-04-09'],
  ])('in %s makes every day due once from %s to %s, around a clock change', (timeZone, from, to) => {
    let attended: string | undefined;
    const asked: string[] = [];
    for (let now = at(from); now < at(to); now += hourMs) {
      const [day] = missingDays(now, schedule({ timeZone }), attended);
      if (day === undefined) continue;
      asked.push(day);
      attended = day;
    }
    expect(asked).toEqual(asked.map((_, index) => shiftDay(asked[0]!, index)));
    expect(asked.length).toBeGreaterThan(6);
  });

  test('returns the newest day or all days after an outage of three days', () => {
    const now = at('2026-02-05T12:00:00Z');
    expect(missingDays(now, schedule(), '2026-02-01')).toEqual(['2026-02-04']);
    const all = schedule({ catchUp: 'all' });
    expect(missingDays(now, all, '2026-02-01')).toEqual(['2026-02-02', '2026-02-03', '2026-02-04']);
    expect(missingDays(now, all, '2026-02-04')).toEqual([]);
    const longAgo = missingDays(now, all, '2026-01-01');
    expect([longAgo.length, longAgo[0], longAgo.at(-1)]).toEqual([7, '2026-01-29', '2026-02-04']);
    // Without earlier runs, only the newest day is due.
    expect(missingDays(now, all, undefined)).toEqual(['2026-02-04']);
  });

  test('returns no day again after the clock was set back', () => {
    expect(missingDays(at('2026-02-03T12:00:00Z'), schedule({ catchUp: 'all' }), '2026-02-04')).toEqual([]);
  });

  test('makes the days of a week due together', () => {
    const weekly = schedule({ cron: '0 4 * * 1', timeZone: 'UTC' });
    expect(dueMomentOf('2026-02-03', weekly)).toBe(dueMomentOf('2026-02-08', weekly));
    expect(newestDueDay(at('2026-02-09T04:00:00Z'), weekly)).toBe('2026-02-08');
  });

  test('is overdue after the deadline of the first expected day', () => {
    const completed = '2026-02-01';
    // The next day is due at 02:30 on the 3rd, with a deadline of 08:30 in Berlin.
    const deadline = at('2026-02-03T07:30:00Z');
    expect(overdueSeconds(deadline, schedule(), { completed, since: 0 })).toBe(0);
    expect(overdueSeconds(deadline + 90_000, schedule(), { completed, since: 0 })).toBe(90);
    // It keeps counting when later days become due.
    expect(overdueSeconds(deadline + 3 * 24 * hourMs, schedule(), { completed, since: 0 })).toBe(3 * 24 * 3600);
    expect(overdueSeconds(deadline + 90_000, schedule(), { completed: '2026-02-02', since: 0 })).toBe(0);
  });

  test('is overdue if the first day of a new installation is not promoted in time', () => {
    const since = at('2026-02-03T12:00:00Z');
    const deadline = at('2026-02-04T07:30:00Z');
    expect(overdueSeconds(deadline, schedule(), { completed: undefined, since })).toBe(0);
    expect(overdueSeconds(deadline + 5_000, schedule(), { completed: undefined, since })).toBe(5);
  });

  test('does not count the years between old history and a new installation as overdue', () => {
    const since = at('2026-02-03T12:00:00Z');
    const deadline = at('2026-02-04T07:30:00Z');
    expect(overdueSeconds(deadline, schedule(), { completed: '2011-12-09', since })).toBe(0);
    expect(overdueSeconds(deadline + 5_000, schedule(), { completed: '2011-12-09', since })).toBe(5);
  });

  test('has nothing due or overdue if turned off', () => {
    const off = schedule({ cron: 'off' });
    const now = at('2026-02-05T12:00:00Z');
    expect(missingDays(now, off, '2026-01-01')).toEqual([]);
    expect(overdueSeconds(now, off, { completed: '2026-01-01', since: 0 })).toBe(0);
  });
});
