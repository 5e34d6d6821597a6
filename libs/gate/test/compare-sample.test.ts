import { homePaths } from '@facet/config';
import { isAppError } from '@facet/platform';
import { folderOfFile } from '@facet/testing';
import { beforeAll, describe, expect, it } from 'vitest';
import { compareSample } from '../src/compare/compare-sample.ts';
import type { CompareOptions, SampleComparison } from '../src/compare/run-job.ts';
import { createStageContext } from '@facet/stages';
import { dayOf, ignorantWeights, putThemedBundle, putThemedDataset, themedConfig } from '@facet/stages/testing';

const folder = folderOfFile();
let artifactsFolder: string;
let yesterdayId: string;
let todayId: string;
let ignorantId: string;
let lostId: string;

beforeAll(async () => {
  const home = homePaths(folder);
  ({ artifactsFolder } = home);
  const { store } = createStageContext(home, themedConfig());
  yesterdayId = await putThemedBundle(store, await putThemedDataset(store, 29));
  const today = await putThemedDataset(store, 30);
  todayId = await putThemedBundle(store, today);
  ignorantId = await putThemedBundle(store, today, ignorantWeights);
  lostId = await putThemedBundle(store, { ...today, id: 'f'.repeat(32) });
});

function compare(before: string, after: string, options: Partial<CompareOptions> = {}): Promise<SampleComparison> {
  return compareSample({
    artifactsFolder,
    before: { bundleId: before, overrides: {} },
    after: { bundleId: after, overrides: {} },
    settings: { merge: { by: 'max' }, excludeSeen: true, filters: {} },
    limit: 10,
    usersMax: 40,
    ...options,
  });
}

const metricOf = ({ metrics }: SampleComparison, name: string) => metrics.find((metric) => metric.name === name)!;

describe('compareSample', () => {
  it('finds no difference between a bundle and itself', async () => {
    const comparison = await compare(todayId, todayId);
    expect(comparison.overlap).toEqual({ mean: 1, low: 1, high: 1 });
    expect(comparison.gained).toEqual([]);
    for (const { before, after, difference } of comparison.metrics) {
      expect(after).toEqual(before);
      expect(difference).toEqual({ mean: 0, low: 0, high: 0 });
    }
  });

  it('shows that a model without knowledge is worse, for whom, and which items move', async () => {
    const comparison = await compare(todayId, ignorantId);
    expect(comparison.window.from).toBeGreaterThanOrEqual(dayOf(28));
    const ndcg = metricOf(comparison, 'ndcg');
    expect(ndcg.difference.high).toBeLessThan(0);
    expect(ndcg.difference.mean).toBeCloseTo(ndcg.after.mean - ndcg.before.mean, 10);
    const { users } = comparison;
    expect(users.length).toBeGreaterThan(20);
    const meanOf = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
    expect(meanOf(users.map(({ ndcgBefore }) => ndcgBefore))).toBeCloseTo(ndcg.before.mean, 10);
    expect(meanOf(users.map(({ overlap }) => overlap))).toBeCloseTo(comparison.overlap.mean, 10);
    expect(comparison.lost[0]!.users).toBeGreaterThanOrEqual(comparison.lost.at(-1)!.users);
    expect(comparison.lost[0]!.users).toBeLessThanOrEqual(users.length);
  });

  it('compares two merges of one bundle, and bundles of two days', async () => {
    const merges = await compare(todayId, todayId, {
      after: { bundleId: todayId, overrides: { merge: { by: 'round-robin' } } },
    });
    expect(merges.overlap.mean).toBeGreaterThan(0);
    const days = await compare(yesterdayId, todayId, { usersMax: 10 });
    expect(days.users.length).toBeLessThanOrEqual(10);
    expect(days.window).toEqual((await compare(todayId, yesterdayId, { usersMax: 10 })).window);
  });

  it('refuses a comparison if the test window of a bundle is unknown', async () => {
    for (const [before, after] of [
      [lostId, lostId],
      [yesterdayId, lostId],
      [lostId, yesterdayId],
      [todayId, lostId],
    ] as const) {
      await expect(compare(before, after)).rejects.toSatisfy((error) => isAppError(error, 'COMPARISON_NO_DATASET'));
    }
  });
});
