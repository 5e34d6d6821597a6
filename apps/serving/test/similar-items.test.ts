import { expect, it } from 'vitest';
import { appOfFile, homeOfFile } from './fixtures.ts';

const home = await homeOfFile();
const server = await appOfFile(home, {
  settings: {
    filters: {
      dance: { attributes: { genre: { in: ['dance'] } } },
      'one-of': { attributes: { genre: { in: { context: 'genres' } } } },
      misspelled: { attributes: { gender: { notIn: ['dance'] } } },
    },
  },
});

async function similar(itemId: string, query = ''): Promise<{ statusCode: number; body: Record<string, unknown> }> {
  const response = await server.app.inject(`/v1/items/${encodeURIComponent(itemId)}/similar${query}`);
  return { statusCode: response.statusCode, body: response.json() };
}

function cosine(a: Float32Array, b: Float32Array): number {
  const product = (x: Float32Array, y: Float32Array) => x.reduce((sum, value, at) => sum + value * y[at]!, 0);
  return product(a, b) / Math.sqrt(product(a, a) * product(b, b));
}

it('are the nearest by embedding, without the item itself and unavailable items', async () => {
  const { statusCode, body } = await similar('film-3', '?limit=8');
  expect(statusCode).toBe(200);
  const { bundle } = server.loaded!;
  const dim = bundle.info.spec.config.embeddingDim;
  const vectorOf = (itemId: string) => bundle.vectorOf(bundle.indexOf(itemId)!).subarray(0, dim);
  const expected = Array.from({ length: 58 }, (_, film) => `film-${film}`)
    .filter((itemId) => itemId !== 'film-3')
    .sort((a, b) => cosine(vectorOf('film-3'), vectorOf(b)) - cosine(vectorOf('film-3'), vectorOf(a)))
    .slice(0, 8);
  expect(body).toMatchObject({
    bundleId: home.bundleRef.id,
    itemId: 'film-3',
    title: 'The film 3',
    source: { kind: 'model' },
    requested: 8,
    returned: 8,
  });
  expect((body['items'] as { itemId: string }[]).map(({ itemId }) => itemId)).toEqual(expected);
});

it('pass the named filters', async () => {
  const { body } = await similar('film-3', '?filters=dance&limit=60');
  expect(body).toMatchObject({ returned: 15 });
  expect((await similar('film-3', '?filters=dance,none')).body).toMatchObject({ field: 'filters.1' });
});

it('use filter values of the context, in JSON', async () => {
  const context = encodeURIComponent(JSON.stringify({ genres: ['dance', 'opera'] }));
  const { body } = await similar('film-3', `?filters=one-of&limit=60&context=${context}`);
  // One of the 30 is unavailable.
  expect(body).toMatchObject({ returned: 29, source: { kind: 'model' } });
  expect((await similar('film-3', '?filters=one-of')).body).toMatchObject({ field: 'context.genres' });
  for (const wrong of ['genres', '7', '[]', '{"genres":{}}', '{"genres":null}']) {
    const refused = await similar('film-3', `?context=${encodeURIComponent(wrong)}`);
    expect(refused).toMatchObject({ statusCode: 400, body: { code: 'REQUEST_INVALID', field: 'context' } });
  }
  expect((await similar('film-3', '?filters=misspelled')).body).toMatchObject({ unknownAttributes: ['gender'] });
});

it('never include excluded items, from the model or a fallback', async () => {
  for (const itemId of ['film-3', 'song-1']) {
    const all = (await similar(itemId, '?limit=60')).body['items'] as { itemId: string }[];
    const [first, second] = all;
    const one = await similar(itemId, `?limit=60&exclude=${first!.itemId}`);
    expect(one.body['items']).toEqual(all.slice(1));
    const two = await similar(itemId, `?limit=3&exclude=${first!.itemId}&exclude=${second!.itemId}&exclude=song-9`);
    expect(two.body['items']).toEqual(all.slice(2, 5));
  }
});

it('are popular items for an unknown item, with the reason', async () => {
  for (const itemId of ['song-1', 'a/b?c=%', 'x'.repeat(256)]) {
    const { statusCode, body } = await similar(itemId, '?limit=3');
    expect(statusCode).toBe(200);
    expect(body).toMatchObject({ itemId, source: { kind: 'popular', reason: 'unknown_item' }, returned: 3 });
  }
});

it.each(['?limit=0', '?limit=1001', '?limit=ten', '?limit='])('%s is refused', async (query) => {
  const { statusCode, body } = await similar('film-3', query);
  expect(statusCode).toBe(400);
  expect(body).toMatchObject({ code: 'REQUEST_INVALID', field: 'limit' });
});
