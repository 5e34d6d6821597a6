import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { futureToleranceMs, keyOf, nestingMax, parseEvent, serializeEvent } from '../src/index.ts';
import { parseRfc3339 } from '../src/times.ts';

const now = Date.UTC(2024, 5, 1);
const wire = { eventId: 'e', type: 'click', userId: 'u', itemId: 'i', occurredAt: '2024-05-01T10:00:00Z' };

const refusalOf = (fields: object): string => {
  const parsed = parseEvent({ ...wire, ...fields }, { now, types: ['favorite'] });
  return parsed.ok ? 'accepted' : `${parsed.field}: ${parsed.reason}`;
};

const nested = (levels: number): object => (levels === 1 ? {} : { inner: nested(levels - 1) });

describe('parseEvent', () => {
  it('returns times as epoch milliseconds and sets the time of receipt', () => {
    expect(parseEvent({ ...wire, occurredAt: '2024-05-01T12:00:00.25+02:00' }, { now })).toEqual({
      ok: true,
      event: { ...wire, occurredAt: Date.UTC(2024, 4, 1, 10, 0, 0, 250), receivedAt: now },
    });
    expect(parseEvent({ ...wire, occurredAt: now - 5 }, { now })).toMatchObject({ event: { occurredAt: now - 5 } });
  });

  it('keeps unknown fields and ignores a receivedAt of the sender', () => {
    const parsed = parseEvent({ ...wire, receivedAt: 5, shop: 'north', context: { page: 2 } }, { now });
    expect(parsed).toMatchObject({ event: { receivedAt: now, extra: { shop: 'north' }, context: { page: 2 } } });
  });

  it.each([
    [{ userId: undefined }, 'userId: missing'],
    [{ userId: undefined, sessionId: 's' }, 'accepted'],
    [{ userId: null, sessionId: 's' }, 'userId: not-text'],
    [{ userId: 'session:s' }, 'userId: reserved'],
    [{ itemId: undefined }, 'itemId: missing'],
    [{ type: 'identify', sessionId: 's', itemId: undefined }, 'accepted'],
    [{ type: 'identify', sessionId: 's', itemId: 5 }, 'itemId: not-text'],
    [{ type: 'identify', itemId: undefined }, 'sessionId: missing'],
    [{ type: 'identify', sessionId: 's', userId: undefined }, 'userId: missing'],
    [{ userId: 7 }, 'userId: not-text'],
    [{ itemId: '' }, 'itemId: empty'],
    [{ eventId: 'x'.repeat(257) }, 'eventId: too-long'],
    [{ eventId: '😀'.repeat(256) }, 'accepted'],
    [{ eventId: '\ud800' }, 'eventId: not-unicode'],
    [{ type: undefined }, 'type: missing'],
    [{ type: 'wished' }, 'type: unknown-type'],
    [{ type: 'favorite' }, 'accepted'],
    [{ occurredAt: undefined }, 'occurredAt: missing'],
    [{ occurredAt: '2024-05-01 10:00' }, 'occurredAt: not-a-time'],
    [{ occurredAt: '2024-02-30T10:00:00Z' }, 'occurredAt: not-a-time'],
    [{ occurredAt: 1_714_557_600 }, 'occurredAt: time-in-seconds'],
    [{ occurredAt: 1_714_557_600_000_000 }, 'occurredAt: time-out-of-range'],
    [{ occurredAt: '1969-12-31T23:59:59Z' }, 'occurredAt: time-out-of-range'],
    [{ occurredAt: now + futureToleranceMs }, 'accepted'],
    [{ occurredAt: now + futureToleranceMs + 1 }, 'occurredAt: time-in-future'],
    [{ position: 1.5 }, 'position: not-a-whole-number'],
    [{ position: -1 }, 'position: negative'],
    [{ value: '5' }, 'value: not-a-number'],
    [{ context: [1] }, 'context: not-an-object'],
    [{ context: nested(nestingMax) }, 'accepted'],
    [{ context: nested(nestingMax + 1) }, 'context: too-deep'],
    [{ shop: nested(nestingMax + 1) }, 'shop: too-deep'],
    [{ sessionId: null }, 'sessionId: not-text'],
  ])('%j is %s', (fields, expected) => {
    expect(refusalOf(fields)).toBe(expected);
  });

  it('refuses a value that is not an object', () => {
    for (const value of [null, 'text', [wire], 7, undefined]) {
      expect(parseEvent(value)).toEqual({ ok: false, field: '', reason: 'not-an-object' });
    }
  });
});

describe('serializeEvent', () => {
  it('is the inverse of parseEvent at the same time of receipt', () => {
    const sent = { ...wire, shop: 'north', context: { page: 2 }, position: 0, value: -1.5, ['__proto__']: { a: 1 } };
    const parsed = parseEvent(sent, { now });
    if (!parsed.ok) throw new Error(parsed.reason);
    const text = serializeEvent(parsed.event);
    expect(JSON.parse(text)).not.toHaveProperty('receivedAt');
    expect(parseEvent(JSON.parse(text), { now })).toEqual(parsed);
  });
});

describe('keyOf', () => {
  it('returns the user, or the session of an anonymous person', () => {
    expect(keyOf({ userId: 'u', sessionId: 's' })).toBe('u');
    expect(keyOf({ sessionId: 's' })).toBe('session:s');
  });
});

describe('parseRfc3339', () => {
  it('agrees with Date on every moment', () => {
    const date = fc.date({
      noInvalidDate: true,
      min: new Date('0001-01-01T00:00:00Z'),
      max: new Date('9999-12-31T23:59:59Z'),
    });
    fc.assert(
      fc.property(date, (moment) => {
        expect(parseRfc3339(moment.toISOString())).toBe(moment.getTime());
      }),
    );
  });

  it('reads leap seconds, and refuses impossible clock times and zones', () => {
    expect(parseRfc3339('2016-12-31T23:59:60Z')).toBe(Date.UTC(2017, 0, 1));
    expect(parseRfc3339('2017-01-01T01:59:60+02:00')).toBe(Date.UTC(2017, 0, 1));
    for (const text of [
      '2024-01-01T12:30:60Z',
      '2024-01-01T24:00:00Z',
      '2024-01-01T00:00:00',
      '2024-01-01T00:00:00+24:00',
    ]) {
      expect(parseRfc3339(text)).toBeUndefined();
    }
  });
});
