import { expect, it } from 'vitest';
import { appOfFile, homeOfFile } from './fixtures.ts';

const home = await homeOfFile();
const server = await appOfFile(home);

interface Batch {
  bundleId: string;
  responses: Record<string, unknown>[];
}

it('makes the list of each user like a single request, in order', async () => {
  const users = [
    { userId: 'ada' },
    { behaviors: ['film-1', 'film-5'], profile: { age: 'old' } },
    { userId: 'stranger' },
    { userId: 'ben', behaviors: ['film-17'] },
  ];
  const shared = { limit: 7, exclude: ['film-9'], merge: { by: 'round-robin' }, explain: true };
  const { statusCode, body } = await server.post('/v1/recommendations:batch', { users, ...shared });
  expect(statusCode).toBe(200);
  const { responses, bundleId } = body as unknown as Batch;
  expect(bundleId).toBe(home.bundleRef.id);
  expect(responses).toHaveLength(users.length);
  for (const [position, user] of users.entries()) {
    const alone = (await server.post('/v1/recommendations', { ...user, ...shared })).body;
    const { recommendationId, bundleId, ...list } = responses[position]!;
    expect(bundleId).toBeUndefined();
    expect(alone).toEqual({ ...list, bundleId: home.bundleRef.id, position: 0, recommendationId: expect.any(String) });
    expect(alone['recommendationId']).not.toBe(recommendationId);
  }
});

it('ignores misplaced fields: batch fields of a user, and fields of single requests', async () => {
  const users = [{ userId: 'ada' }, { userId: 'ben' }];
  const listsOf = async (asked: object): Promise<unknown> => {
    const { body } = await server.post('/v1/recommendations:batch', asked);
    return (body as unknown as Batch).responses?.map((list) => ({ ...list, recommendationId: '' })) ?? body;
  };
  const more = { limit: null, exclude: 'all', filter: 7, merge: 'max', pageSize: 1 };
  const misplaced = { pageSize: 'x', userId: 'other-1', behaviors: ['film-1'], cursor: 5, timings: 7 };
  const asked = { users: users.map((user) => ({ ...user, ...more })), limit: 3, ...misplaced };
  expect(await listsOf(asked)).toEqual(await listsOf({ users, limit: 3 }));
});

it('returns a problem for a user with invalid fields, and lists for the others', async () => {
  const users = [
    { userId: 'ada' },
    { behaviors: [{ itemId: 'film-1', occurredAt: '2999-01-01T00:00:00Z' }] },
    { userId: 'ben' },
  ];
  const { statusCode, body } = await server.post('/v1/recommendations:batch', { users, limit: 3 });
  expect(statusCode).toBe(200);
  const { responses } = body as unknown as Batch;
  expect(responses.map((response) => response['returned'])).toEqual([3, undefined, 3]);
  expect(responses[1]).toEqual({
    code: 'REQUEST_INVALID',
    message: 'users.1.behaviors.0.occurredAt is more than a day in the future.',
    field: 'users.1.behaviors.0.occurredAt',
    remedy: expect.any(String) as string,
  });
});

it('reports unknown filter attributes once', async () => {
  const filter = { attributes: { gender: { in: ['dance'] } } };
  const users = [{ userId: 'ada' }, { userId: 'ben' }];
  const { body } = await server.post('/v1/recommendations:batch', { users, filter });
  expect(body).toMatchObject({ unknownAttributes: ['gender'], responses: [{ returned: 0 }, { returned: 0 }] });
});

it('stops when the caller disconnects', async () => {
  const url = await server.app.listen({ port: 0 });
  const stop = new AbortController();
  const users = Array.from({ length: 1_000 }, () => ({ userId: 'ada' }));
  const asked = fetch(`${url}/v1/recommendations:batch`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ users, limit: 58, explain: true }),
    signal: stop.signal,
  });
  const metric = async (name: string): Promise<number> => {
    const lines = (await server.app.inject('/metrics')).body.split('\n');
    return Number(lines.find((line) => line.startsWith(name))?.split(' ')[1] ?? 0);
  };
  const responses = 'facet_serving_responses_total{kind="recommendations",source="model",reason=""}';
  const before = await metric(responses);
  await expect.poll(() => metric('facet_http_admission_busy'), { interval: 1 }).toBe(1);
  stop.abort();
  await expect(asked).rejects.toThrow('aborted');
  await expect.poll(() => metric('facet_http_admission_busy'), { interval: 1 }).toBe(0);
  expect((await metric(responses)) - before).toBeLessThan(users.length);
});

it('refuses faults in shared fields, and too many items', async () => {
  const users = [{ userId: 'ada' }];
  const cases: [string, object][] = [
    ['filters.0', { users, filters: ['none'] }],
    ['limit', { users: Array(200).fill({ userId: 'ada' }), limit: 501 }],
    ['users', { users: [] }],
    ['users', {}],
    ['users.0.userId', { users: [{ userId: 7 }] }],
  ];
  for (const [field, body] of cases) {
    const response = await server.post('/v1/recommendations:batch', body);
    expect(response.statusCode).toBe(400);
    expect(response.body).toMatchObject({ code: 'REQUEST_INVALID', field });
  }
});
