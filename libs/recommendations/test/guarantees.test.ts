import { join } from 'node:path';
import { bundleFiles, loadBundle, overlayDelta } from '@facet/bundles';
import type { Bundle, BundleView, CatalogItem } from '@facet/bundles';
import { asOf, buildDeltaFromCatalog, bundleContents, createBundleStore } from '@facet/bundles/testing';
import { dayMs } from '@facet/platform';
import type { UserProfile } from '@facet/profiles';
import { buildFaissIndex } from '@facet/retrieval';
import fc from 'fast-check';
import { forFile } from '@facet/testing';
import { describe, expect, it } from 'vitest';
import {
  respondWithNextPage,
  respondWithRecommendations,
  respondWithSimilarItems,
  decodeCursor,
} from '../src/index.ts';
import type { ResponseContext, RecommendationsResponse, RecommendationsRequest } from '../src/index.ts';

/** Large enough for approximate searches. */
const size = 500;
const now = asOf + 10 * dayMs;

/** The attribute of narrow filters. The model does not know it. */
const withPlace = (item: CatalogItem, place: number): CatalogItem =>
  item.itemId === '' ? item : { ...item, attributes: { ...item.attributes, place } };
const contents = bundleContents('facet', size);
const bundled = contents.items.map(withPlace);
/** The delta adds five items and withdraws two more items of the bundle. */
const withDelta: CatalogItem[] = [
  ...bundled
    .slice(1)
    .map((item) => (['item21', 'item22'].includes(item.itemId) ? { ...item, available: false } : item)),
  ...Array.from({ length: 5 }, (_, item) =>
    withPlace({ itemId: `new${item}`, attributes: item % 2 === 0 ? { genre: 'opera' } : {} }, size + 1 + item),
  ),
];

const bundleStore = forFile(await createBundleStore());
const views: Record<string, BundleView> = {};
const catalogs: Record<string, readonly CatalogItem[]> = {};
const open = async (kind: 'flat' | 'hnsw' | 'ivf'): Promise<Bundle> => {
  // Too narrow to find much. Responses must be full nevertheless.
  const breadth = { flat: {}, hnsw: { efSearch: 2 }, ivf: { nprobe: 1 } }[kind];
  const index = { ...contents.info.index, kind, ...breadth };
  const { dim } = index;
  const ref = await bundleStore.put(
    { ...contents, items: bundled, info: { ...contents.info, index } },
    async (folder) => {
      const built = await buildFaissIndex(
        contents.vectors.subarray(dim),
        dim,
        kind === 'ivf' ? { kind, lists: 10 } : { kind },
      );
      await built.save(join(folder, bundleFiles.index));
      built.close();
    },
  );
  return forFile(await loadBundle(bundleStore.store, ref));
};
for (const kind of ['flat', 'hnsw', 'ivf'] as const) {
  const bundle = await open(kind);
  expect(bundle.index.kind).toBe(kind);
  const delta = { id: 'd'.repeat(32), ...buildDeltaFromCatalog(bundle, withDelta) };
  const overlaid = forFile(await overlayDelta(bundle, delta));
  Object.assign(views, { [kind]: bundle, [`${kind} and a delta`]: overlaid });
  Object.assign(catalogs, { [kind]: bundled.slice(1), [`${kind} and a delta`]: withDelta });
}

const stored: Readonly<Record<string, UserProfile>> = {
  chooser: {
    attributes: { age: 'old' },
    events: ['item3', 'item7', 'item30', 'item31', 'item400'].map((itemId, position) => ({
      eventId: `e${position}`,
      type: position % 2 === 0 ? 'purchase' : 'click',
      itemId,
      occurredAt: asOf - position * 10 * dayMs,
    })),
  },
  registered: { attributes: { age: 'old' }, events: [] },
};
const filters = { near: { attributes: { place: { min: { context: 'from' }, max: { context: 'to' } } } } };
let lists = 0;
const contextOf = (bundle: BundleView): ResponseContext => ({
  bundle,
  readProfile: async (userId) => ({ profile: stored[userId], isAvailable: userId !== 'unreadable' }),
  settings: { merge: { by: 'max' }, excludeSeen: true, filters },
  recommendationId: `list ${++lists}`,
  now,
});

const anyId = fc.oneof(
  { weight: 10, arbitrary: fc.integer({ min: 1, max: size + 5 }).map((item) => `item${item}`) },
  { weight: 1, arbitrary: fc.integer({ min: 0, max: 5 }).map((item) => `new${item}`) },
  { weight: 1, arbitrary: fc.constantFrom('item7', 'item13', 'item21') },
);
const place = fc.integer({ min: 0, max: size + 10 });
const width = fc.oneof(fc.integer({ min: 0, max: 6 }), place);
/** A few items, or nearly all. */
const excluded = fc.oneof(
  fc.array(anyId, { maxLength: 30 }),
  fc
    .uniqueArray(anyId, { maxLength: 30 })
    .map((kept) => bundled.slice(1).flatMap(({ itemId }) => (kept.includes(itemId) ? [] : [itemId]))),
);
const request = fc
  .record(
    {
      userId: fc.constantFrom('chooser', 'registered', 'stranger', 'unreadable'),
      behaviors: fc.oneof(
        { weight: 1, arbitrary: fc.constant<string[]>(['song-1', 'song-2']) },
        {
          weight: 9,
          arbitrary: fc.array(
            fc.oneof(
              anyId,
              fc.record(
                {
                  itemId: anyId,
                  occurredAt: fc.integer({ min: 0, max: 100 }).map((days) => now - days * dayMs),
                  type: fc.constantFrom('purchase', 'click'),
                },
                { requiredKeys: ['itemId'] },
              ),
            ),
            { maxLength: 20 },
          ),
        },
      ),
      profile: fc.constantFrom<Record<string, string>>({ age: 'old' }, { age: 'young' }, {}),
      limit: fc.oneof(fc.integer({ min: 1, max: 30 }), fc.integer({ min: 1, max: size + 20 })),
      exclude: excluded,
      excludeSeen: fc.constantFrom<NonNullable<RecommendationsRequest['excludeSeen']>>(
        true,
        false,
        { types: ['purchase'] },
        { withinDays: 15 },
        { types: ['click'], withinDays: 60 },
      ),
      merge: fc.constantFrom<NonNullable<RecommendationsRequest['merge']>>(
        { by: 'max' },
        { by: 'round-robin' },
        { by: 'quota', floors: [2, 1, 1] },
        { by: 'quota', shares: 'equal' },
        { by: 'quota', floors: [1], shares: [1, 0, 3] },
        { by: 'diverse', lambda: 0.3, attribute: 'genre' },
      ),
      filter: fc.constantFrom<NonNullable<RecommendationsRequest['filter']>>(
        { attributes: { genre: { in: ['opera'] } } },
        { attributes: { genre: { notIn: ['opera'] } } },
      ),
      explore: fc.record({
        share: fc.double({ min: 0, max: 1, noNaN: true }),
        maxAgeDays: fc.integer({ min: 1, max: 60 }),
      }),
      pageSize: fc.integer({ min: 1, max: 40 }),
      near: fc.tuple(place, width),
    },
    { requiredKeys: ['limit'] },
  )
  .map(({ near, ...fields }): RecommendationsRequest & { readonly limit: number } =>
    near === undefined ? fields : { ...fields, filters: ['near'], context: { from: near[0], to: near[0] + near[1] } },
  );

/** The seen items, by the rule as documented. */
function seenBy({ userId = '', behaviors = [], excludeSeen = true }: RecommendationsRequest): Set<string> {
  if (excludeSeen === false) return new Set();
  const { types, withinDays = Infinity } = excludeSeen === true ? {} : excludeSeen;
  const sent = behaviors.map((behavior) => (typeof behavior === 'string' ? { itemId: behavior } : behavior));
  const all: readonly { itemId: string; occurredAt?: number | string; type?: string }[] = [
    ...(stored[userId]?.events ?? []),
    ...sent,
  ];
  const isMeant = ({ type, occurredAt = now }: (typeof all)[number]): boolean =>
    (types === undefined || type === undefined || types.includes(type)) &&
    Number(occurredAt) >= now - withinDays * dayMs;
  return new Set(all.filter(isMeant).map(({ itemId }) => itemId));
}

/** The allowed items, and why the others are ruled out. */
function ruledBy(catalog: readonly CatalogItem[], asked: RecommendationsRequest) {
  const excludedIds = new Set(asked.exclude);
  const seen = seenBy(asked);
  const { genre } = { genre: {}, ...asked.filter?.attributes } as { genre: { in?: string[]; notIn?: string[] } };
  const { from = -Infinity, to = Infinity } = (asked.context ?? {}) as { from?: number; to?: number };
  const passes = ({ attributes }: CatalogItem): boolean => {
    const value = attributes['genre'] as string | undefined;
    if (genre.in !== undefined && (value === undefined || !genre.in.includes(value))) return false;
    if (value !== undefined && genre.notIn?.includes(value) === true) return false;
    return Number(attributes['place']) >= from && Number(attributes['place']) <= to;
  };
  const removed = { seen: 0, excluded: 0, unavailable: 0, filtered: 0 };
  const allowed = new Set<string>();
  for (const item of catalog) {
    if (excludedIds.has(item.itemId)) removed.excluded++;
    else if (seen.has(item.itemId)) removed.seen++;
    else if (item.available === false) removed.unavailable++;
    else if (!passes(item)) removed.filtered++;
    else allowed.add(item.itemId);
  }
  return { allowed, removed };
}

/** The allowed items that are new. */
function newAmong(allowed: ReadonlySet<string>, { explore }: RecommendationsRequest): Set<string> {
  const daysOf = (itemId: string): number => {
    const number = Number(itemId.slice('item'.length));
    // The last three items of the bundle and those of the delta were never seen.
    return itemId.startsWith('new') || number > size - 3 ? 0 : 10 + number;
  };
  return new Set([...allowed].filter((itemId) => daysOf(itemId) <= (explore?.maxAgeDays ?? -1)));
}

/** All pages of a list. */
async function pagesOf(asked: RecommendationsRequest, context: ResponseContext): Promise<RecommendationsResponse[]> {
  const pages = [await respondWithRecommendations(asked, context)];
  for (let cursor = pages[0]!.nextCursor; cursor !== undefined; cursor = pages.at(-1)!.nextCursor) {
    pages.push(respondWithNextPage(decodeCursor(cursor), {}, context.bundle));
  }
  return pages;
}

describe.each(['flat', 'hnsw', 'ivf', 'flat and a delta', 'hnsw and a delta', 'ivf and a delta'])(
  'over %s, for any request',
  (name) => {
    it('recommends only allowed items, as many as possible, and counts the others', async () => {
      const sources = new Set<string>();
      await fc.assert(
        fc.asyncProperty(request, async (asked) => {
          const context = contextOf(views[name]!);
          const { allowed, removed } = ruledBy(catalogs[name]!, asked);
          const pages = await pagesOf(asked, context);
          const [first] = pages;
          const ids = pages.flatMap(({ items }) => items.map(({ itemId }) => itemId));

          expect(ids.filter((itemId) => !allowed.has(itemId))).toEqual([]);
          expect(new Set(ids).size).toBe(ids.length);
          expect(ids).toHaveLength(Math.min(asked.limit, allowed.size));
          expect(first!.removed).toEqual(removed);

          const isNew = newAmong(allowed, asked);
          const mean = (asked.explore?.share ?? 0) * asked.limit;
          const placed = pages.flatMap(({ items }) => items).filter(({ reason }) => reason === 'new');
          expect([Math.floor(mean), Math.ceil(mean)].map((count) => Math.min(count, isNew.size))).toContain(
            placed.length,
          );
          const poolSize = first!.source.kind === 'model' ? Math.min(5 * Math.ceil(mean), isNew.size) : isNew.size;
          for (const { itemId, propensity } of placed) {
            expect(isNew.has(itemId)).toBe(true);
            expect(propensity).toBeCloseTo(Math.min(1, mean / poolSize), 6);
          }

          const { pageSize = asked.limit } = asked;
          for (const [page, { items, position, returned, requested, source, nextCursor }] of pages.entries()) {
            expect({ position, requested, source }).toEqual({
              position: page * pageSize,
              requested: asked.limit,
              source: first!.source,
            });
            expect(returned).toBe(items.length);
            expect(nextCursor === undefined || returned === pageSize).toBe(true);
          }
          const whole = await respondWithRecommendations({ ...asked, pageSize: asked.limit }, context);
          expect(pages.flatMap(({ items }) => items)).toEqual(whole.items);
          sources.add(`${first!.source.kind} ${first!.source.reason ?? ''}`);
        }),
        { numRuns: 120, seed: 20_260_301 },
      );
      expect([...sources].sort()).toEqual([
        'model ',
        'model profiles_unavailable',
        'popular no_behaviors',
        'popular no_known_items',
        'popular profiles_unavailable',
        'popular unknown_user',
      ]);
    });

    it('returns only allowed similar items, as many as possible', async () => {
      await fc.assert(
        fc.asyncProperty(
          anyId,
          excluded,
          fc.option(fc.tuple(place, width), { nil: undefined }),
          fc.integer({ min: 1, max: size + 20 }),
          async (itemId, exclude, near, limit) => {
            const asked = {
              exclude: [...exclude, itemId],
              excludeSeen: false,
              ...(near && { context: { from: near[0], to: near[0] + near[1] } }),
            };
            const { allowed } = ruledBy(catalogs[name]!, asked);
            const { items, returned } = await respondWithSimilarItems(
              {
                itemId,
                limit,
                exclude,
                filters: near ? ['near'] : [],
                context: asked.context ?? {},
                include: undefined,
              },
              contextOf(views[name]!),
            );
            const ids = items.map((item) => item.itemId);
            expect(ids.filter((id) => !allowed.has(id))).toEqual([]);
            expect(new Set(ids).size).toBe(ids.length);
            expect(ids).toHaveLength(Math.min(limit, allowed.size));
            expect(returned).toBe(ids.length);
          },
        ),
        { numRuns: 60, seed: 20_260_301 },
      );
    });
  },
);
