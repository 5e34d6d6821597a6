import { readdir } from 'node:fs/promises';
import { createFolderArtifactStore } from '@facet/artifacts';
import { loadBundle } from '@facet/bundles';
import type { Bundle } from '@facet/bundles';
import { buildFaissIndex } from '@facet/retrieval';
import { forFile, forTest } from '@facet/testing';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { RecentRequests } from '../src/bundle/recent-requests.ts';
import { checkSearches, warm } from '../src/bundle/load-bundle.ts';
import { createHome, putBundle } from './fixtures.ts';
import { startTestServer } from './test-server.ts';

const home = forFile(await createHome());
const bundle = forFile(await loadBundle(createFolderArtifactStore(home.artifactsFolder), home.bundleRef));

describe('the searches of a bundle', () => {
  const code = 'BUNDLE_SEARCHES_WRONG';
  type Found = Awaited<ReturnType<Bundle['index']['search']>>;
  /** The bundle with modified search results. */
  const withResults = (change: (found: Found) => void): Bundle => ({
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

  it('are accepted if they are right', async () => {
    await expect(checkSearches(bundle)).resolves.toBeUndefined();
  });

  it('are accepted if they find other items of equal vectors than the scan', async () => {
    const { dim } = bundle.index;
    const vectors = Float32Array.from({ length: 2_001 * dim }, (_, cell) => 1 + (cell % dim));
    const index = forTest(await buildFaissIndex(vectors.subarray(dim), dim, { kind: 'hnsw', neighbors: 4 }));
    await expect(checkSearches({ ...bundle, vectors, index })).resolves.toBeUndefined();
  });

  it('are refused if they find nothing', async () => {
    await expect(checkSearches(withResults(({ ids }) => ids.fill(-1)))).rejects.toMatchObject({ code });
  });

  it('are refused if a score is NaN or does not match the item', async () => {
    await expect(checkSearches(withResults(({ scores }) => scores.fill(NaN, 1, 2)))).rejects.toMatchObject({ code });
    const shifted = withResults(({ ids }) => ids.forEach((item, index) => (ids[index] = (item % 60) + 1)));
    await expect(checkSearches(shifted)).rejects.toMatchObject({
      code,
      message: expect.stringContaining('by its vector'),
    });
  });

  it('are refused if an item does not exist', async () => {
    await expect(checkSearches(withResults(({ ids }) => ids.fill(61, 2, 3)))).rejects.toMatchObject({ code });
  });

  it('are refused if they miss most of the nearest items', async () => {
    const poor: Bundle = {
      ...bundle,
      index: {
        ...bundle.index,
        // Returns the farthest items instead of the nearest.
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
  it('are the last 64 with behaviors, at most ten a second', () => {
    let now = 0;
    const recent = new RecentRequests(() => now);
    for (let request = 0; request < 1_000; request++, now += 20) {
      if (recent.isDue) recent.record({ itemIds: [`film-${request}`], limit: 10 });
    }
    expect(recent.all).toHaveLength(64);
    const kept = recent.all.map(({ itemIds }) => Number(itemIds[0]!.slice(5))).sort((a, b) => a - b);
    expect(kept).toEqual(Array.from({ length: 64 }, (_, position) => 995 - 5 * (63 - position)));
    recent.record({ itemIds: [], limit: 10 });
    expect(recent.all).toHaveLength(64);
  });
});

describe('warming', () => {
  it('repeats recent requests, or those of golden users, until they get no faster', async () => {
    let time = 0;
    const towers = vi.spyOn(bundle.engine, 'interests');
    onTestFinished(() => towers.mockRestore());
    const settled = await warm(bundle, [], () => (time += 1));
    expect(settled).toMatchObject({ requests: 3, rounds: 2 });
    expect(towers).toHaveBeenCalledTimes(3 * 2);
    const recorded = Array.from({ length: 20 }, () => ({ itemIds: ['film-1', 'film-5', 'gone'], limit: 10 }));
    towers.mockClear();
    expect(await warm(bundle, recorded, () => (time += 1))).toMatchObject({ requests: 20, rounds: 2 });
    expect(towers).toHaveBeenCalledTimes(20 * 2);
    // With a second per request, the time is over after a few.
    towers.mockClear();
    expect(await warm(bundle, recorded, () => (time += 1_000))).toMatchObject({ rounds: 1 });
    expect(towers.mock.calls.length).toBeLessThan(20);
  });

  it('uses the recent requests of the process, which are never stored on disk', async () => {
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
