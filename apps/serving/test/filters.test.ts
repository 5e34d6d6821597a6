import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { appOfFile, films, homeOfFile } from './fixtures.ts';

const settings = {
  filters: {
    'only-dance': { attributes: { genre: { in: ['dance'] } } },
    'not-mine': { attributes: { genre: { notIn: { context: 'genres' } } } },
    'in-budget': { attributes: { price: { max: { context: 'budget' } } } },
  },
};

const home = await homeOfFile();
const server = await appOfFile(home, { settings });

const genreOf = (itemId: string): unknown => films.find((film) => film.itemId === itemId)!.attributes['genre'];

async function ask(body: Record<string, unknown>) {
  const response = await server.post('/v1/recommendations', body);
  expect(response.statusCode, JSON.stringify(response.body)).toBe(200);
  return response.body as {
    items: { itemId: string; score: number }[];
    source: { kind: string };
    returned: number;
    requested: number;
    removed: Record<'seen' | 'excluded' | 'unavailable' | 'filtered', number>;
  };
}

async function refusal(body: Record<string, unknown>) {
  const response = await server.post('/v1/recommendations', body);
  expect(response.statusCode).toBe(400);
  return response.body;
}

describe('a filter', () => {
  it('returns only matching items, fills the page, and counts the others', async () => {
    const all = await ask({ userId: 'ada', limit: 60 });
    const response = await ask({ userId: 'ada', limit: 60, filter: { attributes: { genre: { in: ['dance'] } } } });
    expect(response.items).toEqual(all.items.filter(({ itemId }) => genreOf(itemId) === 'dance'));
    expect(response.returned).toBe(15);
    // 60 films: 15 of dance; of the other genres, ada has seen 10, and two are unavailable.
    expect(response.removed).toEqual({ seen: 10, excluded: 0, unavailable: 2, filtered: 33 });
  });

  it('applies to fallbacks, too', async () => {
    const response = await ask({ userId: 'stranger', limit: 7, filters: ['only-dance'] });
    expect(response.source.kind).toBe('popular');
    expect(response.items.map(({ itemId }) => genreOf(itemId))).toEqual(Array(7).fill('dance'));
  });

  it('can be declared, and use values of the context', async () => {
    const context = { genres: ['dance', 'opera'] };
    const { items, returned } = await ask({ userId: 'ada', limit: 60, filters: ['not-mine'], context });
    expect(returned).toBeGreaterThan(10);
    for (const { itemId } of items) expect(['crime', 'space']).toContain(genreOf(itemId));
    const both = await ask({ userId: 'ada', limit: 60, filters: ['not-mine', 'only-dance'], context });
    expect(both.returned).toBe(0);
  });

  it('is refused by name if it is undeclared or lacks its context', async () => {
    expect(await refusal({ filters: ['only-dance', 'no-such'] })).toMatchObject({
      field: 'filters.1',
      remedy: 'Use one of: only-dance, not-mine, in-budget.',
    });
    expect(await refusal({ filters: ['not-mine'] })).toMatchObject({ field: 'context.genres' });
    expect(await refusal({ filters: ['in-budget'], context: { budget: 'small' } })).toMatchObject({
      field: 'context.budget',
    });
    expect(await refusal({ filter: { genre: ['dance'] } })).toMatchObject({ field: 'filter.genre' });
    expect(await refusal({ filter: { attributes: { genre: { is: 'dance' } } } })).toMatchObject({
      field: 'filter.attributes.genre.is',
    });
  });
});

it('for any request, returns all items except excluded, seen, unavailable and filtered ones', async () => {
  const filmId = fc.integer({ min: 0, max: 59 }).map((index) => `film-${index}`);
  const genres = fc.subarray(['crime', 'dance', 'opera', 'space', 'no such genre']);
  const merge = fc.constantFrom<object[]>(
    { by: 'max' },
    { by: 'round-robin' },
    { by: 'quota', shares: 'equal' },
    { by: 'quota', floors: [3, 9] },
    { by: 'diverse', lambda: 0.5, attribute: 'genre' },
  );
  const requests = fc.record(
    {
      userId: fc.constantFrom('ada', 'ben', 'registered-only', 'stranger'),
      behaviors: fc.array(filmId, { maxLength: 20 }),
      exclude: fc.array(filmId, { maxLength: 40 }),
      limit: fc.integer({ min: 1, max: 70 }),
      filter: fc.record({ attributes: fc.record({ genre: fc.record({ in: genres }) }) }),
      merge,
    },
    { requiredKeys: ['filter'] },
  );
  await fc.assert(
    fc.asyncProperty(requests, async (request) => {
      const { items, returned, requested } = await ask({ ...request, excludeSeen: { types: ['view'] } });
      const ids = items.map(({ itemId }) => itemId);
      // Stored events are ratings. Behaviors of the request may have any type.
      const forbidden = new Set(['film-58', 'film-59', ...(request.exclude ?? []), ...(request.behaviors ?? [])]);
      const allowed = films.filter(
        ({ itemId, attributes }) =>
          !forbidden.has(itemId) && request.filter.attributes.genre.in.includes(attributes['genre'] as string),
      );
      expect(new Set(ids).size).toBe(ids.length);
      expect(ids.filter((itemId) => !allowed.some((film) => film.itemId === itemId))).toEqual([]);
      expect(returned).toBe(Math.min(requested, allowed.length));
    }),
    { numRuns: 150 },
  );
});

describe('merges', () => {
  it('fill floors and take turns', async () => {
    const interestsOf = async (merge: object): Promise<number[]> =>
      (await ask({ userId: 'ada', limit: 9, merge })).items.map((item) => (item as { interest?: number }).interest!);
    const counts = (interests: number[]) => [1, 2, 3].map((k) => interests.filter((interest) => interest === k).length);
    expect(counts(await interestsOf({ by: 'quota', shares: 'equal' }))).toEqual([3, 3, 3]);
    expect(counts(await interestsOf({ by: 'quota', floors: [0, 0, 5] }))[2]).toBeGreaterThanOrEqual(5);
    expect((await interestsOf({ by: 'round-robin' })).slice(0, 3).sort()).toEqual([1, 2, 3]);
  });

  it('vary the attribute with diversity', async () => {
    const genresOf = async (merge: object): Promise<number> =>
      new Set((await ask({ userId: 'ada', limit: 8, merge })).items.map(({ itemId }) => genreOf(itemId))).size;
    expect(await genresOf({ by: 'diverse', lambda: 100, attribute: 'genre' })).toBe(4);
    const plain = await ask({ userId: 'ada', limit: 30 });
    const none = await ask({ userId: 'ada', limit: 30, merge: { by: 'diverse', lambda: 0, attribute: 'genre' } });
    expect(none.items).toEqual(plain.items);
  });

  it('are refused if fields are missing', async () => {
    expect(await refusal({ merge: { by: 'quota' } })).toMatchObject({ field: 'merge.floors' });
    expect(await refusal({ merge: { by: 'quota', shares: [0, 0] } })).toMatchObject({ field: 'merge.shares' });
    expect(await refusal({ merge: { by: 'diverse', lambda: 1 } })).toMatchObject({ field: 'merge.attribute' });
    expect(await refusal({ merge: { by: 'best' } })).toMatchObject({ field: 'merge.by' });
    expect(await refusal({ merge: 'max' })).toMatchObject({ field: 'merge' });
  });
});
