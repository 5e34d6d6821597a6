import { expect, it } from 'vitest';
import { createServingClient } from '../src/serving/index.ts';
import type { RecommendationsResponse } from '../src/serving/index.ts';

const recommendations: RecommendationsResponse = {
  recommendationId: 'r-1',
  bundleId: 'b-1',
  source: { kind: 'model' },
  items: [{ itemId: 'film-1', score: 1 }],
  position: 0,
  requested: 3,
  returned: 1,
  removed: { seen: 0, excluded: 0, unavailable: 0, filtered: 0 },
  unknownItems: 0,
};

interface Sent {
  readonly method: string;
  readonly url: string;
  readonly key: string | null;
  readonly body: unknown;
  readonly at: number;
}

/** Returns a `fetch` that gives the responses in turn, and repeats the last one. */
function respondWith(
  ...responses: readonly { readonly status: number; readonly body: unknown; readonly after?: number }[]
) {
  const sent: Sent[] = [];
  const send: typeof fetch = async (url, { method = '', headers, body } = {}) => {
    const { status, body: payload, after } = responses[Math.min(sent.length, responses.length - 1)]!;
    const key = new Headers(headers).get('authorization');
    sent.push({ method, url: String(url), key, body: JSON.parse(String(body ?? 'null')), at: performance.now() });
    return Response.json(payload, { status, headers: after === undefined ? {} : { 'retry-after': String(after) } });
  };
  return { sent, fetch: send };
}

const connect = (platform: { fetch: typeof fetch }, giveUpAfterMs = 5_000) =>
  createServingClient({ url: 'http://facet/', key: 'k', giveUpAfterMs, fetch: platform.fetch });

it('sends each request to its route, with the key', async () => {
  const platform = respondWith({ status: 200, body: recommendations });
  const client = connect(platform);
  expect(await client.recommend({ userId: 'ada' })).toEqual(recommendations);
  await client.recommendBatch({ users: [{ userId: 'ada' }] });
  await client.describeInterests({ userId: 'ada', strict: false });
  await client.rank({ userId: 'ada', itemIds: ['a'] });
  await client.findSimilarItems('a/b?c', { limit: 3, filters: ['new', 'cheap'] });
  await client.findSimilarItems('a');
  await client.findSimilarItems('a', { context: { budget: 30 }, exclude: ['b', 'c&d'], include: ['price'] });
  expect(platform.sent.map(({ method, url, body }) => [`${method} ${url}`, body])).toEqual([
    ['POST http://facet/v1/recommendations', { strict: true, userId: 'ada' }],
    ['POST http://facet/v1/recommendations:batch', { strict: true, users: [{ userId: 'ada' }] }],
    ['POST http://facet/v1/interests', { strict: false, userId: 'ada' }],
    ['POST http://facet/v1/rank', { strict: true, userId: 'ada', itemIds: ['a'] }],
    ['GET http://facet/v1/items/a%2Fb%3Fc/similar?limit=3&filters=new%2Ccheap', null],
    ['GET http://facet/v1/items/a/similar', null],
    ['GET http://facet/v1/items/a/similar?context=%7B%22budget%22%3A30%7D&exclude=b&exclude=c%26d&include=price', null],
  ]);
  expect(new Set(platform.sent.map(({ key }) => key))).toEqual(new Set(['Bearer k']));
});

it('yields the pages of a list, with one request per requested page', async () => {
  const platform = respondWith(
    { status: 200, body: { ...recommendations, nextCursor: 'two' } },
    { status: 200, body: { ...recommendations, position: 1, nextCursor: 'three' } },
    { status: 200, body: { ...recommendations, position: 2 } },
  );
  const client = connect(platform);
  const positions: number[] = [];
  const request = { userId: 'ada', limit: 3, pageSize: 1, record: false };
  for await (const { position } of client.pages(request)) positions.push(position);
  expect(positions).toEqual([0, 1, 2]);
  expect(platform.sent.map(({ body }) => body)).toEqual([
    { strict: true, userId: 'ada', limit: 3, pageSize: 1, record: false },
    { strict: true, cursor: 'two', record: false },
    { strict: true, cursor: 'three', record: false },
  ]);
  await connect(platform).pages({ userId: 'ada', pageSize: 1 })[Symbol.asyncIterator]().next();
  expect(platform.sent).toHaveLength(4);
});

it('retries a rejected request, and not before Retry-After', async () => {
  const busy = { status: 503, body: { statusCode: 503, code: 'OVERLOADED', message: 'Busy.' }, after: 1 };
  const platform = respondWith(busy, { status: 200, body: recommendations });
  expect(await connect(platform).recommend({ userId: 'ada' })).toEqual(recommendations);
  const [first, second] = platform.sent;
  expect(second!.at - first!.at).toBeGreaterThanOrEqual(1_000);
});

it('throws the problem of the server when the time is up or the request is invalid', async () => {
  const limited = { status: 429, body: { statusCode: 429, code: 'RATE_LIMITED', message: 'Too many.' }, after: 60 };
  const patient = respondWith(limited);
  await expect(connect(patient).recommend({})).rejects.toMatchObject({ code: 'RATE_LIMITED', retryable: true });
  expect(patient.sent).toHaveLength(1);

  const problem = { statusCode: 400, code: 'REQUEST_INVALID', message: 'No.', field: 'limit', remedy: 'Correct it.' };
  const refused = respondWith({ status: 400, body: problem });
  await expect(connect(refused).recommend({ limit: 0 })).rejects.toMatchObject({
    code: 'REQUEST_INVALID',
    field: 'limit',
    remedy: 'Correct it.',
    retryable: false,
  });
  expect(refused.sent).toHaveLength(1);
  const other = respondWith({ status: 200, body: 'hello' });
  await expect(connect(other).recommend({})).rejects.toMatchObject({ code: 'CLIENT_RESPONSE_UNREADABLE' });
});

it('stops waiting when the signal aborts', async () => {
  const platform = respondWith({ status: 503, body: {}, after: 3 });
  const stop = new AbortController();
  const pending = connect(platform).recommend({}, { signal: stop.signal });
  await expect.poll(() => platform.sent.length).toBe(1);
  stop.abort(new Error('the page is gone'));
  await expect(pending).rejects.toThrow('the page is gone');
});

it('refuses to be created without an address or a key', () => {
  const options = { url: undefined, key: 'k' } as unknown as { url: string; key: string };
  expect(() => createServingClient(options)).toThrow('The option "url" of the Facet client is undefined.');
  expect(() => createServingClient({ url: 'http://localhost', key: '' })).toThrow(
    '"key" of the Facet client is empty.',
  );
});
