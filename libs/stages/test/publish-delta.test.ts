import { cp, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { loadBundle, loadDelta, overlayDelta } from '@facet/bundles';
import { changeRecords, compactCatalog, upsertItems } from '@facet/lake';
import type { LakeEvent } from '@facet/lake';
import type { Item } from '@facet/schemas';
import { createRandom } from '@facet/features';
import { initializeWeights } from '@facet/model';
import { recommend } from '@facet/recommendations';
import type { RecommendationResult } from '@facet/recommendations';
import { beforeEach, expect, test } from 'vitest';
import { homePaths } from '@facet/config';
import { createStageContext } from '../src/stage.ts';
import { publishDelta } from '../src/delta/publish-delta.ts';
import type { StageContext } from '../src/stage.ts';
import { buildDataset } from '../src/dataset/build-dataset.ts';
import { assembleDataset } from '../src/dataset/dataset.ts';
import type { Dataset } from '../src/dataset/dataset.ts';
import { buildBundle } from '../src/indexing/build-bundle.ts';
import { dayMs } from '@facet/platform';
import { forTest, temporaryFolder } from '@facet/testing';
import { addToLake } from './shops/lake-of-events.ts';
import {
  closing,
  shopConfig,
  shopDataset,
  shopEvents,
  shopSources,
  things,
  untrainedModel,
} from './shops/tiny-shop.ts';

const config = shopConfig();
const shop = shopDataset();
let context: StageContext;

/** Promotes an untrained bundle of the shop; another one for each seed. */
async function promoteBundle(
  seed: number,
  { dataset = shop, prior }: { readonly dataset?: Dataset; readonly prior?: readonly number[] } = {},
): Promise<string> {
  const model = untrainedModel(dataset, config, (spec) => initializeWeights(spec, createRandom(seed)));
  if (prior !== undefined) model.weights['prior/weights']!.data.set(prior);
  const ref = await buildBundle({
    store: context.store,
    dataset,
    model: { ...model, id: `model ${seed}` },
    index: config.index,
    popularity: config.popularity,
    metrics: {},
  });
  await context.store.promote(ref);
  return ref.id;
}

/** Recommends with the current bundle and the published delta. */
async function ask(behaviors: readonly string[], limit = 100): Promise<RecommendationResult> {
  const { store } = context;
  const bundle = await loadBundle(store, (await store.readRef('current'))!);
  const view = await overlayDelta(bundle, await loadDelta(store, (await store.readRef('delta'))!));
  try {
    const chosen = behaviors.map((itemId, position) => ({ itemId, occurredAt: closing - 1000 + position }));
    return await recommend(view, { behaviors: chosen, now: closing, limit });
  } finally {
    view.close();
    bundle.close();
  }
}

const idsOf = ({ items }: RecommendationResult): string[] => items.map(({ itemId }) => itemId);
const change = (changes: Record<string, Item | undefined>) =>
  changeRecords('items', context.home.catalogFolder, new Map(Object.entries(changes)));
const newCup: Item = { itemId: 'cup-new', title: 'cup of the day', attributes: { kind: 'cup', shop: 'shop0' } };

/** The purchases of an item by 19 people after the last bundle, each twice a day, which counts once, and two views. */
function purchasesOf(itemId: string): LakeEvent[] {
  return Array.from({ length: 40 }, (_, position) => ({
    eventId: `${itemId} ${position}`,
    userId: `buyer ${position >> 1}`,
    type: position < 38 ? 'purchase' : 'view',
    itemId,
    occurredAt: closing + 1000 + position,
    receivedAt: closing + 1000 + position,
  }));
}

/** Stores the purchases of an item in the lake, or erases the buyers. */
async function buy(itemId: string, { isErased = false } = {}): Promise<void> {
  const events = purchasesOf(itemId);
  const erased = [...new Set(events.map(({ userId }) => userId))];
  if (isErased) await addToLake(context.home.lakeFolder, [], { erased, erasedAt: closing + 5000 });
  else await addToLake(context.home.lakeFolder, events);
}

beforeEach(async () => {
  context = createStageContext(homePaths(await temporaryFolder()), config);
  await upsertItems(context.home.catalogFolder, things);
});

test('publishes no delta without a current bundle, or while catalog and bundle agree', async () => {
  expect(await publishDelta(context)).toBeUndefined();
  await promoteBundle(1);
  expect(await publishDelta(context)).toBeUndefined();
  expect(await context.store.readRef('delta')).toBeUndefined();
  expect(await context.store.list('delta')).toEqual([]);
});

test('adds new items and withdraws items immediately, and changes nothing when repeated', async () => {
  const bundleId = await promoteBundle(1);
  await change({ 'cup-new': newCup, thing01: { ...things[1]!, available: false }, thing02: undefined });
  const result = await publishDelta(context);
  expect(result).toMatchObject({ bundleId, added: 1, withdrawn: 2, returned: 0, changed: 0 });
  expect(await context.store.readRef('delta')).toEqual({ kind: 'delta', id: result!.deltaId });
  for (const behaviors of [[], ['thing04'], ['cup-new']]) {
    const ids = idsOf(await ask(behaviors));
    expect(ids).not.toContain('thing01');
    expect(ids).not.toContain('thing02');
    expect(ids.includes('cup-new')).toBe(!behaviors.includes('cup-new'));
  }
  expect(await publishDelta(context)).toBeUndefined();
});

test.each(['before', 'after'])(
  'withdraws a removed item that has only an id, %s the first comparison',
  async (when) => {
    const bare = things.map(({ itemId, ...facts }, thing) => ({
      itemId,
      ...(thing === 2 ? { attributes: {} } : facts),
    }));
    const dataset = assembleDataset('shop', buildDataset({ ...shopSources(), items: bare }, config));
    await change({ thing02: bare[2] });
    await promoteBundle(1, { dataset });
    if (when === 'after') expect(await publishDelta(context)).toBeUndefined();
    await change({ thing02: undefined });
    expect(await publishDelta(context)).toMatchObject({ added: 0, withdrawn: 1, changed: 0 });
    expect(idsOf(await ask([]))).not.toContain('thing02');
    await change({ thing02: bare[2] });
    expect(await publishDelta(context)).toMatchObject({ withdrawn: 0, returned: 0 });
    expect(idsOf(await ask([]))).toContain('thing02');
  },
);

test('publishes the same delta for the same catalog, and an empty one after a reversal', async () => {
  await promoteBundle(1);
  await change({ 'cup-new': newCup });
  const { deltaId } = (await publishDelta(context))!;
  await change({ 'cup-new': undefined });
  expect(await publishDelta(context)).toMatchObject({ added: 0, withdrawn: 0, changed: 0 });
  await change({ 'cup-new': newCup });
  expect((await publishDelta(context))!.deltaId).toBe(deltaId);
});

test('does not compare an untouched or compacted catalog again', async () => {
  await promoteBundle(1);
  await change({ 'cup-new': newCup });
  await publishDelta(context);
  const { store, home } = context;
  // Reading the bundle would fail.
  const guarded: StageContext = {
    ...context,
    store: {
      ...store,
      open: () => {
        throw new Error('the bundle was read');
      },
    },
  };
  expect(await publishDelta(guarded)).toBeUndefined();
  await compactCatalog(home.catalogFolder, { isFull: true, graceMs: 0 });
  expect(await publishDelta(guarded)).toBeUndefined();
  await change({ 'cup-new': { ...newCup, title: 'cup of yesterday' } });
  await expect(publishDelta(guarded)).rejects.toThrow('the bundle was read');
});

test('publishes another delta for the next bundle, and keeps removed items withdrawn', async () => {
  await promoteBundle(1);
  await change({ thing03: undefined });
  const first = (await publishDelta(context))!;
  const next = await promoteBundle(2);
  const second = (await publishDelta(context))!;
  expect(second).toMatchObject({ bundleId: next, withdrawn: 1 });
  expect(second.deltaId).not.toBe(first.deltaId);
  expect(idsOf(await ask([]))).not.toContain('thing03');
  const { info } = await loadDelta(context.store, { kind: 'delta', id: second.deltaId });
  expect(info.gone).toEqual(['thing03']);
});

test('publishes the same delta for the items of each write as for the whole catalog', async () => {
  await promoteBundle(1);
  const changes: Record<string, Item | undefined>[] = [
    { 'cup-new': newCup, thing01: { ...things[1]!, available: false }, thing02: undefined },
    { thing03: { ...things[3]!, title: 'renamed' }, 'cup-other': { ...newCup, itemId: 'cup-other' } },
    { thing01: things[1]!, thing02: things[2]!, 'cup-new': undefined },
    { thing03: undefined, thing04: undefined, 'cup-other': { ...newCup, itemId: 'cup-other', available: false } },
    { thing04: { ...things[4]!, title: 'back' } },
  ];
  for (const some of changes) {
    await change(some);
    const { deltaId } = (await publishDelta(context))!;
    await rm(join(context.home.stagesFolder, 'delta.json'));
    expect(await publishDelta(context)).toBeUndefined();
    expect((await context.store.readRef('delta'))!.id).toBe(deltaId);
  }
});

test('compares all items again after the catalog was restored from a backup', async () => {
  await promoteBundle(1);
  const { catalogFolder } = context.home;
  const backup = `${catalogFolder}.backup`;
  await cp(catalogFolder, backup, { recursive: true });
  await change({ 'cup-new': newCup, thing02: undefined });
  await publishDelta(context);
  await rm(catalogFolder, { recursive: true });
  await cp(backup, catalogFolder, { recursive: true });
  for (const title of ['first', 'second', 'third']) await change({ thing05: { ...things[5]!, title } });
  expect(await publishDelta(context)).toMatchObject({ added: 0, withdrawn: 0, changed: 1 });
});

test('withdraws an item whose removal was compacted before it was read', async () => {
  await promoteBundle(1);
  const { catalogFolder } = context.home;
  await change({ 'cup-new': newCup });
  await publishDelta(context);
  await change({ thing02: undefined });
  await changeRecords(
    'items',
    catalogFolder,
    new Map([['cup-late', { ...newCup, itemId: 'cup-late' }]]),
    Date.now() + 91 * dayMs,
  );
  await compactCatalog(catalogFolder, { isFull: true });
  expect(await publishDelta(context)).toMatchObject({ added: 2, withdrawn: 1 });
});

test('counts the first interactions with new items', async () => {
  await promoteBundle(1);
  await change({ 'cup-new': newCup });
  const first = (await publishDelta(context))!;
  const loaded = async (id: string) => loadDelta(context.store, { kind: 'delta', id });
  const before = await loaded(first.deltaId);
  expect([...before.popularity]).toEqual([0]);
  expect(idsOf(await ask([])).at(-1)).toBe('cup-new');

  await buy('cup-new');
  const second = (await publishDelta(context))!;
  expect(second).toMatchObject({ added: 1 });
  const after = await loaded(second.deltaId);
  expect([...after.popularity]).toEqual([19]);
  // An untrained prior is the logarithm of the users of the last 30 days.
  expect(after.vectors.at(-1)).toBeCloseTo(Math.log1p(19), 4);
  expect(after.vectors.slice(0, -1)).toEqual(before.vectors.slice(0, -1));
  const scores = (await ask([])).items;
  expect(scores.findIndex(({ itemId }) => itemId === 'cup-new')).toBeLessThan(scores.length - 1);
  expect(await publishDelta(context)).toBeUndefined();
});

test('counts the first interactions with an item of the bundle, as the next bundle does', async () => {
  // The prior reads all popularity features.
  const prior = [0.4, 0.3, 0.2, 0.1, -0.1, -0.2];
  await promoteBundle(1, { prior });
  await change({ 'cup-new': newCup });
  expect(await publishDelta(context)).toMatchObject({ added: 1, chosen: 0 });
  const cold = ['thing21', 'thing22', 'thing23'];
  expect(idsOf(await ask([])).filter((itemId) => cold.includes(itemId))).toEqual(cold);
  const behaviors = ['thing04', 'thing07'];
  const scoreOf = async () => (await ask(behaviors)).items.find(({ itemId }) => itemId === 'thing22')!.score;
  const before = await scoreOf();
  await change({ 'cup-new': undefined });
  await publishDelta(context);
  await buy('thing22');
  expect(await publishDelta(context)).toMatchObject({ added: 0, changed: 0, chosen: 1 });
  expect(idsOf(await ask([])).find((itemId) => cold.includes(itemId))).toBe('thing22');
  const score = await scoreOf();
  expect(score).toBeGreaterThan(before + 1);
  expect(await publishDelta(context)).toBeUndefined();

  const { info, ...rest } = shopDataset([...shopEvents(), ...purchasesOf('thing22')]);
  const window = { ...info.window, occurredBefore: closing + dayMs };
  await promoteBundle(1, { prior, dataset: { ...rest, info: { ...info, window } } });
  expect(await publishDelta(context)).toMatchObject({ added: 0, chosen: 0 });
  expect(await scoreOf()).toBeCloseTo(score, 5);
});

test('adds the interactions with an item that is a day old to those that the bundle has, as the next bundle does', async () => {
  const prior = [0.4, 0.3, 0.2, 0.1, -0.1, -0.2];
  const firstDay: LakeEvent = { ...purchasesOf('thing22')[0]!, eventId: 'first', occurredAt: closing - dayMs };
  const shopOf = (events: LakeEvent[], occurredBefore: number): Dataset => {
    const { info, ...rest } = shopDataset([...shopEvents(), { ...firstDay, userId: 'early' }, ...events]);
    return { ...rest, info: { ...info, window: { ...info.window, occurredBefore } } };
  };
  await promoteBundle(1, { prior, dataset: shopOf([], closing) });
  await buy('thing22');
  const { deltaId } = (await publishDelta(context))!;
  const { info, popularity, vectors } = await loadDelta(context.store, { kind: 'delta', id: deltaId });
  expect(info.chosen).toEqual(['thing22']);
  expect([...popularity]).toEqual([20]);

  await promoteBundle(1, { prior, dataset: shopOf(purchasesOf('thing22'), closing + dayMs) });
  const next = forTest(await loadBundle(context.store, (await context.store.readRef('current'))!));
  expect(vectors.at(-1)).toBeCloseTo(next.vectorOf(next.indexOf('thing22')!).at(-1)!, 5);
});

test('forgets the first interactions with an item once they are erased', async () => {
  await promoteBundle(1);
  await buy('thing22');
  expect(await publishDelta(context)).toMatchObject({ chosen: 1 });
  await buy('thing22', { isErased: true });
  expect(await publishDelta(context)).toMatchObject({ chosen: 0 });
  expect(idsOf(await ask([])).slice(-3)).toEqual(['thing21', 'thing22', 'thing23']);
});

test('withdraws nothing for an empty or missing catalog', async () => {
  await promoteBundle(1);
  await change({ thing03: undefined });
  const { deltaId } = (await publishDelta(context))!;
  const none = Object.fromEntries(things.map(({ itemId }) => [itemId, undefined]));
  for (const away of [() => change(none), () => rm(context.home.catalogFolder, { recursive: true })]) {
    await away();
    expect(await publishDelta(context)).toBeUndefined();
    expect((await context.store.readRef('delta'))!.id).toBe(deltaId);
  }
});

test('replaces a damaged delta', async () => {
  await promoteBundle(1);
  await change({ 'cup-new': newCup });
  const { deltaId } = (await publishDelta(context))!;
  const { artifactsFolder } = context.home;
  await writeFile(join(artifactsFolder, 'delta', deltaId, 'delta.json'), '{}');
  await rm(join(artifactsFolder, 'refs', 'delta.json'));
  expect((await publishDelta(context))!.deltaId).toBe(deltaId);
  expect(idsOf(await ask([]))).toContain('cup-new');
});

test('keeps the newest ten replaced deltas', { tags: 'full' }, async () => {
  await promoteBundle(1);
  for (let edition = 0; edition < 14; edition++) {
    await change({ 'cup-new': { ...newCup, title: `edition ${edition}` } });
    await publishDelta(context);
  }
  expect(await context.store.list('delta')).toHaveLength(10);
  expect(await readdir(join(context.home.artifactsFolder, 'delta'))).toHaveLength(10);
  expect(idsOf(await ask([]))).toContain('cup-new');
});
