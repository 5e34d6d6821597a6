import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { temporaryFolder } from '@facet/testing';
import { beforeAll, describe, expect, test } from 'vitest';
import { buildChosenIndex, estimateIndexes, syntheticVectors } from '../src/index.ts';
import type { IndexesEstimate } from '../src/index.ts';
import { fitPowerLaw, indexMemory } from '../src/estimate/estimate-indexes.ts';
import type { EstimateOptions } from '../src/estimate/estimate-indexes.ts';

describe('a power law', () => {
  test('is recovered from its points, and extrapolates', () => {
    const law = fitPowerLaw([10, 20, 40].map((x) => [x, 3 * x ** 1.5]));
    expect(law.exponent).toBeCloseTo(1.5, 9);
    expect(law.at(1000)).toBeCloseTo(3 * 1000 ** 1.5, 4);
  });

  test('passes through the last point; one point gives a constant', () => {
    const noisy = fitPowerLaw([
      [1, 1],
      [2, 3],
      [4, 4],
    ]);
    expect(noisy.at(4)).toBeCloseTo(4, 9);
    expect(fitPowerLaw([[5, 7]]).at(100)).toBe(7);
    const steep = [1, 2, 4].map((x) => [x, x ** 3] as const);
    expect(fitPowerLaw(steep, { min: 0, max: 1 }).at(8)).toBeCloseTo(128, 9);
  });
});

test.each(['flat', 'hnsw', 'ivf'] as const)('predicts the size of a %s index', async (kind) => {
  const folder = await temporaryFolder();
  const index = await buildChosenIndex(syntheticVectors(8000, 48, 1), 48, kind);
  await index.save(join(folder, 'index'));
  index.close();
  const { size } = await stat(join(folder, 'index'));
  const { bytes, buildBytes } = indexMemory(kind, 8000, 48);
  expect(bytes / size).toBeGreaterThan(0.93);
  expect(bytes / size).toBeLessThan(1.03);
  expect(buildBytes).toBeGreaterThan(bytes);
});

describe('an estimate', () => {
  const steps: [number, string][] = [];
  const options: EstimateOptions = {
    items: 100_000,
    dim: 16,
    interests: 4,
    recallMin: 0.98,
    calibrationItemsMax: 4000,
    scanItemsMax: 20_000,
    onProgress: (share, step) => steps.push([share, step]),
  };
  let estimate: IndexesEstimate;
  beforeAll(async () => {
    estimate = await estimateIndexes(options);
  });
  const kind = (name: string) => estimate.kinds.find((found) => found.kind === name)!;

  test('reports its calibration and progress', () => {
    expect(estimate.calibration).toMatchObject({ sizes: [1000, 2000, 4000], scanned: 20_000 });
    expect(estimate.calibration.seconds).toBeGreaterThan(0);
    expect(steps.map(([share]) => share)).toEqual([0, 0.25, 0.5, 0.75, 1]);
  });

  test('contains build time, breadth and latency of every kind, and chooses like the index stage', () => {
    expect(estimate.kinds.map(({ kind: name }) => name)).toEqual(['flat', 'hnsw', 'ivf']);
    for (const { buildSeconds, latency, bytes } of estimate.kinds) {
      expect(buildSeconds).toBeGreaterThan(0);
      expect(bytes).toBeGreaterThan(100_000 * 16 * 4 - 1);
      expect(latency.p99Ms).toBeGreaterThanOrEqual(latency.p50Ms);
    }
    expect(kind('flat').breadth).toBeUndefined();
    expect(kind('hnsw').breadth).toBeGreaterThanOrEqual(200);
    expect(kind('ivf').breadth).toBeGreaterThan(0);
    const faster = ['hnsw', 'ivf'].find((name) => kind(name).latency.p50Ms < kind('flat').latency.p50Ms);
    expect(estimate.chosen).toBe(faster ?? 'flat');
  });

  test('is certain for a catalog that is scanned by rule', async () => {
    const small = await estimateIndexes({ ...options, items: 3000 });
    expect(small).toMatchObject({ chosen: 'flat', certainty: 'certain', calibration: { sizes: [1000, 2000, 4000] } });
  });
});

test('synthetic vectors are deterministic, and share a space across seeds', () => {
  const items = syntheticVectors(500, 32, 1);
  expect(syntheticVectors(500, 32, 1)).toEqual(items);
  const [query] = [syntheticVectors(1, 32, 2)];
  expect(query).not.toEqual(items.subarray(0, 32));
  const norm = Math.hypot(...query!);
  expect(norm).toBeGreaterThan(0.9);
  expect(norm).toBeLessThan(1.2);
});
