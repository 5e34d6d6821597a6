// cspell:ignore userld nearset
import { expect, it } from 'vitest';
import { apiKey, appOfFile, homeOfFile } from './fixtures.ts';

interface RankedItem {
  readonly itemId: string;
  readonly score: number;
  readonly interest?: number;
}

const home = await homeOfFile();
const server = await appOfFile(home);

it('scores candidates as recommendations score them, in the same order', async () => {
  const user = { userId: 'ada', excludeSeen: false };
  const { body: list } = await server.post('/v1/recommendations', { ...user, limit: 58 });
  const wanted = list['items'] as RankedItem[];
  const itemIds = wanted.map(({ itemId }) => itemId).sort();
  const { statusCode, body } = await server.post('/v1/rank', { userId: 'ada', itemIds });
  expect(statusCode).toBe(200);
  expect(body).toMatchObject({ bundleId: home.bundleRef.id, source: { kind: 'model' }, unknownItems: 0 });
  const ranked = body['items'] as RankedItem[];
  expect(ranked.map(({ itemId }) => itemId)).toEqual(wanted.map(({ itemId }) => itemId));
  ranked.forEach(({ score, interest }, index) => {
    expect(score).toBeCloseTo(wanted[index]!.score, 4);
    expect(interest).toBe(wanted[index]!.interest);
  });
});

it('counts unknown candidates, keeps one of repeated ones, and ranks unavailable items', async () => {
  const itemIds = ['film-1', 'film-1', 'film-59', 'song-1', 'song-2'];
  const { body } = await server.post('/v1/rank', { userId: 'ada', itemIds });
  expect((body['items'] as RankedItem[]).map(({ itemId }) => itemId).sort()).toEqual(['film-1', 'film-59']);
  expect(body['unknownItems']).toBe(2);
});

it('ranks by popularity for a user without interests, with the reason', async () => {
  const { body } = await server.post('/v1/rank', { userId: 'stranger', itemIds: ['film-1', 'film-59'] });
  expect(body).toMatchObject({ source: { kind: 'popular', reason: 'unknown_user' } });
  const [first, second] = body['items'] as RankedItem[];
  expect([first!.itemId, second!.itemId]).toEqual(['film-1', 'film-59']);
  expect(first).not.toHaveProperty('interest');
});

it('returns the attributes that a request names, on every page', async () => {
  const request = { userId: 'ada', limit: 4, pageSize: 2, include: ['title', 'genre', 'price'] };
  const { body: first } = await server.post('/v1/recommendations', request);
  const { body: second } = await server.post('/v1/recommendations', { cursor: first['nextCursor'] });
  for (const { items } of [first, second] as unknown as { items: object[] }[]) {
    expect(items).toHaveLength(2);
    for (const item of items) {
      expect(item).toMatchObject({
        title: expect.any(String) as string,
        attributes: { genre: expect.any(String) as string },
      });
    }
  }
  expect(first['unknownAttributes']).toEqual(['price']);
  const { body: ranked } = await server.post('/v1/rank', { userId: 'ada', itemIds: ['film-1'], include: ['genre'] });
  expect(ranked['items']).toMatchObject([{ attributes: { genre: 'dance' } }]);
  const similar = await server.app.inject({
    url: '/v1/items/film-1/similar?limit=1&include=genre,price',
    headers: { 'x-api-key': apiKey },
  });
  expect(similar.json()).toMatchObject({ items: [{ attributes: {} }], unknownAttributes: ['price'] });
});

it('reports the attribute of a merge that no item has', async () => {
  const merge = { by: 'diverse', lambda: 0.3, attribute: 'gener' };
  expect((await server.post('/v1/recommendations', { userId: 'ada', merge })).body['unknownAttributes']).toEqual([
    'gener',
  ]);
});

it.each([
  ['/v1/recommendations', { user_id: 'ada' }, 'user_id', 'Did you mean userId?'],
  [
    '/v1/recommendations',
    { userId: 'ada', behaviors: [{ itemId: 'film-1', at: 5 }] },
    'behaviors.0.at',
    'The known fields are itemId, occurredAt, type.',
  ],
  [
    '/v1/recommendations:batch',
    { users: [{ userId: 'ada' }, { userld: 'ben' }] },
    'users.1.userld',
    'Did you mean userId?',
  ],
  ['/v1/interests', { userId: 'ada', nearset: 2 }, 'nearset', 'Did you mean nearest?'],
  ['/v1/rank', { userId: 'ada', itemIds: ['film-1'], includes: ['genre'] }, 'includes', 'Did you mean include?'],
])('%s refuses %j if the request is strict', async (url, request, field, remedy) => {
  expect((await server.post(url, request)).statusCode).toBe(200);
  const { statusCode, body } = await server.post(url, { ...request, strict: true });
  expect([statusCode, body]).toEqual([400, expect.objectContaining({ code: 'REQUEST_INVALID', field, remedy })]);
});

it.each([
  ['filter=one-genre', 'filter', 'Did you mean filters?'],
  ['limit=2&excludes=film-2', 'excludes', 'Did you mean exclude?'],
  ['colour=red', 'colour', 'The known fields are limit, filters, context, include, exclude, strict.'],
])('a query for similar items with %s is refused if it is strict', async (query, field, remedy) => {
  const ask = async (text: string) =>
    server.app.inject({ url: `/v1/items/film-1/similar?${text}`, headers: { 'x-api-key': apiKey } });
  expect((await ask(query)).statusCode).toBe(200);
  expect((await ask(`${query}&strict=false`)).statusCode).toBe(200);
  const refused = await ask(`${query}&strict=true`);
  expect([refused.statusCode, refused.json()]).toEqual([
    400,
    expect.objectContaining({ code: 'REQUEST_INVALID', field, remedy }),
  ]);
  expect((await ask('limit=2&exclude=film-2&strict=true')).statusCode).toBe(200);
  expect((await ask('strict=yes')).json()).toMatchObject({ message: 'strict must be "true" or "false".' });
});

it('accepts every example of the document as a strict request', async () => {
  const requests = [
    { userId: 'ada', limit: 1, explain: true },
    { behaviors: ['film-3', { itemId: 'film-4', type: 'rating' }], profile: { age: 'young', anything: 1 }, limit: 5 },
    {
      userId: 'ada',
      merge: { by: 'diverse', lambda: 0.3, attribute: 'genre' },
      excludeSeen: { types: ['rating'], withinDays: 90 },
    },
    { userId: 'ada', filter: { attributes: { genre: { in: ['opera'] } } }, context: { budget: 30 } },
  ];
  for (const request of requests) {
    const { statusCode, body } = await server.post('/v1/recommendations', { ...request, strict: true });
    expect(statusCode, JSON.stringify(body)).toBe(200);
  }
});
