import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createTimeParser } from '../../src/mapping/parse-time.ts';

const noon = Date.UTC(2011, 11, 9, 12, 50);

describe('createTimeParser', () => {
  it.each([
    ['2011-12-09 12:50:00', noon],
    ['2011-12-09 12:50', noon],
    [' 2011-12-09T12:50:00.250Z ', noon + 250],
    ['2011-12-09T13:50:00+01:00', noon],
    ['2011-12-09 07:20:00 -0530', noon],
    ['2011-12-09 12:50:00 UTC', noon],
    ['2011-12-09 12:50:00.123456', noon + 123],
    ['2011-12-09', Date.UTC(2011, 11, 9)],
    ['20111209', Date.UTC(2011, 11, 9)],
    ['881250949', 881_250_949_000],
    ['881250949.5', 881_250_949_500],
    ['8.8125e8', 881_250_000_000],
    [881_250_949, 881_250_949_000],
    [noon, noon],
    [String(noon * 1000), noon],
    [`${noon}000000`, noon],
    ['09/12/2011 12:50', 'time-order-unclear'],
    ['12/9/11', 'time-order-unclear'],
    ['9.12.2011', 'time-order-unclear'],
    ['2011/12/09', Date.UTC(2011, 11, 9)],
    ['2011/12/09 12:50:00', noon],
    ['2011/12/09T12:50Z', noon],
    ['2011/12-09', 'not-a-time'],
    ['2011/13/09', 'not-a-time'],
    ['2011/12/9 9:50', noon - 3 * 3_600_000],
    ['2011/9/2', Date.UTC(2011, 8, 2)],
    ['2011.12.09', 'time-order-unclear'],
    ['2011-02-29', 'not-a-time'],
    ['2011-12-09 24:00', 'not-a-time'],
    ['Fri Dec 09 12:50:00 +0000 2011', noon],
    ['Fri Dec 09 12:50:00 2011', 'not-a-time'],
    ['yesterday', 'not-a-time'],
    [true, 'not-a-time'],
    [Number.NaN, 'not-a-time'],
    ['  ', 'missing'],
    [null, 'missing'],
  ])('reads %j as %s', (cell, expected) => {
    expect(createTimeParser({})(cell)).toBe(expected);
  });

  it.each([
    ['DD/MM/YYYY HH:mm', '09/12/2011 12:50', noon],
    ['M/D/YYYY H:mm', '12/9/2011 12:50', noon],
    ['D.M.YYYY', '9.12.2011', Date.UTC(2011, 11, 9)],
    ['YYYYMMDDHHmmss', '20111209125000', noon],
    ['DD/MM/YYYY HH:mm', '12/31/2011 12:50', 'not-a-time'],
    ['DD/MM/YYYY', '09/12/2011 12:50', 'not-a-time'],
    ['D MMM YYYY', '9 Dec 2011', Date.UTC(2011, 11, 9)],
    ['MMM D, YYYY h:mm A', 'December 9, 2011 12:50 PM', noon],
    ['M/D/YY h:mm A', '12/9/11 12:50 am', noon - 12 * 3_600_000],
    ['M/D/YY h:mm A', '12/9/11 13:50 am', 'not-a-time'],
    ['MMM D, YYYY', 'Foo 9, 2011', 'not-a-time'],
    ['Excel', '40886.5347222222', noon],
    ['Excel', 40_886, Date.UTC(2011, 11, 9)],
    ['Days', '711', Date.UTC(1970, 0, 712)],
    [['M/D/YYYY', 'D.M.YYYY'], '9.12.2011', Date.UTC(2011, 11, 9)],
    [['M/D/YYYY', 'D.M.YYYY'], '12/9/2011', Date.UTC(2011, 11, 9)],
    [['M/D/YYYY', 'D.M.YYYY'], '2011-12-09 12:50', noon],
    [['M/D/YYYY', 'D.M.YYYY'], '1323435000', noon],
    ['YYYY/DD/MM HH:mm', '2011/09/12 12:50', noon],
    ['YYYY/DD/MM HH:mm', '2011/09/12 12:50:00', 'not-a-time'],
    ['YYYY-D-M', '2011-9-12 12:50', 'not-a-time'],
    ['YYYY/M/D h:mm A', '2011/12/09 12:50 PM', noon],
  ])('reads the format %s', (timeFormat, text, expected) => {
    expect(createTimeParser({ timeFormat })(text)).toBe(expected);
  });

  it('treats a format as text, not as a pattern, and refuses long cells quickly', () => {
    expect(createTimeParser({ timeFormat: 'YYYY-M-D(.+)+$' })('2011-12-9(.+)+$')).toBe(Date.UTC(2011, 11, 9));
    const parsers = [undefined, 'YYYYMMDDHHmmssSSS', 'YYYY-M-D (H)+*'].map((timeFormat) =>
      createTimeParser({ timeFormat }),
    );
    for (const parse of parsers) {
      for (const part of ['-', '0 ', '2011-12-09 ', '1e']) {
        expect(parse(`1${part.repeat(100_000)}x`)).toBe('not-a-time');
      }
    }
  });

  it('refuses formats without a complete date', () => {
    for (const timeFormat of ['HH:mm', 'DD/MM', 'DD/DD/YYYY', 'YYYY-MM-DD dddd', 'YYYY-MM-DD h:mm', 'YYYY-MM-DD A']) {
      expect(() => createTimeParser({ timeFormat })).toThrow(expect.objectContaining({ code: 'EVENTS_TIME_FORMAT' }));
    }
  });

  it('restores every moment from its ISO text', () => {
    const parse = createTimeParser({});
    const date = fc.date({ noInvalidDate: true, min: new Date(0), max: new Date('2100-01-01') });
    fc.assert(
      fc.property(date, (moment) => {
        const iso = moment.toISOString();
        expect(parse(iso)).toBe(moment.getTime());
        expect(parse(iso.replace('T', ' ').replace('Z', ''))).toBe(moment.getTime());
      }),
    );
  });
});

describe('time zones', () => {
  const london = createTimeParser({ timeZone: 'Europe/London' });

  it.each([
    ['2011-01-15 12:00', Date.UTC(2011, 0, 15, 12)],
    ['2011-07-15 12:00', Date.UTC(2011, 6, 15, 11)],
    ['2011-03-27 00:59', Date.UTC(2011, 2, 27, 0, 59)],
    // The clocks skip from 01:00 to 02:00.
    ['2011-03-27 01:30', Date.UTC(2011, 2, 27, 1, 30)],
    ['2011-03-27 02:00', Date.UTC(2011, 2, 27, 1)],
    // The clocks show 01:00 to 02:00 twice; the first is meant.
    ['2011-10-30 01:30', Date.UTC(2011, 9, 30, 0, 30)],
    ['2011-10-30 02:00', Date.UTC(2011, 9, 30, 2)],
    // A zone in the text takes precedence.
    ['2011-07-15T12:00:00Z', Date.UTC(2011, 6, 15, 12)],
  ])('reads %s in London', (text, expected) => {
    expect(london(text)).toBe(expected);
  });

  it('reads the wall-clock time of every zone', () => {
    const zones = ['America/St_Johns', 'Asia/Kathmandu', 'Australia/Lord_Howe', 'Pacific/Apia', 'America/New_York'];
    const moment = fc.integer({ min: Date.UTC(2001, 0, 1), max: Date.UTC(2030, 0, 1) }).map((ms) => ms - (ms % 1000));
    fc.assert(
      fc.property(fc.constantFrom(...zones), moment, (timeZone, utc) => {
        const shown = new Date(utc).toLocaleString('sv-SE', { timeZone });
        const parsed = createTimeParser({ timeZone })(shown);
        // A time that the clocks show twice is read as the first, at most an hour earlier.
        expect([0, 1_800_000, 3_600_000]).toContain(utc - Number(parsed));
        expect(new Date(Number(parsed)).toLocaleString('sv-SE', { timeZone })).toBe(shown);
      }),
      { numRuns: 60 },
    );
  });

  it('refuses an unknown zone', () => {
    expect(() => createTimeParser({ timeZone: 'Mars/Base' })).toThrow(
      expect.objectContaining({ code: 'EVENTS_TIME_ZONE' }),
    );
  });
});
