import { loadBundle, overlayDelta } from '@facet/bundles';
import type { Bundle, BundleContents, BundleView, CatalogItem, Delta } from '@facet/bundles';
import {
  asOf,
  buildDeltaFromCatalog,
  bundleContents,
  itemCount,
  newItems,
  openSmallBundles,
} from '@facet/bundles/testing';
import { buildUserSequences } from '@facet/features';
import type { ItemVocabulary } from '@facet/features';
import { dayMs, hourMs } from '@facet/platform';
import fc from 'fast-check';
import { forTest } from '@facet/testing';
import { afterAll, describe, expect, it } from 'vitest';
import { describeUser as describeUserAt, recommend as recommendAt } from '../src/index.ts';
import type { ListQuery } from '../src/index.ts';

const { bundleStore, bundles, close } = await openSmallBundles();
afterAll(close);

/** Requests at the end of the data. */
type Asked<Request> = Omit<Request, 'now'>;
const recommend = (bundle: BundleView, asked: Asked<ListQuery>) => recommendAt(bundle, { now: asOf, ...asked });
const describeUser = (bundle: BundleView, asked: Asked<Parameters<typeof describeUserAt>[1]>) =>
  describeUserAt(bundle, { now: asOf, ...asked });

const catalog = bundleContents().items.slice(1);
const idsOf = (items: readonly { readonly itemId: string }[]): string[] => items.map(({ itemId }) => itemId);

/** Applies a delta of the catalog to the bundle while `work` runs. */
async function withView<Result>(
  bundle: Bundle,
  items: readonly CatalogItem[],
  work: (view: BundleView, delta: Delta) => Promise<Result>,
): Promise<Result> {
  // Not stored, because storing syncs the disk, and a property test makes many deltas.
  const delta = { id: 'd'.repeat(32), ...buildDeltaFromCatalog(bundle, items) };
  const view = await overlayDelta(bundle, delta);
  try {
    return await work(view, delta);
  } finally {
    view.close();
  }
}

const anyId = fc.oneof(
  fc.integer({ min: 1, max: itemCount + 3 }).map((item) => `item${item}`),
  fc.integer({ min: 0, max: 9 }).map((item) => `new${item}`),
);
const request: fc.Arbitrary<Asked<ListQuery>> = fc.record({
  behaviors: fc.array(
    fc.record({
      itemId: anyId,
      occurredAt: fc.integer({ min: -3000, max: 100 }).map((hours) => asOf + hours * hourMs),
    }),
    { maxLength: 12 },
  ),
  limit: fc.integer({ min: 0, max: itemCount + 12 }),
  exclude: fc.array(anyId, { maxLength: 12 }),
  seen: fc.constantFrom(undefined, []),
});
const variant = fc.constantFrom('facet', 'mind');

describe('a bundle with a delta', () => {
  it('never returns excluded, seen, withdrawn or removed items, and returns all others', async () => {
    const change = fc.constantFrom('none', 'none', 'withdrawn', 'gone', 'renamed', 'offered');
    const changes = fc.array(change, { minLength: itemCount, maxLength: itemCount });
    await fc.assert(
      fc.asyncProperty(variant, changes, fc.integer({ min: 0, max: 7 }), request, async (name, what, added, asked) => {
        const now = catalog.flatMap((item, position): CatalogItem[] => {
          switch (what[position]!) {
            case 'gone':
              return [];
            case 'withdrawn':
              return [{ ...item, available: false }];
            case 'renamed':
              return [{ ...item, title: `${item.title} (2)` }];
            case 'offered':
              return [{ ...item, available: true }];
            default:
              return [item];
          }
        });
        const offered = [...now, ...newItems(added)].filter(({ available }) => available !== false);
        const forbidden = new Set([...(asked.exclude ?? []), ...(asked.seen ?? idsOf(asked.behaviors))]);
        const allowed = new Map(
          offered.filter(({ itemId }) => !forbidden.has(itemId)).map((item) => [item.itemId, item]),
        );
        await withView(bundles[name], [...now, ...newItems(added)], async (view) => {
          const { items, source } = await recommend(view, asked);
          const ids = idsOf(items);
          expect(new Set(ids).size).toBe(ids.length);
          expect(ids.filter((itemId) => !allowed.has(itemId))).toEqual([]);
          expect(ids).toHaveLength(Math.min(asked.limit, allowed.size));
          for (const itemId of ids) {
            expect(view.itemAt(view.indexOf(itemId)!).title).toBe(allowed.get(itemId)!.title);
          }
          const isKnown = asked.behaviors.some(({ itemId }) => view.indexOf(itemId) !== undefined);
          expect(source.kind).toBe(isKnown ? 'model' : 'popular');
        });
      }),
      { numRuns: 60 },
    );
  });

  it('responds like a bundle built from all items', async () => {
    const added = newItems(10);
    for (const name of ['facet', 'mind'] as const) {
      await withView(bundles[name], [...catalog, ...added], async (view, delta) => {
        const whole = await loadBundle(bundleStore.store, await bundleStore.put(joined(bundleContents(name), delta)));
        await fc.assert(
          fc.asyncProperty(request, async (asked) => {
            const response = await recommend(view, asked);
            const expected = await recommend(whole, asked);
            expect(response.removed).toEqual(expected.removed);
            expect(response.source).toEqual(expected.source);
            expect(response.interests).toEqual(expected.interests);
            expect(response.items.length).toBe(expected.items.length);
            const scores = new Map(expected.items.map(({ itemId, score }) => [itemId, score]));
            response.items.forEach(({ itemId, score }, rank) => {
              expect(score).toBeCloseTo(expected.items[rank]!.score, 4);
              // Items without features have equal scores, so their order is open.
              if (scores.has(itemId)) expect(score).toBeCloseTo(scores.get(itemId)!, 4);
            });
          }),
          { numRuns: 40 },
        );
        const described = { behaviors: [{ itemId: 'new0', occurredAt: asOf }], nearest: 20 };
        const [one, other] = [await describeUser(view, described), await describeUser(whole, described)];
        expect(one.interests.map(({ behaviors }) => behaviors)).toEqual(
          other.interests.map(({ behaviors }) => behaviors),
        );
        expect(one.coupling).toEqual(other.coupling);
        whole.close();
      });
    }
  });

  it('responds like a bundle with the first interactions of its items', async () => {
    const cold = [38, 39, 40];
    for (const name of ['facet', 'mind'] as const) {
      const contents = bundleContents(name);
      const { dim } = contents.info.index;
      contents.popularity.fill(0, cold[0]);
      if (name === 'facet') for (const item of cold) contents.vectors[(item + 1) * dim - 1] = -9;
      const bundle = forTest(await loadBundle(bundleStore.store, await bundleStore.put(contents)));
      const added = newItems(3);
      const itemIds = ['item40', 'item38', 'new1'];
      const purchases = itemIds.flatMap((itemId, position) =>
        Array.from({ length: 3 + position }, (_, user) => ({ userId: `user${user}`, itemId, occurredAt: asOf })),
      );
      const interactions = {
        today: Math.floor(asOf / dayMs) + 1,
        itemIds,
        sequencesOf: (vocabulary: ItemVocabulary) => buildUserSequences(purchases, vocabulary),
      };
      const delta = { id: 'd'.repeat(32), ...buildDeltaFromCatalog(bundle, [...catalog, ...added], { interactions }) };
      const view = forTest(await overlayDelta(bundle, delta));
      const whole = joined(contents, delta);
      [38, 40].forEach((item, row) => {
        whole.vectors.set(delta.vectors.subarray(row * dim, (row + 1) * dim), item * dim);
        whole.popularity[item] = delta.popularity[row]!;
      });
      const expecting = forTest(await loadBundle(bundleStore.store, await bundleStore.put(whole)));
      await fc.assert(
        fc.asyncProperty(request, async (asked) => {
          const response = await recommend(view, asked);
          const expected = await recommend(expecting, asked);
          expect(response.removed).toEqual(expected.removed);
          expect(response.items.map(({ score }) => score)).toEqual(expected.items.map(({ score }) => score));
          // An index may return any of the items that share the last score.
          const last = expected.items.at(-1)?.score;
          const above = ({ score }: { readonly score: number }): boolean => score !== last;
          expect(idsOf(response.items.filter(above))).toEqual(idsOf(expected.items.filter(above)));
        }),
        { numRuns: 40 },
      );
    }
  });

  it('recommends a new item to users of similar items, and reads it as a behavior', async () => {
    const item = newItems(1);
    await withView(bundles.facet, [...catalog, ...item], async (view) => {
      const asked = { behaviors: [{ itemId: 'new0', occurredAt: asOf }], limit: itemCount };
      const response = await recommend(view, asked);
      expect(response.source).toEqual({ kind: 'model' });
      expect(response.interests[0]!.behaviors).toEqual([{ itemId: 'new0', title: 'New 0', share: 1 }]);
      expect(idsOf((await recommend(view, { ...asked, seen: [] })).items)).toContain('new0');
      expect((await recommend(bundles.facet, asked)).source).toMatchObject({
        kind: 'popular',
        reason: 'no_known_items',
      });
      expect(idsOf((await recommend(view, { behaviors: [], limit: 100 })).items).at(-1)).toBe('new0');
    });
  });

  it('leaves the bundle unchanged, also when another delta replaces it', async () => {
    const before = await recommend(bundles.facet, { behaviors: [], limit: 5 });
    const popular = before.items[0]!.itemId;
    await withView(bundles.facet, catalog.slice(), async (same) => {
      expect(same.deltaId).toBeUndefined();
      expect(await recommend(same, { behaviors: [], limit: 5 })).toEqual(before);
    });
    const without = catalog.filter(({ itemId }) => itemId !== popular);
    await withView(bundles.facet, without, async (view, delta) => {
      expect(view).toMatchObject({ id: bundles.facet.id, deltaId: delta.id });
      expect(idsOf((await recommend(view, { behaviors: [], limit: 5 })).items)).not.toContain(popular);
    });
    expect(await recommend(bundles.facet, { behaviors: [], limit: 5 })).toEqual(before);
  });
});

/** A bundle built from all items, including the new ones. */
function joined(contents: BundleContents, { info: { chosen }, added, ...rows }: Delta): BundleContents {
  const concat = (a: Float32Array, b: Float32Array): Float32Array => Float32Array.of(...a, ...b);
  const { spec, index } = contents.info;
  return {
    ...contents,
    info: { ...contents.info, spec: { ...spec, itemCount: spec.itemCount + added.length } },
    items: [...contents.items, ...added],
    embeddings: concat(contents.embeddings, rows.embeddings),
    vectors: concat(contents.vectors, rows.vectors.subarray(chosen.length * index.dim)),
    popularity: concat(contents.popularity, rows.popularity.subarray(chosen.length)),
    firstSeen: Int32Array.of(...contents.firstSeen, ...added.map(() => -1)),
  };
}
