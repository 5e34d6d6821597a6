import { dayMs } from '@facet/platform';
import { describe, expect, it } from 'vitest';
import { appOfFile, homeOfFile, now } from './fixtures.ts';

const home = await homeOfFile();
const server = await appOfFile(home);

const many = (count: number): string[] => Array.from({ length: count }, (_, index) => `film-${index % 60}`);

describe('a wrong field is named with its fault', () => {
  it.each<[string, RegExp, object]>([
    ['limit', /limit must be >= 1/, { limit: 0 }],
    ['limit', /limit must be <= 1000/, { limit: 1001 }],
    ['limit', /limit must be integer/, { limit: 1.5 }],
    ['limit', /limit must be integer/, { limit: '5' }],
    ['userId', /userId must not have fewer than 1 characters/, { userId: '' }],
    ['userId', /userId must not have more than 256 characters/, { userId: 'x'.repeat(257) }],
    ['userId', /userId must be string/, { userId: null }],
    ['userId', /userId must be string/, { userId: 7 }],
    ['behaviors', /behaviors must be array/, { behaviors: 'film-1' }],
    ['behaviors.1', /behaviors.1 must be string, or must be object/, { behaviors: ['film-1', 7] }],
    ['behaviors.1', /behaviors.1 must not have fewer than 1 characters/, { behaviors: ['film-1', ''] }],
    ['behaviors.0.itemId', /behaviors.0.itemId is missing/, { behaviors: [{}] }],
    ['behaviors.0.itemId', /behaviors.0.itemId must be string/, { behaviors: [{ itemId: 5 }] }],
    [
      'behaviors.0.occurredAt',
      /must be RFC 3339 text, or must be epoch/,
      { behaviors: [{ itemId: 'a', occurredAt: 'yesterday' }] },
    ],
    ['behaviors.0.occurredAt', /occurredAt/, { behaviors: [{ itemId: 'a', occurredAt: '2026-02-30T10:00:00Z' }] }],
    ['behaviors.0.occurredAt', /must be >= 100000000000/, { behaviors: [{ itemId: 'a', occurredAt: 1_700_000_000 }] }],
    ['behaviors.0.occurredAt', /in the future/, { behaviors: [{ itemId: 'a', occurredAt: now + 2 * dayMs }] }],
    ['behaviors', /behaviors must not have more than 10000 items/, { behaviors: many(10_001) }],
    ['exclude', /exclude must not have more than 10000 items/, { exclude: many(10_001) }],
    ['exclude.0', /exclude.0 must be string/, { exclude: [{}] }],
    ['explain', /explain must be false, or must be true, or must be "full"/, { explain: 'yes' }],
    ['profile.age', /profile.age must be/, { profile: { age: { years: 7 } } }],
    ['profile.two\nlines', /must be/, { profile: { 'two\nlines': null } }],
    ['context.two\r\nlines', /must be/, { context: { 'two\r\nlines': null } }],
    ['filter.attributes.two\nlines', /must be object/, { filter: { attributes: { 'two\nlines': null } } }],
  ])('%s: %s', async (field, message, body) => {
    const response = await server.post('/v1/recommendations', body);
    expect(response.statusCode).toBe(400);
    expect(response.body).toMatchObject({ statusCode: 400, code: 'REQUEST_INVALID', field });
    expect(response.body['remedy']).toBeDefined();
    expect(response.body['message']).toMatch(message);
    expect(response.headers['content-type']).toBe('application/json; charset=utf-8');
  });

  it('accepts the documented maximum', async () => {
    const { statusCode, body } = await server.post('/v1/recommendations', { behaviors: many(10_000), limit: 1000 });
    expect(statusCode).toBe(200);
    expect(body['returned']).toBe(0);
    expect((await server.post('/v1/recommendations', { exclude: many(10_000) })).statusCode).toBe(200);
  });
});

it('suggests fewer behaviors for a body beyond the limit', async () => {
  const response = await server.post('/v1/recommendations', { userId: 'ada', padding: 'x'.repeat(1 << 20) });
  expect(response.statusCode).toBe(413);
  expect(response.body).toMatchObject({ code: 'BODY_TOO_LARGE', remedy: expect.stringContaining('behaviors') });
});

it('refers to the docs for an unknown path', async () => {
  expect((await server.app.inject('/v1/recommend')).json()).toMatchObject({ code: 'NOT_FOUND', remedy: 'See /docs.' });
});
