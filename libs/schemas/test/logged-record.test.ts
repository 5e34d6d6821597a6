import { describe, expect, it } from 'vitest';
import {
  parseItem,
  parseLogged,
  parseLoggedItem,
  parseLoggedUser,
  parseUser,
  serializeEvent,
  serializeItem,
  serializeUser,
} from '../src/index.ts';
import type { Event } from '../src/index.ts';

function makeEvent(fields: Partial<Event> = {}): Event {
  return {
    eventId: 'event-1',
    type: 'purchase',
    userId: 'user-1',
    itemId: 'item-1',
    occurredAt: 0,
    receivedAt: 1,
    ...fields,
  };
}

const bytes = (text: string): Buffer => Buffer.from(text);

describe('parseLogged', () => {
  it('gives the event, received when the record was', () => {
    const event = makeEvent({ sessionId: 's', extra: { shop: 'north' } });
    expect(parseLogged(bytes(serializeEvent(event)), event.receivedAt)).toEqual({ ok: true, event });
  });

  it.each([
    [null, '', 'missing'],
    [Buffer.from([0x7b, 0xff]), '', 'not-unicode'],
    [bytes('{"eventId":'), '', 'not-json'],
    [bytes(''), '', 'not-json'],
    [bytes('[]'), '', 'not-an-object'],
    [bytes(serializeEvent(makeEvent({ type: 'wished' }))), 'type', 'unknown-type'],
  ])('refuses %s', (value, field, reason) => {
    expect(parseLogged(value, Date.now())).toEqual({ ok: false, field, reason });
  });

  it.each([-1, NaN, 9_223_372_036_854_775_807])('refuses a record of the time %s', (timestampMs) => {
    const value = bytes(serializeEvent(makeEvent()));
    expect(parseLogged(value, timestampMs)).toEqual({ ok: false, field: '', reason: 'time-out-of-range' });
  });

  it('takes declared types', () => {
    const event = makeEvent({ type: 'wished' });
    expect(parseLogged(bytes(serializeEvent(event)), event.receivedAt, ['wished'])).toEqual({ ok: true, event });
  });
});

describe('parseLoggedItem and parseLoggedUser', () => {
  const item = { itemId: 'a', title: 'Lamp', attributes: { brand: 'x' }, extra: { weight: 3 } };
  const user = { userId: 'u', attributes: { age: 30 }, extra: { since: 2020 } };

  it('give the record back, and nothing for a removed one', () => {
    expect(parseItem(JSON.parse(serializeItem(item)))).toEqual({ ok: true, item });
    expect(parseUser(JSON.parse(serializeUser(user)))).toEqual({ ok: true, user });
    expect(parseLoggedItem('a', bytes(serializeItem(item)))).toEqual({ ok: true, itemId: 'a', item });
    expect(parseLoggedUser('u', bytes(serializeUser(user)))).toEqual({ ok: true, userId: 'u', user });
    expect(parseLoggedItem('a', null)).toEqual({ ok: true, itemId: 'a', item: undefined });
    expect(parseLoggedUser('u', null)).toEqual({ ok: true, userId: 'u', user: undefined });
  });

  it('refuse a key that is not the id: compaction would keep the wrong record', () => {
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
