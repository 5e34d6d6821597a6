import { createFolderArtifactStore } from '@facet/artifacts';
import type { Bundle, BundleView } from '@facet/bundles';
import { createLogger } from '@facet/platform';
import { forFile } from '@facet/testing';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { loadCheckedBundle } from '../src/bundle/load-bundle.ts';
import { PreviewBundles } from '../src/comparisons/preview-bundles.ts';
import { createHome, putBundle } from './fixtures.ts';

const logger = createLogger({ name: 'test', level: 'silent' });
const home = forFile(await createHome());
const store = createFolderArtifactStore(home.artifactsFolder);
const live = forFile(await loadCheckedBundle(home.bundleRef, { store, logger }));
const ids = (await Promise.all([31, 32, 33, 34].map((seed) => putBundle(home, { seed })))).map(({ id }) => id);
let previews: PreviewBundles;
let counts: { loading: number; loadingMax: number; loads: number; open: number; openMax: number };

/** Loads a real bundle and counts. */
async function load(id: string): Promise<Bundle> {
  counts.loads++;
  counts.loadingMax = Math.max(counts.loadingMax, ++counts.loading);
  counts.openMax = Math.max(counts.openMax, ++counts.open);
  try {
    const bundle = await loadCheckedBundle({ kind: 'bundle', id }, { store, logger });
    const close = (): void => {
      counts.open--;
      bundle.close();
    };
    return { ...bundle, close };
  } catch (error) {
    counts.open--;
    throw error;
  } finally {
    counts.loading--;
  }
}

/** Uses a bundle until `end` is called. */
async function hold(id: string): Promise<{ end: () => Promise<void> }> {
  let end: () => void = () => undefined;
  const ended = new Promise<void>((resolve) => (end = resolve));
  return new Promise((begun, failed) => {
    const used = previews.use(id, live, async () => {
      begun({
        async end() {
          end();
          await used;
        },
      });
      await ended;
    });
    used.catch(failed);
  });
}

const idOf = async ({ id }: BundleView): Promise<string> => id;

beforeEach(() => {
  counts = { loading: 0, loadingMax: 0, loads: 0, open: 0, openMax: 0 };
  previews = new PreviewBundles({ load });
});
afterEach(async () => {
  vi.useRealTimers();
  await previews.close();
  expect(counts.open).toBe(0);
});

describe('PreviewBundles', () => {
  it('loads one bundle at a time and once for all that wait, with at most two in memory', async () => {
    const used = await Promise.all([...ids, ...ids].map((id) => previews.use(id, live, idOf)));
    expect(used).toEqual([...ids, ...ids]);
    expect(counts).toMatchObject({ loads: 4, loadingMax: 1, openMax: 2, open: 2 });
    await previews.use(ids[3]!, live, idOf);
    expect(counts.loads).toBe(4);
  });

  it('waits while two bundles are in use', async () => {
    const [first, second] = [await hold(ids[0]!), await hold(ids[1]!)];
    const steps: string[] = [];
    const third = previews.use(ids[2]!, live, async () => void steps.push('used'));
    await previews.use(ids[1]!, live, idOf);
    steps.push('released');
    await first.end();
    await third;
    expect(steps).toEqual(['released', 'used']);
    expect(counts.openMax).toBe(2);
    await second.end();
  });

  it('frees a bundle ten minutes after its last request, not after an earlier one', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    await previews.use(ids[0]!, live, idOf);
    vi.advanceTimersByTime(9 * 60_000);
    const held = await hold(ids[0]!);
    vi.advanceTimersByTime(11 * 60_000);
    await held.end();
    vi.advanceTimersByTime(9 * 60_000);
    await previews.use(ids[0]!, live, idOf);
    expect(counts).toMatchObject({ loads: 1, open: 1 });
    vi.advanceTimersByTime(10 * 60_000);
    expect(counts.open).toBe(0);
  });

  it('loads a bundle again after a failure', async () => {
    await expect(previews.use('f'.repeat(32), live, idOf)).rejects.toMatchObject({ code: 'ARTIFACT_NOT_FOUND' });
    expect(await previews.use(ids[0]!, live, idOf)).toBe(ids[0]);
    await expect(previews.use('f'.repeat(32), live, idOf)).rejects.toMatchObject({ code: 'ARTIFACT_NOT_FOUND' });
    expect(counts).toMatchObject({ loads: 3, open: 1 });
  });

  it('refuses more bundles than may wait', async () => {
    const unknown = Array.from({ length: 10 }, (_, at) => String(at).repeat(32));
    const refused = await Promise.allSettled(unknown.map((id) => previews.use(id, live, idOf)));
    const codes = refused.map((result) => (result as PromiseRejectedResult).reason.code as string);
    expect(codes).toEqual([...Array<string>(6).fill('ARTIFACT_NOT_FOUND'), ...Array<string>(4).fill('OVERLOADED')]);
  });
});
