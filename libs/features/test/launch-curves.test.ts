import { dayMs } from '@facet/platform';
import { describe, expect, it } from 'vitest';
import {
  buildPopularityTimeline,
  coldItemFeatures,
  encodeFeatures,
  expectedFeaturesOn,
  learnLaunchCurves,
  popularityFeatureCount,
  popularityFeatureNames,
} from '../src/index.ts';
import type { FeatureSchema } from '../src/index.ts';
import { sequencesOf } from './histories.ts';
import type { Interaction } from './histories.ts';

const kind: FeatureSchema = { name: 'kind', kind: 'category', values: ['hit', 'flop'], edges: [], slots: 1 };
const column = (name: (typeof popularityFeatureNames)[number]): number => popularityFeatureNames.indexOf(name);
const [ever, week, age] = [column('chosenEver'), column('chosen7Days'), column('age')];

/** Item 1 is old. Items 2..41 are launched on the days 101..140: hits with 4 users on the first day, flops with 1 user. */
const launches = 40;
const count = launches + 3;
const [coldHit, coldFlop] = [count - 1, count];
const kindOf = (item: number): string => (item % 2 === 0 ? 'hit' : 'flop');
const histories = Array.from({ length: 4 }, (_, user): Interaction[] => [
  [1, 0],
  ...Array.from({ length: launches }, (_, position) => position + 2)
    .filter((item) => kindOf(item) === 'hit' || user === 0)
    .map((item): Interaction => [item, (99 + item) * dayMs]),
]);
const timeline = buildPopularityTimeline(sequencesOf(histories, count), count, Infinity);
const features = encodeFeatures(
  [kind],
  Array.from({ length: count + 1 }, (_, item) => (item === 0 ? undefined : { kind: kindOf(item) })),
);
const unknownDates = { features, createdOn: new Float64Array(count + 1).fill(Number.NaN) };
const rowOf = (all: Float32Array, item: number): Float32Array =>
  all.subarray(item * popularityFeatureCount, (item + 1) * popularityFeatureCount);

describe('learnLaunchCurves', () => {
  it('learns the mean popularity of launches four weeks after their first day, and the effect of values', () => {
    const curves = learnLaunchCurves(timeline, unknownDates, 200)!;
    expect(curves.byAge[ever]).toBeCloseTo(Math.log1p((4 + 1) / 2));
    expect(curves.byAge[week]).toBe(0);
    expect(curves.byAge[age]).toBeCloseTo(Math.log1p(28));
    // 20 launches of each kind deviate by half the difference, shrunk by 20 / (20 + 10).
    const half = (Math.log1p(4) - Math.log1p(1)) / 2;
    expect(curves.byValue['kind']![1]).toBeCloseTo((half * 20) / 30);
    expect(curves.byValue['kind']![2]).toBeCloseTo((-half * 20) / 30);
    // On day 240 the newer half begins on day 120, with 10 hits and 11 flops. The effects of values stay.
    const later = learnLaunchCurves(timeline, unknownDates, 240)!;
    expect(later.byAge[ever]).toBeCloseTo(Math.log1p((10 * 4 + 11) / 21));
    expect(later.byValue).toEqual(curves.byValue);
  });

  it('uses no later data, and knows nothing with fewer than 20 launches', () => {
    expect(learnLaunchCurves(timeline, unknownDates, 101 + 28 + 18)).toBeUndefined();
    const early = learnLaunchCurves(timeline, unknownDates, 101 + 28 + 19)!;
    const cut = buildPopularityTimeline(sequencesOf(histories, count), count, (101 + 28 + 19) * dayMs);
    expect(early).toEqual(learnLaunchCurves(cut, unknownDates, 101 + 28 + 19));
  });

  it('expects less of an item that waits for its first interaction since its creation', () => {
    // The 20 hits were created when they were launched, the 20 flops 10 days earlier.
    const createdOn = Float64Array.from({ length: count + 1 }, (_, item) =>
      item < 2 || item > launches + 1 ? Number.NaN : 99 + item - (kindOf(item) === 'hit' ? 0 : 10),
    );
    const curves = learnLaunchCurves(timeline, { features, createdOn }, 180)!;
    const at = (row: number): number => curves.byAge[row * popularityFeatureCount + ever]!;
    expect(at(0)).toBeCloseTo(Math.log1p((4 + 1) / 2));
    // Only flops wait until the age of 7 days. No item waits longer, so the last curve continues.
    expect(at(1)).toBeCloseTo(Math.log1p(1));
    expect(at(4)).toBe(at(1));
  });
});

describe('expectedFeaturesOn', () => {
  const on = (day: number) => expectedFeaturesOn(timeline, unknownDates, day);

  it('gives items without interactions the expected counts of their kind, times the share that will be launched', () => {
    const all = on(200);
    const known = timeline.featuresOn(200);
    for (let item = 1; item < coldHit; item++) expect(rowOf(all, item)).toEqual(rowOf(known, item));
    // No launch in the 56 days before.
    expect(rowOf(all, coldHit)[ever]).toBe(0);
    expect(rowOf(all, coldHit)[age]).toBeCloseTo(Math.log1p(28));
    // On day 170, more items were launched recently than wait.
    const [hit, flop] = [coldHit, coldFlop].map((item) => rowOf(on(170), item)[ever]!) as [number, number];
    expect(hit).toBeGreaterThan(Math.log1p(2.5));
    expect(flop).toBeLessThan(Math.log1p(2.5));
  });

  it('does not expect an item before its first interaction, nor anything without launches', () => {
    expect(rowOf(on(138), launches + 1)).toEqual(Float32Array.from(coldItemFeatures));
    expect([...on(50)]).toEqual([...timeline.featuresOn(50)]);
  });
});
