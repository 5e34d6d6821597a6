import { recommend } from '@facet/recommendations';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { appOfFile, asOf, events, films, homeOfFile, now } from './fixtures.ts';

interface Item {
  itemId: string;
  title?: string;
  score: number;
  interest?: number;
  reasons?: { itemId: string; title?: string; share: number }[];
}

const home = await homeOfFile();
const server = await appOfFile(home);

async function ask(body: Record<string, unknown>) {
  const response = await server.post('/v1/recommendations', body);
  expect(response.statusCode, JSON.stringify(response.body)).toBe(200);
  return response.body as {
    recommendationId: string;
    bundleId: string;
    source: unknown;
    items: Item[];
    interests?: { interest: number; labels: object[]; behaviors?: { itemId: string; share: number }[] }[];
    requested: number;
    returned: number;
    removed: { seen: number; excluded: number; unavailable: number };
    unknownItems: number;
  };
}

const idsOf = (items: readonly Item[]): string[] => items.map(({ itemId }) => itemId);
const positivesOf = (userId: string) => events.filter((event) => event.userId === userId && event.value! >= 4);

describe('a user with stored behaviors', () => {
  it('gets the recommendations of the bundle, with titles', async () => {
    const response = await ask({ userId: 'ada', limit: 10 });
    const direct = await recommend(server.loaded!.bundle, {
      behaviors: positivesOf('ada'),
      attributes: { age: 'young' },
      now,
      limit: 10,
    });
    expect(response.source).toEqual({ kind: 'model' });
    expect(response.items).toEqual(direct.items);
    for (const { itemId, title } of response.items) {
      expect(title).toBe(films.find((film) => film.itemId === itemId)!.title);
    }
    expect(response).toMatchObject({
      bundleId: home.bundleRef.id,
      requested: 10,
      returned: 10,
      removed: { seen: 10, excluded: 0, unavailable: 2, filtered: 0 },
      unknownItems: 0,
    });
    expect(response).not.toHaveProperty('interests');
    expect(response.items[0]).not.toHaveProperty('reasons');
  });

  it('gets the same items if the request has the behaviors instead', async () => {
    const stored = await ask({ userId: 'ada' });
    const behaviors = positivesOf('ada').map(({ itemId, occurredAt }) => ({ itemId, occurredAt }));
    const asText = behaviors.map((behavior) => ({
      ...behavior,
      occurredAt: new Date(behavior.occurredAt).toISOString(),
    }));
    const profile = { age: 'young' };
    expect((await ask({ behaviors, profile })).items).toEqual(stored.items);
    expect((await ask({ behaviors: asText, profile })).items).toEqual(stored.items);
    expect((await ask({ behaviors: [...behaviors].reverse(), profile })).items).toEqual(stored.items);
    expect((await ask({ behaviors })).items, 'the profile counts').not.toEqual(stored.items);
  });

  it('gets the same items each time, under another id', async () => {
    const [first, second] = [await ask({ userId: 'ada', explain: true }), await ask({ userId: 'ada', explain: true })];
    expect({ ...second, recommendationId: '' }).toEqual({ ...first, recommendationId: '' });
    expect(second.recommendationId).not.toBe(first.recommendationId);
    expect(first.recommendationId).toMatch(/^[0-9a-f-]{36}$/);
  });

  it('gets the right items among concurrent requests', async () => {
    const userIds = ['ada', 'ben', 'other-1', 'other-2'];
    const alone = [];
    for (const userId of userIds) alone.push((await ask({ userId })).items);
    const together = await Promise.all(userIds.map(async (userId) => (await ask({ userId })).items));
    expect(together).toEqual(alone);
    expect(new Set(together.map((items) => JSON.stringify(items))).size).toBe(userIds.length);
  });

  it('has the behaviors of the request in addition to the stored ones', async () => {
    const before = await ask({ userId: 'ada', limit: 60 });
    const [fresh] = idsOf(before.items);
    const after = await ask({ userId: 'ada', behaviors: [fresh], limit: 60, explain: 'full' });
    expect(after.removed.seen).toBe(before.removed.seen + 1);
    expect(idsOf(after.items)).not.toContain(fresh);
    const formedBy = after.interests![0]!.behaviors!.map(({ itemId }) => itemId);
    expect(new Set(formedBy)).toEqual(new Set([fresh, ...positivesOf('ada').map(({ itemId }) => itemId)]));
  });

  it('has a behavior once if it is already stored', async () => {
    const { itemId, occurredAt } = positivesOf('ada')[0]!;
    const stored = await ask({ userId: 'ada' });
    expect((await ask({ userId: 'ada', behaviors: [{ itemId, occurredAt }] })).items).toEqual(stored.items);
  });

  it('gets seen items on request', async () => {
    const response = await ask({ userId: 'ada', limit: 60, excludeSeen: false });
    expect(idsOf(response.items)).toEqual(expect.arrayContaining(positivesOf('ada').map(({ itemId }) => itemId)));
    expect(response).toMatchObject({ returned: 58, requested: 60, removed: { seen: 0, unavailable: 2, filtered: 0 } });
  });
});

describe('behaviors without a time', () => {
  it('count as the newest, in order', async () => {
    const times = (offset: number) => new Date(asOf + offset).toISOString();
    const plain = await ask({
      behaviors: ['film-1', { itemId: 'film-2', occurredAt: times(-9_000) }, { itemId: 'film-3' }],
    });
    const timed = await ask({
      behaviors: [
        { itemId: 'film-2', occurredAt: times(-9_000) },
        { itemId: 'film-1', occurredAt: times(1) },
        { itemId: 'film-3', occurredAt: times(2) },
      ],
    });
    expect(plain.items).toEqual(timed.items);
    expect((await ask({ behaviors: ['film-3', 'film-2', 'film-1'] })).items).not.toEqual(plain.items);
  });
});

describe('explain', () => {
  it('full returns the shares of all behaviors, in addition to the compact explanation', async () => {
    const request = { userId: 'ada', limit: 20 };
    const { items, interests } = await ask({ ...request, explain: 'full' });
    expect(
      interests!.map(({ interest }) => interest),
      "K'u = log2(10)",
    ).toEqual([1, 2, 3]);
    for (const { behaviors = [] } of interests!) {
      expect(behaviors).toHaveLength(10);
      expect(behaviors.reduce((sum, { share }) => sum + share, 0)).toBeCloseTo(1, 5);
      expect(behaviors.map(({ share }) => share)).toEqual(behaviors.map(({ share }) => share).sort((a, b) => b - a));
    }
    const compact = await ask({ ...request, explain: true });
    expect(compact.items).toEqual(items);
    expect(compact.interests).toEqual(interests!.map(({ interest, labels }) => ({ interest, labels })));
  });

  it('returns for each item the behaviors that add most to its score', async () => {
    const { items } = await ask({ userId: 'ada', limit: 20, explain: true });
    const history = positivesOf('ada').map(({ itemId }) => itemId);
    for (const { reasons = [] } of items) {
      expect(reasons.length).toBeLessThanOrEqual(2);
      const [first, second] = reasons;
      for (const { itemId, title, share } of reasons) {
        expect(history).toContain(itemId);
        expect(title).toMatch(/^The film \d+$/);
        expect(share).toBeGreaterThanOrEqual(0.05);
      }
      if (second !== undefined) expect(second.share).toBeGreaterThanOrEqual(0.5 * first!.share - 0.001);
      if (second !== undefined) expect(second.share).toBeLessThanOrEqual(first!.share);
    }
    const ten = await ask({ userId: 'ada', limit: 10, explain: true });
    expect(Buffer.byteLength(JSON.stringify(ten))).toBeLessThan(3_000);
    const ofInterest = items.filter(({ interest }) => interest === items[0]!.interest);
    expect(new Set(ofInterest.map(({ reasons }) => JSON.stringify(reasons))).size).toBeGreaterThan(1);
  });

  it('returns no interests for a fallback', async () => {
    const { items, interests } = await ask({ userId: 'stranger', explain: true });
    expect(interests).toEqual([]);
    expect(items[0]).not.toHaveProperty('reasons');
    expect(items[0]).not.toHaveProperty('interest');
  });
});

describe('unknown users and items are normal input', () => {
  it.each([
    ['an unknown user', { userId: 'stranger' }, 'unknown_user'],
    ['a request without a user', {}, 'no_behaviors'],
    ['no behaviors', { behaviors: [] }, 'no_behaviors'],
    ['a user without positives', { userId: 'registered-only' }, 'no_behaviors'],
    ['items that the bundle does not know', { behaviors: ['song-1', 'song-2'] }, 'no_known_items'],
    ['an unknown user with unknown items', { userId: 'stranger', behaviors: ['song-1'] }, 'no_known_items'],
  ])('%s', async (_, body, reason) => {
    const response = await ask({ ...body, limit: 5 });
    expect(response.source).toMatchObject({ kind: 'popular', reason });
    const { bundle } = server.loaded!;
    const popular = [...bundle.itemsByPopularity()].slice(0, 5).map((item) => bundle.itemAt(item).itemId);
    expect(idsOf(response.items)).toEqual(popular);
  });

  it('the model serves an unknown user with known behaviors', async () => {
    const known = await ask({ behaviors: ['film-1', 'film-2'] });
    const response = await ask({ userId: 'stranger', behaviors: ['film-1', 'film-2'] });
    expect(response.source).toEqual({ kind: 'model' });
    expect(response.items).toEqual(known.items);
  });

  it('unknown items are skipped and counted once each', async () => {
    const known = await ask({ behaviors: ['film-1', 'film-2'], exclude: ['film-5'] });
    const mixed = await ask({
      behaviors: ['film-1', 'song-1', 'film-2', 'song-1'],
      exclude: ['film-5', 'song-1', 'song-2'],
      colour: 'blue',
      profile: { shoeSize: 43 },
    });
    expect(mixed.items).toEqual(known.items);
    expect(mixed.unknownItems).toBe(2);
  });
});

it('never returns excluded, seen or unavailable items, whatever the source, and fills the list', async () => {
  const filmId = fc.integer({ min: 0, max: 59 }).map((index) => `film-${index}`);
  const requests = fc.record(
    {
      userId: fc.constantFrom('ada', 'ben', 'other-3', 'registered-only', 'stranger'),
      behaviors: fc.array(fc.oneof(filmId, fc.constant('song-1')), { maxLength: 40 }),
      exclude: fc.array(fc.oneof(filmId, fc.constant('song-2')), { maxLength: 70 }),
      limit: fc.integer({ min: 1, max: 70 }),
      excludeSeen: fc.boolean(),
      profile: fc.constantFrom({ age: 'old' }, { age: 'none' }),
    },
    { requiredKeys: [] },
  );
  await fc.assert(
    fc.asyncProperty(requests, async (request) => {
      const { items, returned, requested, source } = await ask(request);
      const seen = [...(request.behaviors ?? []), ...positivesOf(request.userId ?? '').map(({ itemId }) => itemId)];
      const forbidden = new Set([
        'film-58',
        'film-59',
        ...(request.exclude ?? []),
        ...(request.excludeSeen === false ? [] : seen),
      ]);
      const allowed = films.filter(({ itemId }) => !forbidden.has(itemId)).length;
      expect(idsOf(items).filter((itemId) => forbidden.has(itemId))).toEqual([]);
      expect(new Set(idsOf(items)).size).toBe(items.length);
      expect(returned).toBe(items.length);
      expect(returned).toBe(Math.min(requested, allowed));
      const scores = items.map(({ score }) => score);
      if ((source as { kind: string }).kind === 'model') expect(scores).toEqual([...scores].sort((a, b) => b - a));
    }),
    { numRuns: 150 },
  );
});
