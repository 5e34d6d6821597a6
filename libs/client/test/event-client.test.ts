import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createEventClient, UnacknowledgedError } from '../src/index.ts';
import { startStandInCollector } from './stand-in-collector.ts';
import type { StandInCollector } from './stand-in-collector.ts';

let collector: StandInCollector;
beforeEach(async () => {
  collector = await startStandInCollector();
});
afterEach(() => collector.stop());

const clients = (
  options: { batchSize?: number; concurrency?: number; timeoutMs?: number; giveUpAfterMs?: number } = {},
) => createEventClient({ url: `${collector.url}/`, key: 'secret', ...options });
const click = (itemId: string) => ({ type: 'click', userId: 'ada', itemId });
const clicks = (count: number) => Array.from({ length: count }, (_, i) => click(`item-${i}`));

describe('sending events', () => {
  it('adds ids and times, and returns the outcome of each event', async () => {
    const before = Date.now();
    const sent = await clients().send([
      click('a'),
      click(''),
      { ...click('c'), eventId: 'mine', occurredAt: 1_700_000_000_000 },
    ]);

    expect(sent).toMatchObject({ accepted: 2, duplicates: 0, refused: 1 });
    const [first, second, third] = sent.results;
    expect(first).toEqual({ status: 'accepted', eventId: expect.stringMatching(/^[0-9a-f-]{36}$/) });
    expect(second).toEqual({ status: 'refused', field: 'itemId', reason: 'empty', eventId: expect.any(String) });
    expect(third).toEqual({ status: 'accepted', eventId: 'mine' });
    expect(collector.storedIds()).toEqual([first?.eventId, 'mine']);
    expect(collector.stored[0]?.['occurredAt']).toBeGreaterThanOrEqual(before);
    expect(collector.stored[1]?.['occurredAt']).toBe(1_700_000_000_000);
    expect(collector.requests[0]).toMatchObject({ method: 'POST', url: '/v1/events', authorization: 'Bearer secret' });
  });

  it('sends batches, and returns results in order', async () => {
    const events = clicks(2_345);
    (events[1_500] as { itemId: string }).itemId = '';

    const { accepted, refused, results } = await clients().send(events);

    expect(collector.requests.map(({ records }) => records.length).sort()).toEqual([1_000, 1_000, 345]);
    expect([accepted, refused]).toEqual([2_344, 1]);
    expect(results.findIndex(({ status }) => status === 'refused')).toBe(1_500);
    expect(new Set(collector.storedIds()).size).toBe(2_344);
  });

  it('sends no request without events', async () => {
    expect(await clients().send([])).toEqual({ accepted: 0, duplicates: 0, refused: 0, results: [] });
    expect(collector.requests).toEqual([]);
  });

  it('retries after no response, 429, 502 or 503, with the same ids', async () => {
    collector.failNext(
      'hang-up-after-storing',
      { status: 502 },
      { status: 503 },
      { status: 429, body: { code: 'RATE_LIMITED', message: '' } },
    );

    const { results } = await clients().send(clicks(3));

    expect(collector.requests).toHaveLength(5);
    const [once, again] = [collector.storedIds().slice(0, 3), collector.storedIds().slice(3)];
    expect(again).toEqual(once);
    expect(results.map(({ eventId }) => eventId)).toEqual(once);
  });

  it('waits for Retry-After', async () => {
    collector.failNext({ status: 503, headers: { 'retry-after': '1' } });
    const startedAt = performance.now();

    await clients().send(clicks(1));

    expect(performance.now() - startedAt).toBeGreaterThan(1_000);
  });

  it('halves a request that is too large, and reports an event that is too large alone', async () => {
    const tooLarge = { status: 413, body: { code: 'BODY_TOO_LARGE', message: '' } };
    collector.failNext(tooLarge, tooLarge, tooLarge);

    const { accepted, results } = await clients().send(clicks(4));

    expect(collector.requests.map(({ records }) => records.length)).toEqual([4, 2, 1, 1, 2]);
    expect(accepted).toBe(3);
    expect(results[0]).toMatchObject({ status: 'refused', reason: 'too-large' });
  });

  it('returns the results of a batch of which all events were refused', async () => {
    const results = [{ index: 0, status: 'refused', field: 'type', reason: 'unknown-type', message: 'No such type.' }];
    collector.failNext({
      status: 400,
      body: { statusCode: 400, code: 'ALL_REFUSED', message: 'All were refused.', results },
    });

    const sent = await clients().send(clicks(1));

    expect(sent.refused).toBe(1);
    expect(sent.results[0]).toMatchObject({ field: 'type', reason: 'unknown-type', message: 'No such type.' });
  });

  it('returns unacknowledged events when the time is up', async () => {
    const events = clicks(30);
    collector.failNext({ status: 202, body: { accepted: 10, duplicates: 0, refused: 0, results: [] } });
    collector.failAll({
      status: 503,
      body: { statusCode: 503, code: 'STORE_UNAVAILABLE', message: 'The spool is full.' },
    });

    const failure = await clients({ batchSize: 10, concurrency: 1, giveUpAfterMs: 300 })
      .send(events)
      .catch((error: unknown) => error);

    expect(failure).toBeInstanceOf(UnacknowledgedError);
    const { code, retryable, unacknowledged } = failure as UnacknowledgedError<{ itemId: string; eventId: string }>;
    expect({ code, retryable }).toEqual({ code: 'STORE_UNAVAILABLE', retryable: true });
    expect(unacknowledged.map(({ itemId }) => itemId)).toEqual(events.slice(10).map(({ itemId }) => itemId));
    expect(unacknowledged.every(({ eventId }) => eventId !== undefined)).toBe(true);
  });

  it.each([
    [
      'refuses the key',
      { status: 401, body: { statusCode: 401, code: 'KEY_UNKNOWN', message: 'Unknown key.' } },
      'KEY_UNKNOWN',
    ],
    ['is not Facet', { status: 200, body: 'hello' }, 'CLIENT_RESPONSE_UNREADABLE'],
    ['has no such route', { status: 404 }, 'HTTP_404'],
  ])('does not retry when the server %s', async (_, fault, code) => {
    collector.failAll(fault);

    await expect(clients().send(clicks(1))).rejects.toMatchObject({ code, retryable: false });
    expect(collector.requests).toHaveLength(1);
  });

  it('reports which server could not be reached', async () => {
    collector.failAll('hang-up');

    await expect(clients({ giveUpAfterMs: 0 }).send(clicks(1))).rejects.toMatchObject({
      code: 'CLIENT_UNREACHABLE',
      retryable: true,
      message: expect.stringContaining(collector.url),
    });
  });

  it('stops when the signal aborts', async () => {
    collector.failAll({ status: 503 });
    const stop = new AbortController();
    setTimeout(() => stop.abort(new Error('enough')), 100);

    await expect(clients().send(clicks(1), { signal: stop.signal })).rejects.toThrow('enough');
    const { length } = collector.requests;
    await new Promise((resolve) => setTimeout(resolve, 500));
    expect(collector.requests).toHaveLength(length);
  });
});

describe('items, users and erasures', () => {
  it('sends items and users in batches', async () => {
    const client = clients({ batchSize: 2 });

    expect(await client.putItems([{ itemId: 'a', title: 'A' }, { itemId: 'b' }, { itemId: 'c' }])).toMatchObject({
      accepted: 3,
    });
    expect(await client.putUsers([{ userId: 'ada', attributes: { country: 'uk' } }])).toMatchObject({ accepted: 1 });

    expect(collector.requests.map(({ method, url }) => `${method} ${url}`)).toEqual([
      'PUT /v1/items',
      'PUT /v1/items',
      'PUT /v1/users',
    ]);
    expect(collector.stored.at(-1)).toEqual({ userId: 'ada', attributes: { country: 'uk' } });
  });

  it('erases a user with any characters in the id', async () => {
    expect(await clients().eraseUser('a/b?c')).toEqual({ erasureId: 'erasure-1', requestedAt: 1 });
    expect(collector.requests[0]).toMatchObject({ method: 'DELETE', url: '/v1/users/a%2Fb%3Fc', contentType: '' });

    collector.failNext({ status: 403, body: { statusCode: 403, code: 'KEY_SCOPE', message: 'Not this key.' } });
    await expect(clients().eraseUser('ada')).rejects.toMatchObject({ code: 'KEY_SCOPE' });
  });
});
