import { readdir } from 'node:fs/promises';
import { createFolderArtifactStore } from '@facet/artifacts';
import { loadBundle } from '@facet/bundles';
import type { Bundle } from '@facet/bundles';
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import { RecentRequests } from '../src/bundle/recent-requests.ts';
import { checkSearches, warm } from '../src/bundle/load-bundle.ts';
import { createHome, putBundle } from './fixtures.ts';
import type { Home } from './fixtures.ts';
import { startTestServer } from './test-server.ts';

let home: Home;
let bundle: Bundle;

beforeAll(async () => {
  home = await createHome();
  bundle = await loadBundle(createFolderArtifactStore(home.artifactsFolder), home.bundleRef);
});

afterAll(async () => {
  bundle.close();
  await home.remove();
});

describe('the answers of a bundle', () => {
  const code = 'BUNDLE_ANSWERS_WRONG';
  type Found = Awaited<ReturnType<Bundle['index']['search']>>;
  /** The bundle, with an index that answers otherwise. */
  const answering = (change: (found: Found) => void): Bundle => ({
    ...bundle,
    index: {
      ...bundle.index,
      async search(...asked) {
        const found = await bundle.index.search(...asked);
        change(found);
        return found;
      },
    },
  });

  it('of a sound one make sense', async () => {
    await expect(checkSearches(bundle)).resolves.toBeUndefined();
  });

  it('are refused when nothing is found', async () => {
    await expect(checkSearches(answering(({ ids }) => ids.fill(-1)))).rejects.toMatchObject({ code });
  });

  it('are refused when a score is no number, or is not that of the item', async () => {
    await expect(checkSearches(answering(({ scores }) => scores.fill(NaN, 1, 2)))).rejects.toMatchObject({ code });
    const shifted = answering(({ ids }) => ids.forEach((item, place) => (ids[place] = (item % 60) + 1)));
    await expect(checkSearches(shifted)).rejects.toMatchObject({
      code,
      message: expect.stringContaining('by its vector'),
    });
  });

  it('are refused when an item is none of the bundle', async () => {
    await expect(checkSearches(answering(({ ids }) => ids.fill(61, 2, 3)))).rejects.toMatchObject({ code });
  });

  it('are refused when most of the nearest are not found', async () => {
    const poor: Bundle = {
      ...bundle,
      index: {
        ...bundle.index,
        // Of each item that is found, the nearest are not.
        search: async (queries, k) => {
          const { ids, scores } = await bundle.index.search(queries, bundle.index.size);
          const tail = (start: number): [number, number] => [start + bundle.index.size - 15, start + bundle.index.size];
          const found = {
            k,
            ids: new Int32Array((ids.length / bundle.index.size) * k).fill(-1),
            scores: new Float32Array(k),
          };
          found.scores = new Float32Array(found.ids.length).fill(-Infinity);
          for (let query = 0; query < ids.length / bundle.index.size; query++) {
            found.ids.set(ids.subarray(...tail(query * bundle.index.size)), query * k);
            found.scores.set(scores.subarray(...tail(query * bundle.index.size)), query * k);
          }
          return found;
        },
      },
    };
    await expect(checkSearches(poor)).rejects.toMatchObject({ code, message: expect.stringMatching(/finds \d+ % of/) });
  });
});

describe('recent requests', () => {
  it('are the last 64, not more than ten a second, without those that name nothing but a user', () => {
    let now = 0;
    const recent = new RecentRequests(() => now);
    for (let request = 0; request < 1_000; request++, now += 20) {
      if (recent.wantsOne) recent.record({ itemIds: [`film-${request}`], limit: 10 });
    }
    expect(recent.all).toHaveLength(64);
    const kept = recent.all.map(({ itemIds }) => Number(itemIds[0]!.slice(5))).sort((a, b) => a - b);
    expect(kept).toEqual(Array.from({ length: 64 }, (_, position) => 995 - 5 * (63 - position)));
    recent.record({ itemIds: [], limit: 10 });
    expect(recent.all).toHaveLength(64);
  });
});

describe('warming', () => {
  it('asks what was recorded, else what golden users chose, and stops when that gets no faster', async () => {
    let time = 0;
    const towers = vi.spyOn(bundle.kernel, 'interests');
    onTestFinished(() => towers.mockRestore());
    const settled = await warm(bundle, [], () => (time += 1));
    expect(settled).toMatchObject({ requests: 3, rounds: 2 });
    expect(towers).toHaveBeenCalledTimes(3 * 2);
    const recorded = Array.from({ length: 20 }, () => ({ itemIds: ['film-1', 'film-5', 'gone'], limit: 10 }));
    towers.mockClear();
    expect(await warm(bundle, recorded, () => (time += 1))).toMatchObject({ requests: 20, rounds: 2 });
    expect(towers).toHaveBeenCalledTimes(20 * 2);
    // A second a request is too slow for more than a few.
    towers.mockClear();
    expect(await warm(bundle, recorded, () => (time += 1_000))).toMatchObject({ rounds: 1 });
    expect(towers.mock.calls.length).toBeLessThan(20);
  });

  it('a process keeps what it is asked, warms the next bundle by it, and leaves nothing of it on the disk', async () => {
    const { ask, logLines, close } = await startTestServer(home);
    await ask({ userId: 'ada', behaviors: ['film-1', { itemId: 'film-9' }], limit: 3 });
    const next = await putBundle(home, { seed: 12 });
    await createFolderArtifactStore(home.artifactsFolder).promote(next);
    await vi.waitFor(
      () => expect(logLines.filter(({ msg }) => String(msg).startsWith('bundle loaded'))).toHaveLength(2),
      { timeout: 10_000 },
    );
    expect(logLines.find(({ bundleId, requests }) => bundleId === next.id && requests === 4)).toBeDefined();
    await close();
    const files = await readdir(home.folder, { recursive: true });
    expect(files.filter((name) => name.includes('recent'))).toEqual([]);
  });
});
