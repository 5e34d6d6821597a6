import { describe, expect, it } from 'vitest';
import {
  parseItem,
  parseLoggedErasure,
  parseLoggedEvent,
  parseLoggedIntake,
  parseLoggedItem,
  parseLoggedUser,
  parseUser,
  serializeErasure,
  serializeEvent,
  serializeIntake,
  serializeItem,
  serializeUser,
} from '../src/index.ts';
import type { Event } from '../src/index.ts';

const noon = Date.UTC(2024, 0, 15, 12);

function makeEvent(fields: Partial<Event> = {}): Event {
  return {
    eventId: 'event-1',
    type: 'purchase',
    userId: 'user-1',
    itemId: 'item-1',
    occurredAt: noon,
    receivedAt: noon + 1000,
    ...fields,
  };
}

const bytes = (text: string): Buffer => Buffer.from(text);

describe('parseLoggedEvent', () => {
  it('restores the event, with the timestamp of the record as receivedAt', () => {
    const event = makeEvent({ sessionId: 's', extra: { shop: 'north' } });
    expect(parseLoggedEvent(bytes(serializeEvent(event)), event.receivedAt)).toEqual({ ok: true, event });
  });

  it.each([
    [null, '', 'missing'],
    [Buffer.from([0x7b, 0xff]), '', 'not-unicode'],
    [bytes('{"eventId":'), '', 'not-json'],
    [bytes(''), '', 'not-json'],
    [bytes('[]'), '', 'not-an-object'],
    [bytes(serializeEvent(makeEvent({ type: 'wished' }))), 'type', 'unknown-type'],
  ])('refuses %s', (value, field, reason) => {
    expect(parseLoggedEvent(value, Date.now())).toEqual({ ok: false, field, reason });
  });

  it.each([-1, NaN, 9_223_372_036_854_775_807])('refuses a record with the timestamp %s', (timestampMs) => {
    const value = bytes(serializeEvent(makeEvent()));
    expect(parseLoggedEvent(value, timestampMs)).toEqual({ ok: false, field: '', reason: 'time-out-of-range' });
  });

  it('accepts declared types', () => {
    const event = makeEvent({ type: 'wished' });
    expect(parseLoggedEvent(bytes(serializeEvent(event)), event.receivedAt, ['wished'])).toEqual({ ok: true, event });
  });
});

describe('parseLoggedItem and parseLoggedUser', () => {
  const item = { itemId: 'a', title: 'Lamp', attributes: { brand: 'x' }, extra: { weight: 3 } };
  const user = { userId: 'u', attributes: { age: 30 }, extra: { since: 2020 } };

  it('restore the record, or nothing for a removed one', () => {
    expect(parseItem(JSON.parse(serializeItem(item)))).toEqual({ ok: true, item });
    expect(parseUser(JSON.parse(serializeUser(user)))).toEqual({ ok: true, user });
    expect(parseLoggedItem('a', bytes(serializeItem(item)))).toEqual({ ok: true, itemId: 'a', item });
    expect(parseLoggedUser('u', bytes(serializeUser(user)))).toEqual({ ok: true, userId: 'u', user });
    expect(parseLoggedItem('a', null)).toEqual({ ok: true, itemId: 'a', item: undefined });
    expect(parseLoggedUser('u', null)).toEqual({ ok: true, userId: 'u', user: undefined });
  });

  it('refuse a key that differs from the id, because topic compaction would keep the wrong record', () => {
    expect(parseLoggedItem('b', bytes(serializeItem(item)))).toEqual({
      ok: false,
      field: 'itemId',
      reason: 'key-differs',
    });
    expect(parseLoggedUser('v', bytes(serializeUser(user)))).toEqual({
      ok: false,
      field: 'userId',
      reason: 'key-differs',
    });
    expect(parseLoggedItem(null, bytes(serializeItem(item)))).toMatchObject({ reason: 'missing' });
    expect(parseLoggedUser('u', bytes('{'))).toMatchObject({ reason: 'not-json' });
  });
});

describe('parseLoggedErasure and parseLoggedIntake', () => {
  const erasure = { erasureId: 'e1', userId: 'u1', requestedAt: 1_790_000_000_000, requestedBy: 'shop' };
  const counts = [
    { day: '2026-11-24', producer: 'web', outcome: 'refused', field: 'itemId', reason: 'missing', count: 2 },
  ] as const;

  it('restores erasure requests and intake counts', () => {
    expect(parseLoggedErasure(Buffer.from(serializeErasure(erasure)))).toEqual({ ok: true, erasure });
    expect(parseLoggedIntake(Buffer.from(serializeIntake(counts)))).toEqual({ ok: true, counts });
  });

  it('refuses malformed erasure requests and intake counts', () => {
    const bytes = (value: unknown): Buffer => Buffer.from(JSON.stringify(value));
    expect(parseLoggedErasure(null)).toMatchObject({ reason: 'missing' });
    expect(parseLoggedErasure(Buffer.from('{'))).toMatchObject({ reason: 'not-json' });
    expect(parseLoggedErasure(bytes([]))).toMatchObject({ reason: 'not-an-object' });
    expect(parseLoggedErasure(bytes({ ...erasure, userId: 7 }))).toMatchObject({ field: 'userId', reason: 'not-text' });
    expect(parseLoggedErasure(bytes({ ...erasure, requestedAt: 'now' }))).toMatchObject({ reason: 'not-a-time' });
    expect(parseLoggedIntake(bytes({}))).toMatchObject({ ok: false });
    expect(parseLoggedIntake(bytes([{ ...counts[0], count: -1 }]))).toMatchObject({ ok: false });
  });
});
