import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createRandom } from '@facet/features';
import { folderOfFile } from '@facet/testing';
import { beforeAll, describe, expect, test } from 'vitest';
import { buildChosenIndex, buildTunedIndex, measureIndexRecall } from '../src/index.ts';
import type { IndexChoice } from '../src/index.ts';
import type { BuildTunedOptions } from '../src/tuning/build-tuned-index.ts';
import { learnableVectors } from './learnable-vectors.ts';
import { buildExactIndex } from './exact-index.ts';

const dim = 32;
const size = 6000;
const vectors = learnableVectors(size, dim, { space: 1, seed: 2 });
const queries = {
  tuning: learnableVectors(80, dim, { space: 1, seed: 3 }),
  heldOut: learnableVectors(60, dim, { space: 1, seed: 4 }),
};
const none = { tuning: new Float32Array(0), heldOut: new Float32Array(0) };
const demand = { kind: 'auto', flatItemsMax: 1000, recallMin: 0.98, depth: 50 } as const;

/** The nearest 5 of noise: a graph with at most 80 candidates misses some. */
const hard = { depth: 5, recallMin: 0.999 };
const ofNoise = { of: noise(size, 5), by: { tuning: noise(80, 6), heldOut: noise(60, 7) } };

/** Returns a clock by which every request takes `factor` times as long as the scan, which is measured first. */
function clockAfterScan(factor: number): () => number {
  // Each of the 20 + 15 requests of the scan reads the clock twice.
  const readingsOfScan = 2 * (80 / 4 + 60 / 4);
  let [readings, time] = [0, 0];
  return () => (time += readings++ < readingsOfScan ? 1 : factor);
}

async function choose(
  options: Partial<BuildTunedOptions> = {},
  { of = vectors, by = queries }: { of?: Float32Array; by?: typeof queries } = {},
): Promise<IndexChoice> {
  const { index, choice } = await buildTunedIndex(of, dim, by, { ...demand, now: clockAfterScan(0.5), ...options });
  expect(index.kind).toBe(choice.kind);
  expect(index.size).toBe(of.length / dim);
  index.close();
  return choice;
}

describe('selection', () => {
  test('scans a small catalog without measurements', async () => {
    const choice = await choose({ flatItemsMax: size });
    expect(choice).toEqual({
      kind: 'flat',
      reason: '6,000 items (at most 6,000): an exact scan is fast enough',
      recall: 1,
      recallAt: 50,
    });
  });

  test('builds a graph for a large catalog if it reaches recallMin and is faster than a scan', async () => {
    const choice = await choose();
    expect(choice.kind).toBe('hnsw');
    expect(choice.reason).toMatch(/^6,000 items \(more than 1,000\); hnsw finds .* at efSearch \d+ in 0.5 ms; /);
    expect(choice.reason).toContain('an exact scan takes 1 ms');
    expect(choice.measured).toMatchObject({ queries: { tuning: 80, heldOut: 60 }, exact: { p50Ms: 1, p99Ms: 1 } });
  });

  test('scans if neither a graph nor clusters are faster', async () => {
    const choice = await choose({ now: clockAfterScan(1) });
    expect(choice).toMatchObject({ kind: 'flat', recall: 1, measured: { curve: [] } });
    expect(choice.reason).toMatch(/; hnsw finds .*; ivf finds .*; an exact scan takes 1 ms and finds all$/);
  });

  test('builds clusters if the graph does not reach recallMin at any breadth', { tags: 'full' }, async () => {
    const choice = await choose(hard, ofNoise);
    expect(choice.kind).toBe('ivf');
    expect(choice.nprobe).toBeGreaterThan(0);
    expect(choice.efSearch).toBeUndefined();
    expect(choice.reason).toMatch(/hnsw finds 0\.\d+ .*, the most at any useful breadth; ivf finds 1\.000/);
  });

  test('builds the requested kind even if another is better, or fails', async () => {
    expect(await choose({ kind: 'flat' })).toEqual({
      kind: 'flat',
      reason: 'set by index.kind',
      recall: 1,
      recallAt: 50,
    });
    const ivf = await choose({ kind: 'ivf', now: clockAfterScan(9) });
    expect(ivf).toMatchObject({ kind: 'ivf', reason: 'set by index.kind' });
    expect(ivf.recall).toBeGreaterThanOrEqual(0.98);
    await expect(choose({ ...hard, kind: 'hnsw' }, ofNoise)).rejects.toMatchObject({
      code: 'INDEX_RECALL_TOO_LOW',
      context: { kind: 'hnsw' },
    });
  });

  test('reports no measurements without queries', async () => {
    expect(await choose({}, { by: none })).toMatchObject({ kind: 'flat', recall: 1 });
    const graph = await choose({ kind: 'hnsw' }, { by: none });
    expect(graph).toEqual({
      kind: 'hnsw',
      reason: expect.stringContaining('not measured') as string,
      recall: null,
      recallAt: 50,
    });
  });

  test('reports progress that never decreases while the first kind is tried', async () => {
    const seen: [number, string][] = [];
    await choose({ onProgress: (share, step) => void seen.push([share, step]) });
    const shares = seen.map(([share]) => share);
    expect(shares).toEqual([...shares].sort((a, b) => a - b));
    expect(seen.map(([, step]) => step.replace(/ finds .*/, ' finds'))).toEqual(
      expect.arrayContaining(['building flat', 'building hnsw', 'hnsw finds']),
    );
  });

  test('scans too few items for clusters', async () => {
    expect(await choose({ kind: 'ivf' }, { of: vectors.subarray(0, 38 * dim) })).toMatchObject({
      kind: 'flat',
      recallAt: 38,
    });
  });

  test('refuses a vector that is not finite', async () => {
    const broken = vectors.slice();
    broken[5 * dim + 1] = Number.NaN;
    await expect(choose({}, { of: broken })).rejects.toMatchObject({
      code: 'RETRIEVAL_VECTORS_INVALID',
      context: { item: 6 },
    });
  });
});

describe.each(['hnsw', 'ivf'] as const)('the breadth of %s', (kind) => {
  let choice: IndexChoice;
  beforeAll(async () => {
    choice = await choose({ kind, recallMin: 0.995 });
  });
  const breadth = (): number => choice.efSearch ?? choice.nprobe ?? 0;

  test('suffices for held-out queries, which measure the reported recall', async () => {
    const index = await buildChosenIndex(vectors, dim, kind);
    const exact = buildExactIndex(vectors, dim);
    const parameters = kind === 'ivf' ? { nprobe: breadth() } : { efSearch: breadth() };
    expect(choice.recall).toBeGreaterThanOrEqual(0.995);
    expect(await measureIndexRecall(index, exact, queries.heldOut, 50, parameters)).toBeCloseTo(choice.recall!, 3);
    index.close();
  });

  test('is minimal: the next narrower measured breadth does not suffice', () => {
    const curve = choice.measured!.curve;
    const at = curve.findIndex((point) => point.breadth === breadth());
    expect(curve[at]!.recall).toBeGreaterThanOrEqual(0.995);
    if (at > 0) {
      const narrower = curve[at - 1]!;
      expect(narrower.breadth).toBeGreaterThanOrEqual(Math.min(breadth() - 1, Math.floor(breadth() / 1.21)));
    }
    const breadths = curve.map((point) => point.breadth);
    expect(breadths).toEqual([...new Set(breadths)].sort((a, b) => a - b));
  });
});

describe('a rebuilt index', () => {
  const folder = folderOfFile();

  test.each(['flat', 'hnsw', 'ivf'] as const)('has the same bytes: %s', async (kind) => {
    const bytes = async (name: string, build: () => ReturnType<typeof buildChosenIndex>): Promise<Buffer> => {
      const index = await build();
      await index.save(join(folder, name));
      index.close();
      return readFile(join(folder, name));
    };
    const tuned = await bytes(
      'tuned',
      async () => (await buildTunedIndex(vectors, dim, queries, { ...demand, kind, recallMin: 0.9 })).index,
    );
    const rebuilt = await bytes('rebuilt', () => buildChosenIndex(vectors, dim, kind));
    expect(rebuilt.equals(tuned)).toBe(true);
  });
});

/** Returns random vectors, the hardest case for a graph. */
function noise(count: number, seed: number): Float32Array {
  const random = createRandom(seed);
  return Float32Array.from({ length: count * dim }, () => random.normal());
}
