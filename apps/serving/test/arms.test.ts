import { appendFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createFolderArtifactStore } from '@facet/artifacts';
import type { ArtifactRef, ArtifactStore } from '@facet/artifacts';
import { loadBundle } from '@facet/bundles';
import type { Bundle, CatalogItem } from '@facet/bundles';
import { readExposures } from '@facet/exposures';
import type { Experiment, ExposureRecord } from '@facet/exposures';
import { createLogger, dayMs } from '@facet/platform';
import { forTest } from '@facet/testing';
import { beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { ArmBundles } from '../src/experiments/arm-bundles.ts';
import { ExposureRecorder } from '../src/exposures/exposures.ts';
import { createMetrics } from '../src/telemetry/metrics.ts';
import { createHome, createTestApp, films, putBundle, putDeltaOf } from './fixtures.ts';
import type { Home } from './fixtures.ts';
import { startTestServer } from './test-server.ts';

let home: Home;
let store: ArtifactStore;
beforeEach(async () => {
  home = forTest(await createHome());
  store = createFolderArtifactStore(home.artifactsFolder);
});

const patiently = { timeout: 10_000, interval: 20 };
const declare = (yaml: string): Promise<void> => writeFile(join(home.folder, 'facet.yaml'), yaml);
const withdraw = (itemIds: readonly string[]): CatalogItem[] =>
  films.map((film) => (itemIds.includes(film.itemId) ? { ...film, available: false } : film));

const experimentOf = (declared: Partial<Experiment>): Experiment => ({
  ...{ name: 'test', salt: 'test', share: 1, from: -Infinity, before: Infinity },
  ...{ arms: [], shadow: [] },
  ...declared,
});

async function recorded(): Promise<ExposureRecord[]> {
  const records: ExposureRecord[] = [];
  for await (const some of readExposures(join(home.folder, 'exposures'))) records.push(...some);
  return records;
}

it('no arm and no shadow returns an item that is unavailable live, before and after a swap', async () => {
  const [arm, next] = [await putBundle(home, { seed: 12 }), await putBundle(home, { seed: 13 })];
  await declare(`
experiments:
  - name: bundle-test
    arms: { control: {}, other: { bundle: ${arm.id} } }
    shadow: { unseen: { bundle: ${arm.id} } }
`);
  const withdrawn = ['film-40', 'film-9'];
  const first = await putDeltaOf(home, home.bundleRef, withdraw(withdrawn));
  const server = await startTestServer(home);
  const bodies = Array.from({ length: 12 }, (_, user) => ({
    userId: user % 3 === 0 ? `user-${user}` : `other-${user}`,
    excludeSeen: user % 2 === 0,
    ...(user % 4 === 0 ? { behaviors: [`film-${user}`, 'film-17'] } : {}),
  }));
  /** The items of all responses, and their bundles. */
  const offered = async () => {
    const responses = await Promise.all(bodies.map((body) => server.ask(body)));
    return {
      items: new Set(responses.flatMap(({ items }) => items.map(({ itemId }) => itemId))),
      bundles: new Set(responses.map(({ bundleId }) => bundleId)),
      deltas: new Set(responses.map(({ deltaId }) => deltaId)),
    };
  };
  const check = async (live: ArtifactRef, delta: ArtifactRef): Promise<void> => {
    await vi.waitFor(async () => expect((await server.ask({})).deltaId).toBe(delta.id), patiently);
    const { items, bundles, deltas } = await offered();
    expect(bundles).toEqual(new Set([live.id, arm.id]));
    expect(deltas).toEqual(new Set([delta.id]));
    expect(withdrawn.filter((itemId) => items.has(itemId))).toEqual([]);
    expect(items.size).toBeGreaterThan(30);
  };
  await check(home.bundleRef, first);
  const always = [...withdrawn];
  for (const itemIds of [
    ['film-0', 'film-17', 'film-1'],
    ['film-30', 'film-2'],
  ]) {
    withdrawn.push(...itemIds);
    await check(home.bundleRef, await putDeltaOf(home, home.bundleRef, withdraw(withdrawn)));
  }
  await store.promote(next);
  await check(next, await putDeltaOf(home, next, withdraw(withdrawn)));
  await server.close();
  const shadows = (await recorded()).flatMap(({ shadow = [] }) => shadow);
  expect(shadows.length).toBeGreaterThan(0);
  for (const { bundleId, items } of shadows) {
    expect(bundleId).toBe(arm.id);
    expect(always.filter((itemId) => items.includes(itemId))).toEqual([]);
  }
});

describe('bundles of arms', () => {
  /** The arm bundles of one experiment. */
  async function hold(arm: ArtifactRef, acquireLoadSlot?: () => Promise<() => void>) {
    let time = Date.UTC(2026, 0, 1, 12);
    const logLines: Record<string, unknown>[] = [];
    const destination = { write: (line: string) => void logLines.push(JSON.parse(line) as Record<string, unknown>) };
    const [control, other] = [{}, { bundle: arm.id }].map((settings, at) => ({
      name: `arm-${at}`,
      weight: 1,
      settings,
    }));
    const experiments = [experimentOf({ arms: [control!, other!], before: time + dayMs })];
    const metrics = createMetrics();
    const live = forTest(await loadBundle(store, home.bundleRef));
    const armBundles = forTest(
      new ArmBundles({
        ...{ store, experiments, metrics },
        logger: createLogger({ name: 'test', destination }),
        now: () => time,
        ...(acquireLoadSlot && { acquireLoadSlot }),
      }),
    );
    await armBundles.refresh(live);
    return { armBundles, live, logLines, metrics, pass: (ms: number) => (time += ms) };
  }
  const search = (bundle: Pick<Bundle, 'index' | 'info'>) =>
    bundle.index.search(new Float32Array(bundle.info.index.dim).fill(1), 3);

  it('are checked and warmed like other bundles, by one process at a time', async () => {
    const turns: string[] = [];
    const arm = await putBundle(home, { seed: 12 });
    const { armBundles, live, logLines } = await hold(arm, async () => {
      turns.push('taken');
      return () => void turns.push('over');
    });
    expect(turns).toEqual(['taken', 'over']);
    expect(armBundles.has(arm.id, live)).toBe(true);
    expect(logLines).toContainEqual(
      expect.objectContaining({ bundleId: arm.id, msg: 'bundle loaded, checked and warmed', requests: 3 }),
    );
    await armBundles.refresh(live);
    expect(turns).toHaveLength(2);
  });

  it('are refused and counted if damaged, and retried after a minute', async () => {
    const arm = await putBundle(home, { seed: 12 });
    const file = join(home.artifactsFolder, 'bundle', arm.id, 'golden.json');
    await appendFile(file, ' ');
    const { armBundles, live, logLines, metrics, pass } = await hold(arm);
    expect(armBundles.has(arm.id, live)).toBe(false);
    expect(logLines).toMatchObject([{ level: 50, code: 'ARTIFACT_CORRUPT', bundleId: arm.id }]);
    expect(await metrics.registry.metrics()).toContain('facet_serving_bundle_load_failures_total{what="arm"} 1');
    await putBundle(home, { seed: 12 });
    pass(59_000);
    await armBundles.refresh(live);
    expect(armBundles.has(arm.id, live)).toBe(false);
    pass(1_000);
    await armBundles.refresh(live);
    expect(armBundles.has(arm.id, live)).toBe(true);
  });

  it('are freed after the experiment and their last request have ended', async () => {
    const arm = await putBundle(home, { seed: 12 });
    const { armBundles, live, pass } = await hold(arm);
    let finish = (): void => undefined;
    let index: Bundle['index'] | undefined;
    const underWay = armBundles.use(arm.id, live, async (bundle) => {
      index = bundle.index;
      await new Promise<void>((resolve) => (finish = resolve));
      return search(bundle);
    });
    pass(dayMs);
    await armBundles.refresh(live);
    expect(armBundles.has(arm.id, live)).toBe(false);
    expect(await armBundles.use(arm.id, live, search)).toBeUndefined();
    expect((await search({ ...live, index: index! })).ids).toHaveLength(3);
    finish();
    expect((await underWay)!.ids).toHaveLength(3);
    await expect(search({ ...live, index: index! })).rejects.toThrow('closed');
  });

  it('respond only with a prepared live view; the live bundle needs none', async () => {
    const arm = await putBundle(home, { seed: 12 });
    const { armBundles, live } = await hold(arm);
    const next = forTest(await loadBundle(store, await putBundle(home, { seed: 13 })));
    expect(armBundles.has(arm.id, next)).toBe(false);
    await armBundles.prepare(next);
    expect(armBundles.has(arm.id, next)).toBe(true);
    // Requests that began before the swap continue.
    expect(armBundles.has(arm.id, live)).toBe(true);
    expect(await armBundles.use(next.id, next, async (bundle) => bundle)).toBe(next);
  });
});

describe('shadow arms', () => {
  const shadows = `
experiments:
  - name: look-ahead
    shadow: { turns: { merge: { by: round-robin } }, wide: { breadth: 50 } }
`;
  const countOf = (lines: readonly string[], name: string): number =>
    Number(lines.find((line) => line.startsWith(name))!.split(' ')[1]);

  it('use the profile that the response read', async () => {
    await declare(shadows);
    const { ask, metrics } = await startTestServer(home);
    // Only the first: other programs on the cores may leave no spare time for later ones.
    await ask({ userId: 'ada' });
    const computed = 'facet_serving_shadow_responses_total{outcome="computed"}';
    await vi.waitFor(async () => expect(countOf(await metrics(), computed)).toBe(2), patiently);
    const reads = 'facet_serving_profile_read_duration_seconds_count{outcome="found"}';
    expect(countOf(await metrics(), reads)).toBe(1);
  });

  it.each([
    [128, 'computed'],
    [3, 'left_out'],
  ])('are, with a limit of %i and two other requests, %s', async (concurrentMax, outcome) => {
    const records: ExposureRecord[] = [];
    const writer = {
      append: (record: ExposureRecord) => records.push(record) > 0,
      counts: { written: 0, dropped: 0, waitingBytes: 0 },
      close: async () => undefined,
    };
    const metrics = createMetrics();
    const logger = createLogger({ name: 'test', level: 'silent' });
    const { app, post, close } = await createTestApp(home, {
      recorder: new ExposureRecorder({ writer, metrics, logger }),
      experiments: [experimentOf({ shadow: [{ name: 'turns', share: 1, settings: { breadth: 50 } }] })],
      limits: { concurrentMax, eventLoopDelayMsMax: Infinity },
    });
    onTestFinished(close);
    for (let other = 0; other < 2; other++) app.serving.admission.enter();
    expect((await post('/v1/recommendations', { userId: 'ada' })).statusCode).toBe(200);
    await vi.waitFor(() => expect(records).toHaveLength(1), { timeout: 30_000 });
    expect(records[0]!.shadow?.length ?? 0).toBe(outcome === 'computed' ? 1 : 0);
    expect(await metrics.registry.metrics()).toContain(`facet_serving_shadow_responses_total{outcome="${outcome}"} 1`);
  });
});
