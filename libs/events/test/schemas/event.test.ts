import fc from 'fast-check';
import { Compile } from 'typebox/compile';
import { describe, expect, it } from 'vitest';
import { EventSchema, futureToleranceMs, parseEvent, standardEventTypes } from '../../src/schemas/index.ts';
import { parseRfc3339 } from '../../src/schemas/rfc3339.ts';

const now = Date.UTC(2024, 5, 1);
const wire = { eventId: 'e', type: 'click', userId: 'u', itemId: 'i', occurredAt: '2024-05-01T10:00:00Z' };

const refusalOf = (fields: object): string => {
  const parsed = parseEvent({ ...wire, ...fields }, { now, types: ['favorite'] });
  return parsed.ok ? 'accepted' : `${parsed.field}: ${parsed.reason}`;
};

describe('parseEvent', () => {
  it('gives times as epoch milliseconds and stamps the time of receipt', () => {
    expect(parseEvent({ ...wire, occurredAt: '2024-05-01T12:00:00.25+02:00' }, { now })).toEqual({
      ok: true,
      event: { ...wire, occurredAt: Date.UTC(2024, 4, 1, 10, 0, 0, 250), receivedAt: now },
    });
    expect(parseEvent({ ...wire, occurredAt: now - 5 }, { now })).toMatchObject({ event: { occurredAt: now - 5 } });
  });

  it('keeps unknown fields, and its own word on when an event was received', () => {
    const parsed = parseEvent({ ...wire, receivedAt: 5, shop: 'north', context: { page: 2 } }, { now });
    expect(parsed).toMatchObject({ event: { receivedAt: now, extra: { shop: 'north' }, context: { page: 2 } } });
  });

  it.each([
    [{ userId: undefined }, 'userId: missing'],
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
    [{ sessionId: null }, 'sessionId: not-text'],
  ])('%j is %s', (fields, expected) => {
    expect(refusalOf(fields)).toBe(expected);
  });

  it('refuses what is no object', () => {
    for (const value of [null, 'text', [wire], 7, undefined]) {
      expect(parseEvent(value)).toEqual({ ok: false, field: '', reason: 'not-an-object' });
    }
  });

  it('accepts only what the published schema accepts, and nearly all of that', () => {
    const schema = Compile(EventSchema);
    const odd = fc.oneof(
      fc.string(),
      fc.integer(),
      fc.double(),
      fc.constant(null),
      fc.constant(undefined),
      fc.object(),
    );
    const id = fc.string({ minLength: 1, maxLength: 300, unit: 'grapheme' });
    const time = fc.oneof(
      fc.date({ noInvalidDate: true, min: new Date(0), max: new Date(now) }).map((date) => date.toISOString()),
      fc.integer({ min: 1e11, max: now }),
    );
    const event = fc.record(
      {
        eventId: fc.oneof({ weight: 9, arbitrary: id }, odd),
        type: fc.oneof({ weight: 9, arbitrary: fc.constantFrom(...standardEventTypes) }, odd),
        userId: fc.oneof({ weight: 9, arbitrary: id }, odd),
        itemId: fc.oneof({ weight: 9, arbitrary: id }, odd),
        occurredAt: fc.oneof({ weight: 9, arbitrary: time }, odd),
        position: fc.oneof({ weight: 9, arbitrary: fc.nat() }, odd),
        value: fc.oneof({ weight: 9, arbitrary: fc.double({ noNaN: true, noDefaultInfinity: true }) }, odd),
        context: fc.oneof({ weight: 9, arbitrary: fc.dictionary(fc.string(), fc.jsonValue()) }, odd),
        color: fc.jsonValue(),
      },
      { requiredKeys: ['eventId', 'type', 'userId', 'itemId', 'occurredAt'] },
    );
    let accepted = 0;
    fc.assert(
      fc.property(event, (value) => {
        const sent = JSON.parse(JSON.stringify(value)) as unknown;
        const parsed = parseEvent(sent, { now });
        if (parsed.ok) accepted++;
        const beyondSchema =
          !parsed.ok && ['unknown-type', 'time-in-future', 'not-unicode', 'time-out-of-range'].includes(parsed.reason);
        if (!beyondSchema) expect(parsed.ok).toBe(schema.Check(sent));
      }),
      { numRuns: 2000 },
    );
    expect(accepted).toBeGreaterThan(500);
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

  it('knows leap seconds and refuses clocks and zones that do not exist', () => {
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
