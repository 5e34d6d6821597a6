import { createFolderArtifactStore } from '@facet/artifacts';
import { describe, expect, it } from 'vitest';
import { appOfFile, films, homeOfFile, putBundle } from './fixtures.ts';

const titles = [
  '<b>Alien</b> & "friends"',
  'Amélie',
  'The alien attack',
  'An ALIEN sea',
  '千と千尋の神隠し',
  '  Sea \n of  sand',
];
/** Titles of the last six films without interactions, in the order of their indices. */
const items = films.map((film, index) => (index >= 52 && index < 58 ? { ...film, title: titles[index - 52]! } : film));

const home = await homeOfFile();
await createFolderArtifactStore(home.artifactsFolder).promote(await putBundle(home, { items }));
const server = await appOfFile(home, {
  settings: { filters: { cheap: { attributes: { price: { max: { context: 'budget' } } } } } },
});

async function get<Body>(url: string): Promise<Body> {
  const response = await server.app.inject({ url });
  expect(response.statusCode, response.body).toBe(200);
  return response.json();
}

const search = async (query: string, limit = 5): Promise<string[]> => {
  const url = `/v1/items?query=${encodeURIComponent(query)}&limit=${limit}`;
  const { items: found } = await get<{ items: { itemId: string; title: string }[] }>(url);
  return found.map(({ title }) => title);
};

describe('GET /v1/items', () => {
  it('finds words in any order, and ignores case, accents and white space', async () => {
    expect(await search('amelie')).toEqual(['Amélie']);
    expect(await search('SAND sea')).toEqual(['  Sea \n of  sand']);
    expect(await search('千尋')).toEqual(['千と千尋の神隠し']);
    expect(await search('<b>')).toEqual(['<b>Alien</b> & "friends"']);
    expect(await search('unheard of')).toEqual([]);
  });

  it('ranks the whole title first, then its start, then starts of words', async () => {
    expect(await search('the film 5')).toEqual([
      'The film 5',
      'The film 50',
      'The film 51',
      'The film 58',
      'The film 59',
    ]);
    expect((await search('alien')).sort()).toEqual(['<b>Alien</b> & "friends"', 'An ALIEN sea', 'The alien attack']);
    expect((await search('alien')).at(-1), 'not at the start of a word').toBe('<b>Alien</b> & "friends"');
  });

  it('finds an item by its id, and says whether it may be recommended', async () => {
    const { items: found } = await get<{ items: object[] }>('/v1/items?query=film-59&limit=1');
    expect(found).toEqual([{ itemId: 'film-59', title: 'The film 59', available: false }]);
  });

  it('returns the most popular items without a query', async () => {
    const popular = await get<{ items: { itemId: string }[] }>('/v1/items?limit=3');
    const { body } = await server.post('/v1/recommendations', { limit: 3 });
    expect(popular.items.map(({ itemId }) => itemId)).toEqual(
      (body['items'] as { itemId: string }[]).map(({ itemId }) => itemId),
    );
  });

  it.each(['0', '101', '9999'])('refuses the limit %s', async (limit) => {
    const response = await server.app.inject({ url: `/v1/items?limit=${limit}` });
    expect(response.json()).toMatchObject({ statusCode: 400, code: 'REQUEST_INVALID', field: 'limit' });
  });
});

it('GET /v1/catalog describes what a request can refer to', async () => {
  expect(await get('/v1/catalog')).toMatchObject({
    items: 60,
    interestsMax: 4,
    sequenceLength: 16,
    dataEnd: '2026-03-01T00:00:00.000Z',
    merge: { by: 'max' },
    attributes: [
      {
        name: 'genre',
        type: 'text',
        distinct: 4,
        values: ['crime', 'dance', 'opera', 'space'].map((value) => ({ value, items: 15 })),
      },
    ],
    filters: [{ name: 'cheap', context: ['budget'] }],
  });
});
