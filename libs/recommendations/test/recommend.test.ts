import { loadBundle } from '@facet/bundles';
import type { Bundle, BundleView } from '@facet/bundles';
import { asOf, bundleContents, itemCount, openSmallBundles } from '@facet/bundles/testing';
import { dayMs, hourMs } from '@facet/platform';
import { ageBucket, createBehaviorRows, writeBehaviorSequence } from '@facet/features';
import { unknownUser } from '@facet/model';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { describeUser as describeUserAt, inferUser, readRequester, recommend as recommendAt } from '../src/index.ts';
import type { Behavior, ListQuery } from '../src/index.ts';

const { bundleStore, bundles, close } = await openSmallBundles();
afterAll(close);

/** Requests at the end of the data. */
type Asked<Request> = Omit<Request, 'now'>;
const recommend = (bundle: BundleView, asked: Asked<ListQuery>) => recommendAt(bundle, { now: asOf, ...asked });
const describeUser = (bundle: BundleView, asked: Asked<Parameters<typeof describeUserAt>[1]>) =>
  describeUserAt(bundle, { now: asOf, ...asked });

/** Behaviors an hour apart, oldest first, the last an hour before the end of the data. */
function chose(...items: number[]): Behavior[] {
  return items.map((item, position) => ({
    itemId: `item${item}`,
    occurredAt: asOf - (items.length - position) * hourMs,
  }));
}

const idsOf = (items: readonly { readonly itemId: string }[]): string[] => items.map(({ itemId }) => itemId);
const numberOf = (itemId: string): number => Number(itemId.slice('item'.length));
const withdrawn = [7, 13];

const behaviors = fc.array(
  fc.record({
    // Items above 40 are unknown.
    itemId: fc.integer({ min: 1, max: itemCount + 5 }).map((item) => `item${item}`),
    occurredAt: fc.integer({ min: 0, max: 3000 }).map((hours) => asOf - hours * hourMs),
  }),
  { maxLength: 20 },
);
const request: fc.Arbitrary<Asked<ListQuery>> = fc.record({
  behaviors,
  attributes: fc.constantFrom<Record<string, string | number> | undefined>(
    undefined,
    { age: 'old' },
    { age: 'unheard of', other: 1 },
  ),
  limit: fc.integer({ min: 0, max: itemCount + 3 }),
  exclude: fc.array(
    fc.integer({ min: 1, max: itemCount + 5 }).map((item) => `item${item}`),
    { maxLength: 30 },
  ),
  seen: fc.constantFrom(undefined, []),
});
const variant = fc.constantFrom('facet', 'mind');

/**
 * The scores of the candidates by the definition: the maximum of the inner products, or the smooth maximum. The score of an
 * item with a bonus is weight · score + bonus. Candidates are the `limit` best of each interest among the allowed items, and the items with a bonus.
 */
function bruteForce(bundle: Bundle, { behaviors: chosen, attributes, exclude = [], seen, limit }: Asked<ListQuery>) {
  const ordered = [...chosen].sort((a, b) => a.occurredAt - b.occurredAt);
  const items = ordered.map(({ itemId }) => (numberOf(itemId) <= itemCount ? numberOf(itemId) : 0));
  const times = ordered.map(({ occurredAt }) => occurredAt);
  const { config } = bundle.info.spec;
  const rows = createBehaviorRows(1, config.sequenceLength);
  const now = Math.max(asOf, ...times);
  writeBehaviorSequence(
    rows,
    0,
    { items, times, start: 0, end: items.length },
    { now, distinct: config.distinctBehaviors },
  );
  const { count, vectors } = bundle.engine.interests(rows, bundle.encodeUserFeatures(attributes), unknownUser);
  const bonuses = bundle.engine.repeatBonuses(rows);
  const weight = bundle.engine.repeatScoreWeight;
  const dim = bundle.info.index.dim;
  const hidden = new Set([...exclude, ...(seen ?? idsOf(chosen))].map(numberOf));
  const scored = Array.from({ length: itemCount }, (_, position) => position + 1)
    .filter((item) => !hidden.has(item) && !withdrawn.includes(item))
    .map((item) => {
      const products = Array.from({ length: count }, (_, k) => {
        let product = 0;
        for (let d = 0; d < dim; d++) product += vectors[k * dim + d]! * bundle.vectors[item * dim + d]!;
        return product;
      });
      const slot = rows.items.lastIndexOf(item);
      const bonus = slot === -1 ? undefined : bonuses[slot]!;
      const beta = config.scoreSharpness;
      const mean = products.reduce((sum, product) => sum + Math.exp((beta ?? 0) * product), 0) / count;
      const score = beta === undefined ? Math.max(...products) : Math.log(mean) / beta;
      return { item, products, bonus, score: bonus === undefined ? score : score * weight + bonus };
    })
    .sort((a, b) => b.score - a.score);
  const nearest = Array.from({ length: count }, (_, k) =>
    scored
      .filter(({ bonus }) => bonus === undefined)
      .sort((a, b) => b.products[k]! - a.products[k]!)
      .slice(0, limit),
  );
  const candidates = new Set(nearest.flat());
  return scored.filter((each) => each.bonus !== undefined || candidates.has(each));
}

describe('recommend', () => {
  it('returns the exact ranking of the candidates of all interests, each with its nearest interest', async () => {
    await fc.assert(
      fc.asyncProperty(variant, request, async (name, asked) => {
        const bundle = bundles[name];
        const { source, items } = await recommend(bundle, asked);
        if (source.kind !== 'model') return;
        const expected = bruteForce(bundle, asked).slice(0, asked.limit);
        expect(items).toHaveLength(expected.length);
        items.forEach(({ itemId, score, interest }, rank) => {
          expect(score).toBeCloseTo(expected[rank]!.score, 3);
          const { products, score: own } = bruteForce(bundle, asked).find(({ item }) => item === numberOf(itemId))!;
          expect(score).toBeCloseTo(own, 3);
          expect(products[interest! - 1]).toBeCloseTo(Math.max(...products), 3);
        });
      }),
      { numRuns: 60 },
    );
  });

  it.each([{ by: 'round-robin' }, { by: 'quota', shares: 'equal' }] as const)(
    'gives each item the score of its interest by $by, also a repeated one',
    async (merge) => {
      const asked = { behaviors: chose(3, 9, 14, 20, 27, 31), seen: [], limit: itemCount, merge };
      const { items, interests } = await recommend(bundles.facet, asked);
      expect(interests.length).toBeGreaterThan(1);
      const expected = new Map(bruteForce(bundles.facet, asked).map((each) => [each.item, each]));
      let repeated = 0;
      for (const { itemId, score, interest } of items) {
        const { products, bonus } = expected.get(numberOf(itemId))!;
        const product = products[interest! - 1]!;
        const { repeatScoreWeight } = bundles.facet.engine;
        expect(score).toBeCloseTo(bonus === undefined ? product : product * repeatScoreWeight + bonus, 3);
        if (bonus !== undefined) repeated++;
      }
      expect(repeated).toBeGreaterThan(3);
    },
  );

  it('never returns an excluded, withdrawn or unknown item, nor an item twice, whatever the source', async () => {
    await fc.assert(
      fc.asyncProperty(variant, request, async (name, asked) => {
        const { items, removed, source, interests } = await recommend(bundles[name], asked);
        const ids = idsOf(items);
        const excluded = new Set(asked.exclude);
        const seen = new Set(idsOf(asked.behaviors));
        expect(new Set(ids).size).toBe(ids.length);
        for (const itemId of ids) {
          expect(excluded.has(itemId)).toBe(false);
          expect(asked.seen !== undefined || !seen.has(itemId)).toBe(true);
          expect(withdrawn).not.toContain(numberOf(itemId));
          expect(bundles[name].indexOf(itemId)).toBeGreaterThan(0);
        }
        const allowed = itemCount - removed.seen - removed.excluded - removed.unavailable;
        expect(ids).toHaveLength(Math.min(asked.limit, allowed));
        // A fallback begins with the items of a segment.
        for (let rank = 1; rank < items.length && source.kind === 'model'; rank++) {
          expect(items[rank]!.score).toBeLessThanOrEqual(items[rank - 1]!.score);
        }
        const known = asked.behaviors.some(({ itemId }) => numberOf(itemId) <= itemCount);
        expect(source.kind).toBe(known ? 'model' : 'popular');
        expect(interests.length > 0).toBe(known);
      }),
      { numRuns: 100 },
    );
  });

  it('excludes seen items by default, including those beyond the sequence length', async () => {
    const many = chose(...Array.from({ length: 20 }, (_, item) => item + 14));
    const seen = new Set(idsOf(many));
    const fresh = await recommend(bundles.facet, { behaviors: many, limit: itemCount });
    expect(idsOf(fresh.items).filter((itemId) => seen.has(itemId))).toEqual([]);
    expect(fresh.removed).toEqual({ seen: 20, excluded: 0, unavailable: 2, filtered: 0 });
    const again = await recommend(bundles.facet, { behaviors: many, limit: itemCount, seen: [] });
    expect(idsOf(again.items).filter((itemId) => seen.has(itemId))).toHaveLength(20);
    expect(again.removed.seen).toBe(0);
  });

  it('counts each removed item once, by reason', async () => {
    const { removed } = await recommend(bundles.facet, {
      behaviors: chose(1, 2, 2, 99),
      exclude: ['item2', 'item3', 'item3', 'item7', 'nonsense'],
      limit: 5,
    });
    expect(removed).toEqual({ seen: 1, excluded: 3, unavailable: 1, filtered: 0 });
  });

  it('returns popular items, with the reason, for no behaviors or only unknown ones', async () => {
    for (const bundle of Object.values(bundles)) {
      const nothing = await recommend(bundle, { behaviors: [], limit: 5 });
      expect(nothing.source).toMatchObject({ kind: 'popular', reason: 'no_behaviors' });
      const unknown = await recommend(bundle, { behaviors: chose(99, 98), limit: 5 });
      expect(unknown.source).toMatchObject({ kind: 'popular', reason: 'no_known_items' });
      expect(unknown.items).toEqual(nothing.items);
      const order = [...bundle.popular.listFor({}).items].filter((item) => !withdrawn.includes(item));
      expect(nothing.items).toMatchObject(
        order.slice(0, 5).map((item) => ({ itemId: `item${item}`, score: bundle.popularity[item] })),
      );
      const rest = await recommend(bundle, { behaviors: [], limit: 5, exclude: idsOf(nothing.items) });
      expect(idsOf(rest.items)).toEqual(order.slice(5, 10).map((item) => `item${item}`));
    }
  });

  it('returns all allowed items for a large limit, and none for limit 0', async () => {
    for (const chosen of [[], chose(1)]) {
      expect((await recommend(bundles.facet, { behaviors: chosen, limit: 1000, seen: [] })).items).toHaveLength(38);
      expect((await recommend(bundles.facet, { behaviors: chosen, limit: 0 })).items).toEqual([]);
      const everything = Array.from({ length: itemCount }, (_, item) => `item${item + 1}`);
      expect((await recommend(bundles.facet, { behaviors: chosen, limit: 5, exclude: everything })).items).toEqual([]);
    }
  });

  it('returns the same items for the same behaviors in any order', async () => {
    const distinctTimes = fc
      .uniqueArray(fc.integer({ min: 1, max: 4000 }), { minLength: 1, maxLength: 15 })
      .chain((hours) =>
        fc.tuple(
          ...hours.map((hour) =>
            fc
              .integer({ min: 1, max: itemCount + 2 })
              .map((item) => ({ itemId: `item${item}`, occurredAt: asOf - hour * hourMs })),
          ),
        ),
      );
    const shuffled = distinctTimes.chain((list) =>
      fc.tuple(fc.constant(list), fc.shuffledSubarray(list, { minLength: list.length })),
    );
    await fc.assert(
      fc.asyncProperty(variant, shuffled, async (name, [list, mixed]) => {
        const response = await recommend(bundles[name], { behaviors: list, limit: 10 });
        expect(await recommend(bundles[name], { behaviors: mixed, limit: 10 })).toEqual(response);
        expect(await recommend(bundles[name], { behaviors: list, limit: 10 })).toEqual(response);
      }),
      { numRuns: 30 },
    );
  });

  it('returns a prefix of the list for a smaller limit', async () => {
    const asked = { behaviors: chose(3, 9, 21, 22), seen: [] };
    const all = await recommend(bundles.facet, { ...asked, limit: itemCount });
    for (const limit of [1, 5, 20]) {
      expect(idsOf((await recommend(bundles.facet, { ...asked, limit })).items)).toEqual(
        idsOf(all.items).slice(0, limit),
      );
    }
  });

  it('uses known attributes, and a new behavior immediately', async () => {
    const asked = { behaviors: chose(3, 9, 21, 22), limit: 10 };
    const [old, young, unknown, none] = await Promise.all(
      [{ age: 'old' }, { age: 'young' }, { age: '?' }, undefined].map(async (attributes) =>
        recommend(bundles.facet, { ...asked, attributes }),
      ),
    );
    expect(old!.items).not.toEqual(young!.items);
    expect(unknown!.items).toEqual(none!.items);
    const newer = [...asked.behaviors, { itemId: 'item35', occurredAt: asOf + hourMs }];
    expect((await recommend(bundles.facet, { ...asked, behaviors: newer })).items).not.toEqual(none!.items);
  });

  it('does not modify its arguments', async () => {
    const asked = Object.freeze({
      behaviors: Object.freeze([...chose(5, 4)].reverse()),
      limit: 3,
      exclude: Object.freeze(['item1']),
    });
    await recommend(bundles.facet, asked);
    expect(idsOf(asked.behaviors)).toEqual(['item4', 'item5']);
  });
});

describe('interests', () => {
  it('have shares that sum to 1, of the behaviors, largest first', async () => {
    await fc.assert(
      fc.asyncProperty(variant, request, async (name, asked) => {
        const { interests } = await recommend(bundles[name], asked);
        const seen = new Set(idsOf(asked.behaviors));
        interests.forEach(({ interest, behaviors: formedBy }, position) => {
          expect(interest).toBe(position + 1);
          expect(formedBy.reduce((sum, { share }) => sum + share, 0)).toBeCloseTo(1, 5);
          for (const { itemId, share } of formedBy) expect(seen.has(itemId) && share >= 0).toBe(true);
          for (let rank = 1; rank < formedBy.length; rank++) {
            expect(formedBy[rank]!.share).toBeLessThanOrEqual(formedBy[rank - 1]!.share);
          }
        });
      }),
      { numRuns: 60 },
    );
  });

  it("grow in number with the behaviors, K'u = log2 n", async () => {
    const countOf = async (n: number): Promise<number> =>
      (
        await recommend(bundles.facet, {
          behaviors: chose(...Array.from({ length: n }, (_, item) => item + 1)),
          limit: 1,
        })
      ).interests.length;
    expect(await Promise.all([1, 2, 3, 4, 7, 8, 20].map(countOf))).toEqual([1, 1, 1, 2, 2, 3, 3]);
  });

  it('are the same in describeUser, with the items nearest to each', async () => {
    const asked = { behaviors: chose(3, 9, 21, 22, 7), attributes: { age: 'old' } };
    const { interests } = await recommend(bundles.facet, { ...asked, limit: 3 });
    const { interests: described } = await describeUser(bundles.facet, { ...asked, nearest: 6 });
    expect(described.map(({ interest, behaviors: formedBy }) => ({ interest, behaviors: formedBy }))).toEqual(
      interests,
    );
    // Includes seen and withdrawn items. Popularity, the last coordinate, has no influence.
    const { engine, vectors, info } = bundles.facet;
    const rows = createBehaviorRows(1, 8);
    const items = asked.behaviors.map(({ itemId }) => numberOf(itemId));
    const times = asked.behaviors.map(({ occurredAt }) => occurredAt);
    writeBehaviorSequence(rows, 0, { items, times, start: 0, end: items.length }, { now: asOf, distinct: true });
    const found = engine.interests(rows, bundles.facet.encodeUserFeatures(asked.attributes), unknownUser);
    const dim = info.index.dim;
    for (const { interest, nearest } of described) {
      const products = Array.from({ length: itemCount }, (_, position) => {
        let product = 0;
        for (let d = 0; d < info.spec.config.embeddingDim; d++) {
          product += found.vectors[(interest - 1) * dim + d]! * vectors[(position + 1) * dim + d]!;
        }
        return product;
      });
      const best = [...products].sort((a, b) => b - a);
      expect(nearest).toHaveLength(6);
      nearest.forEach(({ itemId, score }, rank) => {
        expect(score).toBeCloseTo(products[numberOf(itemId) - 1]!, 4);
        expect(score).toBeCloseTo(best[rank]!, 4);
      });
    }
  });

  it('have coupling coefficients that give the shares of the behaviors in each interest', async () => {
    const asked = { behaviors: chose(3, 9, 21, 3, 22, 7), nearest: 1 };
    const { interests, coupling } = await describeUser(bundles.facet, asked);
    // A repeated item is one behavior, as new as its last interaction.
    expect(coupling!.behaviors.map(({ itemId }) => itemId)).toEqual(['item9', 'item21', 'item3', 'item22', 'item7']);
    expect(coupling!.behaviors[0]!.title).toBe('Title 9');
    for (const { itemId, coefficients } of coupling!.behaviors) {
      expect(coefficients.reduce((sum, value) => sum + value, 0)).toBeCloseTo(1, 5);
      // The recency weight of a behavior, share / coefficient up to the norm of the interest, is the same in both interests.
      const shares = interests.map(({ behaviors }) => behaviors.find((each) => each.itemId === itemId)!.share);
      const first = interests.map(({ behaviors }) => behaviors.find((each) => each.itemId === 'item7')!.share);
      const ofFirst = coupling!.behaviors.at(-1)!.coefficients;
      const weights = shares.map((share, k) => (share / first[k]!) * (ofFirst[k]! / coefficients[k]!));
      expect(weights[0]).toBeCloseTo(weights[1]!, 4);
    }
  });

  it('fall back to popular items, with the reason, if all are zero', async () => {
    const contents = bundleContents('mind');
    const dead = Object.fromEntries(
      Object.entries(contents.tower).map(([name, weight]) =>
        // Biases that keep the ReLU layer at zero.
        name.startsWith('hidden/') && name.endsWith('bias')
          ? [name, { ...weight, data: weight.data.map(() => -1e6) }]
          : [name, weight],
      ),
    );
    const config = { ...contents.info.spec.config, outputActivation: 'relu' as const };
    const info = { ...contents.info, spec: { ...contents.info.spec, config } };
    const bundle = await loadBundle(
      bundleStore.store,
      await bundleStore.put({ ...contents, info, tower: dead, golden: [] }),
    );
    const response = await recommend(bundle, { behaviors: chose(3, 4), limit: 5 });
    expect(response.source).toMatchObject({ kind: 'popular', reason: 'no_interest' });
    expect(response.items).toHaveLength(5);
    expect(idsOf(response.items)).not.toContain('item3');
    const described = await describeUser(bundle, { behaviors: chose(3, 4), nearest: 5 });
    expect(described).toEqual({ interests: [], coupling: undefined, reason: 'no_interest' });
    bundle.close();
  });

  it('are empty in describeUser for a user without known behaviors', async () => {
    const none = { interests: [], coupling: undefined };
    const describe = (behaviors: Behavior[]) => describeUser(bundles.facet, { behaviors, nearest: 5 });
    expect(await describe([])).toEqual({ ...none, reason: 'no_behaviors' });
    expect(await describe(chose(99))).toEqual({ ...none, reason: 'no_known_items' });
  });
});

describe('the ages of behaviors', () => {
  const agesAt = (now: number, behaviors: readonly Behavior[]): number[] =>
    [...inferUser(bundles.facet, { behaviors, now }).rows.ages].filter((age) => age > 0);

  it('count to the time of the request, at most 30 days after the end of the data', () => {
    const behaviors = chose(1, 2);
    const later = (days: number): number[] => agesAt(asOf + days * dayMs, behaviors);
    expect(later(10)).toEqual(behaviors.map(({ occurredAt }) => ageBucket(asOf + 10 * dayMs - occurredAt)));
    expect(later(10)).not.toEqual(later(0));
    expect(later(30)).not.toEqual(later(10));
    expect(later(3_000)).toEqual(later(30));
  });

  it('are those of a behavior of this moment for a behavior in the future', () => {
    const inFuture = [{ itemId: 'item1', occurredAt: asOf + 20 * hourMs }];
    expect(agesAt(asOf, inFuture)).toEqual([ageBucket(0)]);
  });

  it('are 0 for behaviors without a time, which are the newest, in their order', async () => {
    const now = asOf + 5 * dayMs;
    const requester = await readRequester(
      { behaviors: ['item3', { itemId: 'item4', occurredAt: now }, 'item2'] },
      { bundle: bundles.facet, readProfile: async () => ({ profile: undefined, isAvailable: true }), now },
    );
    expect(requester.behaviors.map(({ itemId, occurredAt }) => [itemId, occurredAt - now])).toEqual([
      ['item4', 0],
      ['item3', 1],
      ['item2', 2],
    ]);
    expect(agesAt(now, requester.behaviors)).toEqual([1, 1, 1]);
  });
});
