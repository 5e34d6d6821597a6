import { loadBundle, overlayDelta } from '@facet/bundles';
import type { BundleView, CatalogItem } from '@facet/bundles';
import { asOf, buildDeltaFromCatalog, bundleContents, createBundleStore, itemCount } from '@facet/bundles/testing';
import { hourMs } from '@facet/platform';
import type { UserProfile } from '@facet/profiles';
import { forFile } from '@facet/testing';
import { describe, expect, it } from 'vitest';
import {
  respondWithInterests,
  respondWithRecommendations,
  parseSimilarItemsQuery,
  respondWithSimilarItems,
} from '../src/index.ts';
import type { ResponseSource, ReadProfile, RecommendationsRequest } from '../src/index.ts';

/** In the catalog, but neither in the bundle nor with interactions: one with an attribute that the model knows, one without. */
const newItems: CatalogItem[] = [
  { itemId: 'new-opera', title: 'A new opera', attributes: { genre: 'opera' } },
  { itemId: 'new-plain', title: 'A new thing', attributes: {} },
];

const bundleStore = forFile(await createBundleStore());
const bundle = forFile(await loadBundle(bundleStore.store, await bundleStore.put(bundleContents())));
const catalog = [...bundleContents().items.slice(1), ...newItems];
const view = forFile(await overlayDelta(bundle, { id: 'd'.repeat(32), ...buildDeltaFromCatalog(bundle, catalog) }));

const chose = (...itemIds: string[]): UserProfile['events'] =>
  itemIds.map((itemId, position) => ({
    eventId: `e${position}`,
    type: 'purchase',
    itemId,
    occurredAt: asOf - (itemIds.length - position) * hourMs,
  }));
const stored: Readonly<Record<string, UserProfile>> = {
  chooser: { attributes: { age: 'old' }, events: chose('item3', 'item4') },
  registered: { attributes: { age: 'old' }, events: [] },
  odd: { attributes: { age: 'unheard of' }, events: [] },
  // The bundle counts only purchases as positive.
  looker: { attributes: {}, events: chose('item3').map((event) => ({ ...event, type: 'click' })) },
};
const readProfile: ReadProfile = async (userId) => ({ profile: stored[userId], isAvailable: true });
const cannotRead: ReadProfile = async () => ({ profile: undefined, isAvailable: false });

const context = (read: ReadProfile = readProfile, of: BundleView = view) => ({
  bundle: of,
  readProfile: read,
  settings: { merge: { by: 'max' as const }, excludeSeen: true, filters: {} },
  recommendationId: 'id',
  now: asOf,
});

const model: ResponseSource = { kind: 'model' };
const popular = (reason: string, isSegment = false) => ({
  kind: 'popular',
  reason,
  windowDays: 7,
  ...(isSegment ? { segment: { attribute: 'age', value: 'old', users: 60 } } : {}),
});
/** The most popular item of the last 7 days among all users, and among old users. */
const [ofAll, ofTheOld] = ['item4', 'item12'];

/** The rows of the table in docs/api.md#cold-start, in its order. */
const rows: [who: string, request: RecommendationsRequest, source: unknown, read?: ReadProfile][] = [
  ['a userId with stored behaviors', { userId: 'chooser' }, model],
  ['behaviors in the request, a single one is enough', { behaviors: ['item3'] }, model],
  ['an unknown userId, with behaviors in the request', { userId: 'stranger', behaviors: ['item3'] }, model],
  ['behaviors of new items alone', { behaviors: ['new-opera'] }, model],
  ['no behaviors, but stored attributes', { userId: 'registered' }, popular('no_behaviors', true)],
  ['no behaviors, but a profile in the request', { profile: { age: 'old' } }, popular('no_behaviors', true)],
  ['attributes without a segment', { userId: 'odd' }, popular('no_behaviors')],
  ['stored events, but no positive one', { userId: 'looker' }, popular('no_behaviors')],
  ['an empty request', {}, popular('no_behaviors')],
  ['an unknown userId', { userId: 'stranger' }, popular('unknown_user')],
  [
    'an unknown userId, with a profile in the request',
    { userId: 'stranger', profile: { age: 'old' } },
    popular('unknown_user', true),
  ],
  ['behaviors of unknown items alone', { behaviors: ['song-1'] }, popular('no_known_items')],
  [
    'an unavailable profile, with behaviors in the request',
    { userId: 'chooser', behaviors: ['item3'] },
    { ...model, reason: 'profiles_unavailable' },
    cannotRead,
  ],
  [
    'an unavailable profile, and nothing in the request',
    { userId: 'chooser' },
    popular('profiles_unavailable'),
    cannotRead,
  ],
];

describe('cold start', () => {
  it.each(rows)('%s', async (_, request, source, read) => {
    const response = await respondWithRecommendations({ limit: 5, ...request }, context(read));
    expect(response.source).toEqual(source);
    expect(response.returned).toBe(5);
    const { kind, segment } = response.source as { kind: string; segment?: object };
    const isFromInterests = response.items.every(({ interest }) => interest !== undefined);
    expect(isFromInterests).toBe(kind === 'model');
    if (kind === 'popular') expect(response.items[0]!.itemId).toBe(segment === undefined ? ofAll : ofTheOld);
  });

  it.each(rows)('%s: interests have the same reason', async (_, request, source, read) => {
    const { behaviors, profile, userId } = request;
    const asking = Object.fromEntries(Object.entries({ behaviors, profile, userId }).filter(([, value]) => value));
    const response = await respondWithInterests(asking, context(read));
    const { kind, reason } = source as { kind: string; reason?: string };
    expect(response.source).toEqual(reason === undefined ? { kind } : { kind, reason });
    expect(response.interestCount > 0).toBe(kind === 'model');
    expect(response.interests).toHaveLength(response.interestCount);
  });

  it('behaviors without an interest for the model', async () => {
    const contents = bundleContents('mind');
    const off = Object.entries(contents.tower).map(([name, weight]) =>
      // Biases that keep the ReLU layer at zero.
      name.startsWith('hidden/') && name.endsWith('bias')
        ? [name, { ...weight, data: weight.data.map(() => -1e6) }]
        : [name, weight],
    );
    const config = { ...contents.info.spec.config, outputActivation: 'relu' as const };
    const info = { ...contents.info, spec: { ...contents.info.spec, config } };
    const tower = Object.fromEntries(off) as typeof contents.tower;
    const dead = await loadBundle(bundleStore.store, await bundleStore.put({ ...contents, info, tower, golden: [] }));
    const request = { behaviors: ['item3'], profile: { age: 'old' }, limit: 5 };
    const response = await respondWithRecommendations(request, context(readProfile, dead));
    expect(response.source).toEqual(popular('no_interest', true));
    const interests = await respondWithInterests({ behaviors: ['item3'] }, context(readProfile, dead));
    expect(interests).toMatchObject({ source: { kind: 'popular', reason: 'no_interest' }, interestCount: 0 });
    dead.close();
  });

  it('attributes affect the tower from the first behavior on', async () => {
    const ask = (profile: object) =>
      respondWithRecommendations({ behaviors: ['item3'], profile: { ...profile }, limit: itemCount }, context());
    const [old, young, none] = [await ask({ age: 'old' }), await ask({ age: 'young' }), await ask({})];
    expect(old.items).not.toEqual(young.items);
    expect(old.items).not.toEqual(none.items);
  });
});

describe('new items of the delta', () => {
  it('are recommended by their attributes, or last in popular lists without attributes', async () => {
    const ask = async (request: RecommendationsRequest) =>
      (await respondWithRecommendations({ limit: 2 * itemCount, ...request }, context())).items.map(
        ({ itemId }) => itemId,
      );
    const found = await ask({ behaviors: ['item3'] });
    expect(found).toContain('new-opera');
    const fallback = await ask({});
    expect(fallback.slice(-2).sort()).toEqual(['new-opera', 'new-plain']);
  });

  it.each([
    ['new-opera', model],
    ['new-plain', popular('no_features')],
    ['song-1', popular('unknown_item')],
  ])('%s has similar items, and the response names the source', async (itemId, source) => {
    const request = { itemId, ...parseSimilarItemsQuery({ limit: '5' }) };
    const response = await respondWithSimilarItems(request, context());
    expect(response.source).toEqual(source);
    expect(response.returned).toBe(5);
    expect(response.items.map((item) => item.itemId)).not.toContain(itemId);
  });

  it('are similar to items with the same attributes', async () => {
    const request = { itemId: 'new-opera', ...parseSimilarItemsQuery({ limit: '3' }) };
    const { items } = await respondWithSimilarItems(request, context());
    // Items with an odd number are operas.
    expect(Number(items[0]!.itemId.slice('item'.length)) % 2).toBe(1);
  });
});
