import fc from 'fast-check';
import { expect, it } from 'vitest';
import { distributionOf } from '../../src/validation/report-counters.ts';

it('summarizes counts', () => {
  expect(distributionOf([1, 1, 2, 3, 9])).toEqual({
    count: 5,
    min: 1,
    median: 2,
    mean: 3.2,
    p90: 9,
    max: 9,
    histogram: [
      { from: 1, to: 1, count: 2 },
      { from: 2, to: 3, count: 2 },
      { from: 4, to: 7, count: 0 },
      { from: 8, to: 15, count: 1 },
    ],
  });
  expect(distributionOf([])).toEqual({ count: 0, min: 0, median: 0, mean: 0, p90: 0, max: 0, histogram: [] });
});

it('counts every user or item in one bucket, with ascending quantiles', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 1e6 }), { minLength: 1 }), (counts) => {
      const { histogram, min, median, p90, max } = distributionOf(counts);
      for (const { from, to, count } of histogram) {
        expect(count).toBe(counts.filter((value) => value >= from && value <= to).length);
      }
      expect(histogram.reduce((sum, bucket) => sum + bucket.count, 0)).toBe(counts.length);
      expect([min, median, p90, max]).toEqual([min, median, p90, max].sort((a, b) => a - b));
    }),
  );
});
