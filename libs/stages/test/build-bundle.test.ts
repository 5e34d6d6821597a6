import { join } from 'node:path';
import { createFolderArtifactStore } from '@facet/artifacts';
import { itemsOf, loadBundle } from '@facet/bundles';
import type { Bundle } from '@facet/bundles';
import { createRandom } from '@facet/features';
import { recommend } from '@facet/recommendations';
import { describe, expect, it } from 'vitest';
import type { FacetConfig } from '@facet/config';
import type { Dataset } from '../src/dataset/dataset.ts';
import type { Model } from '../src/model/model-artifact.ts';
import { catalogAtCut } from '../src/ranking/tasks.ts';
import { createModelScorer } from '../src/ranking/model-scorer.ts';
import { buildBundle } from '../src/indexing/build-bundle.ts';
import type { BuildBundleOptions } from '../src/indexing/build-bundle.ts';
import { forTest, temporaryFolder } from '@facet/testing';
import { closing, dayMs, shopConfig, shopDataset, smallModel, untrainedModel } from './shops/tiny-shop.ts';

const dataset = shopDataset();

function randomModel(variant: 'facet' | 'mind'): Model {
  const config = shopConfig({ model: { ...smallModel, variant, outputActivation: 'linear' } });
  const { info, weights } = untrainedModel(dataset, config);
  const random = createRandom(8);
  for (const [name, { data }] of Object.entries(weights)) {
    if (name !== 'routing/logits') data.forEach((_, cell) => (data[cell] = 0.5 * random.normal()));
  }
  return { id: `a ${variant} model`, info, weights };
}

const demand: FacetConfig['index'] = { kind: 'auto', recallMin: 0.98 };

async function build(
  model: Model,
  index = demand,
  options: Pick<BuildBundleOptions, 'once'> & { of?: Dataset } = {},
): Promise<Bundle> {
  const { of = dataset, ...once } = options;
  const store = createFolderArtifactStore(join(await temporaryFolder(), 'artifacts'));
  const popularity = { windowDays: [14, 60], segments: 'auto' as const, minUsers: 5 };
  const metrics = { 'new.recall@50': 0.25 };
  const ref = await buildBundle({ store, dataset: of, model, index, popularity, metrics, ...once });
  return forTest(await loadBundle(store, ref));
}

/** The request of a user of the dataset: behaviors and attributes. */
function requestOf(of: Dataset, user: number) {
  const { sequences, items } = of;
  const behaviors = Array.from({ length: sequences.offsets[user + 1]! - sequences.offsets[user]! }, (_, position) => ({
    itemId: items[sequences.items[sequences.offsets[user]! + position]!]!.itemId,
    occurredAt: sequences.times[sequences.offsets[user]! + position]!,
  }));
  const userId = sequences.userIds[user]!;
  const number = Number(userId.slice('person'.length));
  const attributes = number === 19 ? undefined : { age: number % 2 === 0 ? 'old' : 'young' };
  return { behaviors, now: closing, attributes };
}

describe('buildBundle', () => {
  it('contains every item, cold ones too, and its lineage', async () => {
    const model = randomModel('facet');
    const bundle = await build(model);
    expect([...itemsOf(bundle.catalog)]).toEqual(dataset.items.slice(1));
    expect(bundle.index.size).toBe(24);
    expect(bundle.info).toMatchObject({
      modelId: model.id,
      datasetId: dataset.id,
      trainedCount: dataset.info.trainedCount,
      interactions: dataset.info.interactions,
      asOf: closing,
      metrics: { 'new.recall@50': 0.25 },
      index: { kind: 'flat', dim: 7, recall: 1, recallAt: 24 },
    });
    expect(bundle.info.index.reason).toContain('24 items');
    expect(bundle.golden).toHaveLength(20);
    expect(Object.keys(bundle.tower).filter((name) => name.startsWith('item/'))).toEqual([]);
  });

  it.each(['facet', 'mind'] as const)(
    '%s: ranks the whole catalog in serving as in the evaluation',
    async (variant) => {
      const model = randomModel(variant);
      const bundle = await build(model);
      const scorer = createModelScorer(dataset, model.info.spec, model.weights, {
        catalog: catalogAtCut(dataset, closing, new Uint8Array(25).fill(1, 1)),
        candidates: new Uint8Array(25).fill(1, 1),
      });
      const { sequences } = dataset;
      for (let user = 0; user < sequences.userIds.length; user++) {
        const [start, end] = [sequences.offsets[user]!, sequences.offsets[user + 1]!];
        const scores = scorer.score({
          userIndex: user,
          queryTime: closing,
          start,
          end,
          history: sequences.items.slice(start, end),
        });
        const { items, source } = await recommend(bundle, {
          ...requestOf(dataset, user),
          limit: 24,
          seen: [],
        });
        expect(source).toEqual({ kind: 'model' });
        // thing05 is unavailable: the evaluation ranks it, but serving must not.
        expect(new Set(items.map(({ itemId }) => itemId)).size).toBe(23);
        for (const { itemId, score } of items) {
          expect(score).toBeCloseTo(scores[bundle.indexOf(itemId)!]!, 3);
        }
        const withdrawn = bundle.indexOf('thing05')!;
        const best = [...scores.keys()]
          .filter((item) => item > 0 && item !== withdrawn)
          .sort((a, b) => scores[b]! - scores[a]!);
        items.forEach(({ score }, rank) => expect(score).toBeCloseTo(scores[best[rank]!]!, 3));
      }
    },
  );

  it('orders all items by users of the last 30 days, and ties by older interactions', async () => {
    const bundle = await build(randomModel('facet'));
    const { sequences } = dataset;
    const chosen = (item: number, since: number): number => {
      const userDays = new Set<string>();
      for (let user = 0; user < sequences.userIds.length; user++) {
        for (let position = sequences.offsets[user]!; position < sequences.offsets[user + 1]!; position++) {
          if (sequences.items[position] !== item || sequences.times[position]! < since) continue;
          userDays.add(`${user} ${Math.floor(sequences.times[position]! / dayMs)}`);
        }
      }
      return userDays.size;
    };
    const expected = Array.from({ length: 24 }, (_, position) => position + 1).sort(
      (a, b) =>
        chosen(b, closing - 30 * dayMs) - chosen(a, closing - 30 * dayMs) || chosen(b, 0) - chosen(a, 0) || a - b,
    );
    expect([...bundle.byPopularity]).toEqual(expected);
  });

  it('ranks the popular items of a segment first for users of the segment', async () => {
    const bundle = await build(randomModel('facet'));
    const { sequences, userAttributes } = dataset;
    const usersWho = (item: number, age?: string): number =>
      sequences.userIds.filter((_, user) => {
        if (age !== undefined && userAttributes[user]?.['age'] !== age) return false;
        const [start, end] = [sequences.offsets[user]!, sequences.offsets[user + 1]!];
        return sequences.items
          .subarray(start, end)
          .some((other, position) => other === item && sequences.times[start + position]! >= closing - 14 * dayMs);
      }).length;
    const best = (age?: string): number[] =>
      Array.from({ length: 24 }, (_, position) => position + 1)
        .filter((item) => usersWho(item, age) > 0)
        .sort((a, b) => usersWho(b, age) - usersWho(a, age) || a - b);
    for (const age of ['old', 'young']) {
      const { items, segment, windowDays } = bundle.popular.listFor({ attributes: { age } });
      expect([segment, windowDays]).toEqual([{ attribute: 'age', value: age, users: age === 'old' ? 10 : 9 }, 14]);
      expect([...items].slice(0, best(age).length)).toEqual(best(age));
      expect(new Set(items).size).toBe(24);
    }
    const anybody = bundle.popular.listFor({ attributes: { age: 'ageless' } });
    expect(anybody.segment).toBeUndefined();
    expect([...anybody.items].slice(0, best().length)).toEqual(best());
    expect(best('old')).not.toEqual(best('young'));

    const asked = { behaviors: [], now: closing, attributes: { age: 'young' }, limit: 5 };
    const { items: recommended, source } = await recommend(bundle, asked);
    expect(source).toMatchObject({ kind: 'popular', reason: 'no_behaviors', segment: { value: 'young' } });
    const available = best('young').map((item) => bundle.idOf(item));
    expect(recommended.map(({ itemId }) => itemId)).toEqual(
      available.filter((itemId) => itemId !== 'thing05').slice(0, 5),
    );
  });

  it('builds the same bundle from the same dataset and model', async () => {
    expect((await build(randomModel('facet'))).id).toBe((await build(randomModel('facet'))).id);
    expect((await build(randomModel('mind'))).id).not.toBe((await build(randomModel('facet'))).id);
  });

  it('tunes an approximate index to the results of a scan, and stores its search breadth', async () => {
    const bundle = await build(randomModel('facet'), { ...demand, kind: 'hnsw', recallMin: 0.9 });
    expect(bundle.info.index).toMatchObject({ kind: 'hnsw', reason: 'set by index.kind' });
    expect(bundle.info.index.efSearch).toBeGreaterThan(0);
    expect(bundle.info.index.recall).toBeGreaterThanOrEqual(0.9);
    const { items } = await recommend(bundle, { ...requestOf(dataset, 0), limit: 5 });
    expect(items).toHaveLength(5);
  });

  it('reports its progress up to the last row', async () => {
    const seen: [number, string][] = [];
    const store = createFolderArtifactStore(await temporaryFolder());
    await buildBundle({
      store,
      dataset,
      model: randomModel('facet'),
      index: { ...demand, kind: 'flat' },
      popularity: shopConfig().popularity,
      metrics: {},
      onProgress: ({ share, detail }) => void seen.push([share, detail]),
    });
    expect(seen.at(-1)).toEqual([1, 'item map']);
  });

  it('stores the index recall, measured with interests of users of the test window', async () => {
    const { index } = (await build(randomModel('facet'), { kind: 'hnsw', recallMin: 0.5 })).info;
    expect(index.measured!.queries.tuning).toBeGreaterThan(10);
    expect(index.measured!.queries.heldOut).toBeGreaterThan(10);
    expect(index.measured!.exact.p50Ms).toBeGreaterThan(0);
  });

  it('reuses a stored choice of the index', async () => {
    const choice = { kind: 'hnsw', reason: 'it was so', efSearch: 33, recall: 0.5, recallAt: 24 };
    const once = async (): Promise<never> => choice as never;
    const bundle = await build(randomModel('facet'), demand, { once });
    expect(bundle.info.index).toEqual({ ...choice, dim: 7 });
    expect(bundle.index.kind).toBe('hnsw');
    expect((await build(randomModel('facet'), demand, { once })).id).toBe(bundle.id);
  });

  it('rejects a diverged model and names the item', async () => {
    const model = randomModel('facet');
    model.weights['item/id']!.data.fill(Number.NaN, 18, 24);
    await expect(build(model)).rejects.toMatchObject({ code: 'RETRIEVAL_VECTORS_INVALID', context: { item: 3 } });
  });

  it('stores no index recall without interests of users', async () => {
    const nobody = { ...dataset.sequences, items: dataset.sequences.items.map(() => 0) };
    const of = { ...dataset, sequences: nobody };
    const bundle = await build(randomModel('facet'), { ...demand, kind: 'hnsw' }, { of });
    expect(bundle.info.index).toMatchObject({ kind: 'hnsw', recall: null });
    expect(bundle.info.index.measured).toBeUndefined();
  });
});
