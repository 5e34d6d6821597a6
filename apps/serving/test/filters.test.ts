import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createHome, createTestApp, films } from './fixtures.ts';
import type { Home, TestApp } from './fixtures.ts';

let home: Home;
let server: TestApp;

const settings = {
  filters: {
    'only-dance': { attributes: { genre: { in: ['dance'] } } },
    'not-mine': { attributes: { genre: { notIn: { context: 'genres' } } } },
    'in-budget': { attributes: { price: { max: { context: 'budget' } } } },
  },
};

beforeAll(async () => {
  home = await createHome();
  server = await createTestApp(home, { settings });
});

afterAll(async () => {
  await server.close();
  await home.remove();
});

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
  it('keeps what meets it, fills the page with that, and says how much it ruled out', async () => {
    const all = await ask({ userId: 'ada', limit: 60 });
    const answer = await ask({ userId: 'ada', limit: 60, filter: { attributes: { genre: { in: ['dance'] } } } });
    expect(answer.items).toEqual(all.items.filter(({ itemId }) => genreOf(itemId) === 'dance'));
    expect(answer.returned).toBe(15);
    // 60 films: 15 of dance, 10 seen by ada of other genres, two unavailable ones of other genres.
    expect(answer.removed).toEqual({ seen: 10, excluded: 0, unavailable: 2, filtered: 33 });
  });

  it('holds for fallbacks, too', async () => {
    const answer = await ask({ userId: 'nobody', limit: 7, filters: ['only-dance'] });
    expect(answer.source.kind).toBe('popular');
    expect(answer.items.map(({ itemId }) => genreOf(itemId))).toEqual(Array(7).fill('dance'));
  });

  it('may be declared, and take values from the context', async () => {
    const context = { genres: ['dance', 'opera'] };
    const { items, returned } = await ask({ userId: 'ada', limit: 60, filters: ['not-mine'], context });
    expect(returned).toBeGreaterThan(10);
    for (const { itemId } of items) expect(['crime', 'space']).toContain(genreOf(itemId));
    const both = await ask({ userId: 'ada', limit: 60, filters: ['not-mine', 'only-dance'], context });
    expect(both.returned).toBe(0);
  });

  it('that is not declared, or lacks its context, is refused by name', async () => {
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

it('whatever is asked, nothing that is excluded, seen by the rule, unavailable or filtered out is returned, and all else is', async () => {
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
      userId: fc.constantFrom('ada', 'ben', 'registered-only', 'nobody'),
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
      // What is stored are ratings; behaviors of the request may be of any type.
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
  it('fill floors, and take turns', async () => {
    const interestsOf = async (merge: object): Promise<number[]> =>
      (await ask({ userId: 'ada', limit: 9, merge })).items.map((item) => (item as { interest?: number }).interest!);
    const counts = (interests: number[]) => [0, 1, 2].map((k) => interests.filter((interest) => interest === k).length);
    expect(counts(await interestsOf({ by: 'quota', shares: 'equal' }))).toEqual([3, 3, 3]);
    expect(counts(await interestsOf({ by: 'quota', floors: [0, 0, 5] }))[2]).toBeGreaterThanOrEqual(5);
    expect((await interestsOf({ by: 'round-robin' })).slice(0, 3).sort()).toEqual([0, 1, 2]);
  });

  it('with diversity vary the attribute', async () => {
    const genresOf = async (merge: object): Promise<number> =>
      new Set((await ask({ userId: 'ada', limit: 8, merge })).items.map(({ itemId }) => genreOf(itemId))).size;
    expect(await genresOf({ by: 'diverse', lambda: 100, attribute: 'genre' })).toBe(4);
    const plain = await ask({ userId: 'ada', limit: 30 });
    const none = await ask({ userId: 'ada', limit: 30, merge: { by: 'diverse', lambda: 0, attribute: 'genre' } });
    expect(none.items).toEqual(plain.items);
  });

  it('that lack what they need are refused', async () => {
    expect(await refusal({ merge: { by: 'quota' } })).toMatchObject({ field: 'merge.floors' });
    expect(await refusal({ merge: { by: 'quota', shares: [0, 0] } })).toMatchObject({ field: 'merge.shares' });
    expect(await refusal({ merge: { by: 'diverse', lambda: 1 } })).toMatchObject({ field: 'merge.attribute' });
    expect(await refusal({ merge: { by: 'best' } })).toMatchObject({ field: 'merge.by' });
    expect(await refusal({ merge: 'max' })).toMatchObject({ field: 'merge' });
  });
});
