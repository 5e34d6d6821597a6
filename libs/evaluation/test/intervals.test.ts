import { createRandom } from '@facet/features';
import { expect, test } from 'vitest';
import { bootstrapInterval, pairedBootstrap } from '../src/index.ts';

test('returns an interval as wide as the normal approximation, and repeatable', () => {
  const random = createRandom(5);
  const values = Float64Array.from({ length: 2000 }, () => 0.3 + 0.1 * random.normal());
  const interval = bootstrapInterval(values, { seed: 1, samples: 2000 });
  const halfWidth = (1.96 * 0.1) / Math.sqrt(2000);
  expect((interval.high - interval.low) / 2).toBeGreaterThan(0.85 * halfWidth);
  expect((interval.high - interval.low) / 2).toBeLessThan(1.15 * halfWidth);
  expect(interval.low).toBeLessThan(interval.mean);
  expect(interval.high).toBeGreaterThan(interval.mean);
  expect(bootstrapInterval(values, { seed: 1, samples: 2000 })).toEqual(interval);
  expect(bootstrapInterval(values, { seed: 2, samples: 2000 })).not.toEqual(interval);
});

test('widens the interval with the confidence', () => {
  const values = Float64Array.from({ length: 100 }, (_, index) => index % 7);
  const narrow = bootstrapInterval(values, { seed: 1, confidence: 0.5 });
  const wide = bootstrapInterval(values, { seed: 1, confidence: 0.99 });
  expect(wide.high - wide.low).toBeGreaterThan(2 * (narrow.high - narrow.low));
});

test('separates two models by pairing where their own intervals overlap', () => {
  const random = createRandom(7);
  const baseline = Float64Array.from({ length: 500 }, () => random.next());
  const better = baseline.map((value) => value + 0.01 + 0.005 * random.normal());
  expect(bootstrapInterval(better, { seed: 1 }).low).toBeLessThan(bootstrapInterval(baseline, { seed: 1 }).high);
  const difference = pairedBootstrap(better, baseline, { seed: 1 });
  expect(difference.low).toBeGreaterThan(0.009);
  expect(difference.high).toBeLessThan(0.011);
  expect(difference.shareAboveZero).toBe(1);
});

test('refuses different numbers of users, and no users', () => {
  expect(() => pairedBootstrap([1, 2], [1], { seed: 1 })).toThrow(/2 and 1/);
  expect(() => bootstrapInterval([], { seed: 1 })).toThrow(/no values/);
});
