import { appendFile, copyFile, cp, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createFolderArtifactStore } from '@facet/artifacts';
import type { ArtifactRef, ArtifactStore } from '@facet/artifacts';
import { bundleFiles } from '@facet/bundles';
import type { CatalogItem } from '@facet/bundles';
import { openFileEventLog } from '@facet/event-log';
import { sinkLog } from '@facet/lake';
import { createLogger } from '@facet/platform';
import { forTest } from '@facet/testing';
import { beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { BundleWatcher } from '../src/bundle/bundle-watcher.ts';
import type { WatcherDeps } from '../src/bundle/bundle-watcher.ts';
import { LiveBundle } from '../src/bundle/live-bundle.ts';
import { createMetrics } from '../src/telemetry/metrics.ts';
import { createProfileSource } from '../src/profiles/profile-source.ts';
import type { ProfileSource } from '../src/profiles/profile-source.ts';
import { asOf, createHome, events, films, putBundle, putDeltaOf } from './fixtures.ts';
import type { Home } from './fixtures.ts';
import { startTestServer } from './test-server.ts';

/** The other bundle has these shows instead of the films without interactions. */
const shows: CatalogItem[] = Array.from({ length: 12 }, (_, index) => ({
  itemId: `show-${index}`,
  title: `The show ${index}`,
  attributes: { genre: ['crime', 'dance'][index % 2]! },
}));
const otherCatalog = [...films.slice(0, 52), ...shows];
const idsOf = (items: readonly { readonly itemId: string }[]): string[] => items.map(({ itemId }) => itemId);

let home: Home;
let store: ArtifactStore;
beforeEach(async () => {
  home = forTest(await createHome());
  store = createFolderArtifactStore(home.artifactsFolder);
});

const serve = () => startTestServer(home);

const patiently = { timeout: 10_000, interval: 20 };

it('fails no request during swaps, and makes each response from one bundle', async () => {
  // The catalogs have few items in common.
  await writeFile(join(home.folder, 'facet.yaml'), 'guardrails: { enabled: false }\n');
  const other = await putBundle(home, { items: otherCatalog, seed: 12 });
  const holds = new Map([
    [home.bundleRef.id, new Set(idsOf(films))],
    [other.id, new Set(idsOf(otherCatalog))],
  ]);
  const { ask, metrics, url } = await serve();
  const seen = new Map<string, number>();
  let isOver = false;
  const asking = Array.from({ length: 4 }, async (_, worker) => {
    while (!isOver) {
      const response = await ask(worker % 2 === 0 ? { userId: 'ada' } : { behaviors: ['film-1', 'film-5'] });
      const held = holds.get(response.bundleId)!;
      expect(response.items.filter(({ itemId }) => !held.has(itemId))).toEqual([]);
      expect(response.items.length).toBeGreaterThan(40);
      seen.set(response.bundleId, (seen.get(response.bundleId) ?? 0) + 1);
    }
  });
  const probing = (async () => {
    while (!isOver) expect((await fetch(`${url}/readyz`)).status).toBe(200);
  })();
  for (let swap = 0; swap < 3; swap++) {
    const next = swap % 2 === 0 ? other : home.bundleRef;
    await store.promote(next);
    await vi.waitFor(async () => expect((await ask({})).bundleId).toBe(next.id), patiently);
  }
  isOver = true;
  await Promise.all([...asking, probing]);
  expect([...seen.keys()].sort()).toEqual([...holds.keys()].sort());
  const lines = await metrics();
  expect(lines).toContain('facet_serving_swaps_total{what="bundle"} 3');
  expect(lines.filter((line) => line.startsWith('facet_serving_bundle_info{'))).toHaveLength(1);
});

it('adds new items of a delta, removes withdrawn ones, and names the delta', async () => {
  const { ask, metrics } = await serve();
  const before = await ask({});
  expect(before.deltaId).toBeUndefined();
  const popular = before.items[0]!.itemId;
  const catalog = [...films.filter(({ itemId }) => itemId !== popular), ...shows.slice(0, 3)];
  const delta = await putDeltaOf(home, home.bundleRef, catalog, ['film-55']);
  await vi.waitFor(async () => expect((await ask({})).deltaId).toBe(delta.id), patiently);
  for (const body of [{}, { userId: 'ada', excludeSeen: false }, { userId: 'stranger' }]) {
    const response = await ask(body);
    expect(response).toMatchObject({ bundleId: home.bundleRef.id, deltaId: delta.id });
    expect(idsOf(response.items)).not.toContain(popular);
    expect(response.items.find(({ itemId }) => itemId === 'show-1')).toMatchObject({ title: 'The show 1' });
  }
  // The new item can be a behavior.
  const chosen = await ask({ behaviors: ['show-1'] });
  expect(chosen.source).toEqual({ kind: 'model' });
  expect(chosen).toMatchObject({ unknownItems: 0 });
  const lines = await metrics();
  expect(lines).toContain('facet_serving_delta_items{change="added"} 3');
  expect(lines).toContain('facet_serving_delta_items{change="withdrawn"} 1');
  expect(lines).toContain('facet_serving_delta_items{change="chosen"} 1');
  expect(lines).toContain('facet_serving_swaps_total{what="delta"} 1');
});

it('returns the same items for the same bundle, delta and request in another process', { tags: 'full' }, async () => {
  await putDeltaOf(home, home.bundleRef, [...films.slice(3), ...shows]);
  const [one, other] = [await serve(), await serve()];
  for (const body of [{}, { userId: 'ada' }, { behaviors: ['show-1', 'film-9'] }]) {
    const [a, b] = [await one.ask(body), await other.ask(body)];
    expect(a.deltaId).toBeDefined();
    expect({ ...a, recommendationId: '' }).toEqual({ ...b, recommendationId: '' });
  }
});

it('refuses a bundle that cannot be loaded once, and keeps the live one', async () => {
  const other = await putBundle(home, { seed: 12 });
  const { ask, metrics, logLines } = await serve();
  await store.promote(other);
  await appendFile(join(home.artifactsFolder, 'bundle', other.id, 'golden.json'), ' ');
  const failures = async (): Promise<string | undefined> =>
    (await metrics()).find((line) => line.startsWith('facet_serving_bundle_load_failures_total{what="bundle"}'));
  await vi.waitFor(async () => expect(await failures()).toMatch(/ 1$/), patiently);
  // Fifty checks later it has not been retried.
  await new Promise((resolve) => setTimeout(resolve, 1_000));
  expect(await failures()).toMatch(/ 1$/);
  expect((await ask({})).bundleId).toBe(home.bundleRef.id);
  expect(logLines.filter(({ level }) => level === 50)).toMatchObject([{ code: 'ARTIFACT_CORRUPT', name: other.id }]);
  // Another bundle is loaded immediately.
  const third = await putBundle(home, { seed: 13 });
  await store.promote(third);
  await vi.waitFor(async () => expect((await ask({})).bundleId).toBe(third.id), patiently);
});

it.each([
  ['corrupt', (ref: ArtifactRef) => writeFile(join(home.artifactsFolder, 'delta', ref.id, 'delta.json'), '{}')],
  ['gone', (ref: ArtifactRef) => rm(join(home.artifactsFolder, 'delta', ref.id), { recursive: true })],
])('serves without a delta that is %s, at the start and later', async (_, damage) => {
  await damage(await putDeltaOf(home, home.bundleRef, [...films, ...shows]));
  const { ask, metrics } = await serve();
  expect(await ask({})).toMatchObject({ bundleId: home.bundleRef.id });
  const failed = async (): Promise<string | undefined> =>
    (await metrics()).find((line) => line.startsWith('facet_serving_bundle_load_failures_total{what="delta"}'));
  expect(await failed()).toMatch(/ 1$/);
  const sound = await putDeltaOf(home, home.bundleRef, [...films, ...shows.slice(1)]);
  await vi.waitFor(async () => expect((await ask({})).deltaId).toBe(sound.id), patiently);
});

describe('the watcher', () => {
  /** With a clock controlled by the test. */
  async function watch(
    others: Pick<WatcherDeps, 'acquireLoadSlot'> & { readonly whileLoading?: () => Promise<unknown> } = {},
  ) {
    let time = 0;
    const live = new LiveBundle();
    const deps = { live, metrics: createMetrics(), logger: createLogger({ name: 'test', level: 'silent' }) };
    const opened = createProfileSource(home, deps);
    let isStarted = false;
    const { whileLoading, ...rest } = others;
    const profiles: ProfileSource = {
      async openFor(rules) {
        if (isStarted) await whileLoading?.();
        return opened.openFor(rules);
      },
      close: opened.close,
    };
    const watcher = new BundleWatcher({
      artifactsFolder: home.artifactsFolder,
      profiles,
      clock: () => time,
      ...deps,
      ...rest,
    });
    await watcher.start();
    isStarted = true;
    onTestFinished(() => watcher.close());
    return { live, watcher, metrics: deps.metrics, pass: (ms: number) => (time += ms) };
  }

  it('loads a bundle promoted during a load after that load', async () => {
    const [other, third] = [await putBundle(home, { seed: 12 }), await putBundle(home, { seed: 13 })];
    const { live, watcher } = await watch({ whileLoading: () => store.promote(third) });
    await store.promote(other);
    expect(await watcher.check()).toEqual({ from: home.bundleRef.id, to: other.id });
    expect(await watcher.check()).toEqual({ from: other.id, to: third.id });
    expect(live.require().bundle.id).toBe(third.id);
  });

  it('loads the last of two promotions between two checks, and follows a rollback', async () => {
    const [other, third] = [await putBundle(home, { seed: 12 }), await putBundle(home, { seed: 13 })];
    const { live, watcher } = await watch();
    const { index, info } = live.require().bundle;
    await store.promote(other);
    await store.promote(third);
    expect(await watcher.check()).toEqual({ from: home.bundleRef.id, to: third.id });
    await expect(index.search(new Float32Array(info.index.dim).fill(1), 1)).rejects.toThrow('closed');
    await store.rollback();
    expect(await watcher.check()).toEqual({ from: third.id, to: other.id });
    expect(live.require().bundle.id).toBe(other.id);
  });

  it('does not load a bundle that was rolled back while it waited for its turn', async () => {
    const other = await putBundle(home, { seed: 12 });
    const turns: string[] = [];
    const { live, watcher } = await watch({
      async acquireLoadSlot() {
        await store.rollback();
        return () => void turns.push('over');
      },
    });
    await store.promote(other);
    expect(await watcher.check()).toBeUndefined();
    expect(live.require().bundle.id).toBe(home.bundleRef.id);
    expect(turns).toEqual(['over']);
  });

  it('refuses and counts a bundle with the index of other vectors, and takes no turn until the retry', async () => {
    const [other, third] = [await putBundle(home, { seed: 12 }), await putBundle(home, { seed: 13 })];
    const folderOf = ({ id }: ArtifactRef): string => join(home.artifactsFolder, 'bundle', id);
    const mixed = await store.put(
      'bundle',
      async (folder) => {
        await cp(folderOf(other), folder, { recursive: true });
        await rm(join(folder, 'manifest.json'));
        await copyFile(join(folderOf(third), bundleFiles.index), join(folder, bundleFiles.index));
      },
      {},
    );
    let turns = 0;
    const { live, watcher, metrics, pass } = await watch({
      async acquireLoadSlot() {
        turns++;
        return () => undefined;
      },
    });
    await store.promote(mixed);
    for (let look = 0; look < 3; look++) expect(await watcher.check()).toBeUndefined();
    expect(turns).toBe(1);
    expect(live.require().bundle.id).toBe(home.bundleRef.id);
    expect(await metrics.registry.metrics()).toContain('facet_serving_bundle_load_failures_total{what="bundle"} 1');
    pass(60_000);
    expect(await watcher.check()).toBeUndefined();
    expect(turns).toBe(2);
  });

  it('keeps serving while the artifact store is missing, and loads promotions when it is back', async () => {
    const delta = await putDeltaOf(home, home.bundleRef, films.slice(2));
    const other = await putBundle(home, { seed: 12 });
    const { live, watcher, pass } = await watch();
    const { index, info } = live.require().bundle;
    await rename(home.artifactsFolder, `${home.artifactsFolder}-away`);
    for (let look = 0; look < 3; look++) expect(await watcher.check()).toBeUndefined();
    expect(live.require().bundle).toMatchObject({ id: home.bundleRef.id, deltaId: delta.id });
    expect((await index.search(new Float32Array(info.index.dim).fill(1), 3)).ids[0]).toBeGreaterThan(0);
    await rename(`${home.artifactsFolder}-away`, home.artifactsFolder);
    await store.promote(other);
    pass(60_000);
    expect(await watcher.check()).toBeUndefined();
    pass(10_000);
    expect(await watcher.check()).toEqual({ from: home.bundleRef.id, to: other.id });
  });

  it('waits for the delta again when the bundle is promoted again', async () => {
    await putDeltaOf(home, home.bundleRef, films.slice(2));
    const other = await putBundle(home, { seed: 12 });
    const { live, watcher, pass } = await watch();
    await store.promote(other);
    expect(await watcher.check()).toBeUndefined();
    await store.rollback();
    expect(await watcher.check()).toBeUndefined();
    pass(3_600_000);
    await store.promote(other);
    expect(await watcher.check()).toBeUndefined();
    expect(live.require().bundle.id).toBe(home.bundleRef.id);
    pass(10_000);
    expect(await watcher.check()).toEqual({ from: home.bundleRef.id, to: other.id });
  });

  it('retries a failure after a minute, and not before', async () => {
    const other = await putBundle(home, { seed: 12 });
    const { live, watcher, pass } = await watch();
    await store.promote(other);
    const file = join(home.artifactsFolder, 'bundle', other.id, 'golden.json');
    await appendFile(file, ' ');
    expect(await watcher.check()).toBeUndefined();
    await putBundle(home, { seed: 12 });
    pass(59_000);
    expect(await watcher.check()).toBeUndefined();
    expect(live.require().bundle.id).toBe(home.bundleRef.id);
    pass(1_000);
    expect(await watcher.check()).toEqual({ from: home.bundleRef.id, to: other.id });
    expect(live.require().bundle.id).toBe(other.id);
  });

  it('ignores the delta of another bundle, and loads a new bundle as soon as its delta exists', async () => {
    const first = await putDeltaOf(home, home.bundleRef, films.slice(2));
    const { live, watcher, pass } = await watch();
    expect(live.require().bundle.deltaId).toBe(first.id);
    const other = await putBundle(home, { seed: 12 });
    await store.promote(other);
    await watcher.check();
    pass(5_000);
    await watcher.check();
    // Without a delta, withdrawn items would come back.
    expect(live.require().bundle).toMatchObject({ id: home.bundleRef.id, deltaId: first.id });
    const second = await putDeltaOf(home, other, films.slice(2));
    expect(await watcher.check()).toEqual({ from: home.bundleRef.id, to: other.id });
    expect(live.require().bundle).toMatchObject({ id: other.id, deltaId: second.id });
    await putDeltaOf(home, home.bundleRef, films.slice(5));
    await watcher.check();
    expect(live.require().bundle).toMatchObject({ id: other.id, deltaId: second.id });
  });

  it('waits at most ten seconds for that delta', async () => {
    await putDeltaOf(home, home.bundleRef, films.slice(2));
    const other = await putBundle(home, { seed: 12 });
    const { live, watcher, pass } = await watch();
    await store.promote(other);
    expect(await watcher.check()).toBeUndefined();
    pass(10_000);
    expect(await watcher.check()).toEqual({ from: home.bundleRef.id, to: other.id });
    expect(live.require().bundle.deltaId).toBeUndefined();
  });

  it('keeps a bundle during its last request, then frees it', async () => {
    const other = await putBundle(home, { seed: 12 });
    const { live, watcher } = await watch();
    const { index, info } = live.require().bundle;
    const query = new Float32Array(info.index.dim).fill(1);
    let finish = (): void => undefined;
    const underWay = live.use(async ({ bundle }) => {
      await new Promise<void>((resolve) => (finish = resolve));
      return bundle.index.search(query, 3);
    });
    await store.promote(other);
    await watcher.check();
    // The first request may still search.
    expect((await index.search(query, 1)).ids[0]).toBeGreaterThan(0);
    finish();
    expect((await underWay).ids).toHaveLength(3);
    await expect(index.search(query, 1)).rejects.toThrow('closed');
    expect((await live.require().bundle.index.search(query, 1)).ids[0]).toBeGreaterThan(0);
  });

  it('refills profiles in memory with each bundle, including new events', async () => {
    const { live, watcher } = await watch();
    const log = await openFileEventLog(join(home.folder, 'log'));
    await log.append([{ ...events[0]!, eventId: 'later', userId: 'carl', occurredAt: asOf, receivedAt: asOf }]);
    await sinkLog(log, home.lakeFolder);
    await log.close();
    expect(await live.require().profiles.read('carl')).toMatchObject({ profile: undefined });
    await store.promote(await putBundle(home, { seed: 12 }));
    await watcher.check();
    expect((await live.require().profiles.read('carl')).profile!.events).toMatchObject([{ itemId: 'film-0' }]);
  });
});
