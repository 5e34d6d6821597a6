import { describe, expect, it } from 'vitest';
import { parseItem, parseUser } from '../src/index.ts';

describe('parseItem', () => {
  it('fills absent attributes and keeps unknown fields', () => {
    expect(parseItem({ itemId: 'a', title: 'Lamp', available: false, weight: 3 })).toEqual({
      ok: true,
      item: { itemId: 'a', title: 'Lamp', available: false, attributes: {}, extra: { weight: 3 } },
    });
  });

  it.each([
    [{ itemId: '' }, 'itemId', 'empty'],
    [{ itemId: 'a', title: 5 }, 'title', 'not-text'],
    [{ itemId: 'a', available: 'yes' }, 'available', 'not-true-or-false'],
    [{ itemId: 'a', attributes: null }, 'attributes', 'not-an-object'],
    [{ itemId: 'a', attributes: [] }, 'attributes', 'not-an-object'],
    [{ itemId: 'a', attributes: { size: { width: 1 } } }, 'attributes.size', 'not-an-attribute'],
    [{ itemId: 'a', attributes: { tags: ['x', 1] } }, 'attributes.tags', 'not-an-attribute'],
    ['a', '', 'not-an-object'],
  ])('refuses %j', (value, field, reason) => {
    expect(parseItem(value)).toEqual({ ok: false, field, reason });
  });
});

describe('parseUser', () => {
  it('accepts text, numbers, booleans and lists of text as attributes', () => {
    const attributes = { city: 'Ulm', age: 30, member: true, tags: ['a', 'b'] };
    expect(parseUser({ userId: 'u', attributes, since: 2020 })).toEqual({
      ok: true,
      user: { userId: 'u', attributes, extra: { since: 2020 } },
    });
    expect(parseUser({ attributes })).toEqual({ ok: false, field: 'userId', reason: 'missing' });
    expect(parseUser({ userId: 'session:1' })).toEqual({ ok: false, field: 'userId', reason: 'reserved' });
  });
});
