import { dayMs } from '@facet/platform';
import { describe, expect, it } from 'vitest';
import {
  buildPopularityTimeline,
  coldItemFeatures,
  createRandom,
  encodeFeatures,
  expectedFeaturesOn,
  learnLaunchCurves,
  popularityFeatureCount,
  popularityFeatureNames,
  readLaunches,
} from '../src/index.ts';
import type { EncodedFeature, FeatureSchema, LaunchCurves } from '../src/index.ts';
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
const launched = readLaunches(timeline, unknownDates);
const rowOf = (all: Float32Array, item: number): Float32Array =>
  all.subarray(item * popularityFeatureCount, (item + 1) * popularityFeatureCount);

describe('learnLaunchCurves', () => {
  it('learns the mean popularity of launches four weeks after their first day, and the effect of values', () => {
    const curves = learnLaunchCurves(launched, 200)!;
    expect(curves.byAge[ever]).toBeCloseTo(Math.log1p((4 + 1) / 2));
    expect(curves.byAge[week]).toBe(0);
    expect(curves.byAge[age]).toBeCloseTo(Math.log1p(28));
    // 20 launches of each kind deviate by half the difference, shrunk by 20 / (20 + 10).
    const half = (Math.log1p(4) - Math.log1p(1)) / 2;
    expect(curves.byValue['kind']![1]).toBeCloseTo((half * 20) / 30);
    expect(curves.byValue['kind']![2]).toBeCloseTo((-half * 20) / 30);
    // On day 240 the newer half begins on day 120, with 10 hits and 11 flops. The effects of values stay.
    const later = learnLaunchCurves(launched, 240)!;
    expect(later.byAge[ever]).toBeCloseTo(Math.log1p((10 * 4 + 11) / 21));
    expect(later.byValue).toEqual(curves.byValue);
  });

  it('uses no later data, and knows nothing with fewer than 20 launches', () => {
    expect(learnLaunchCurves(launched, 101 + 28 + 18)).toBeUndefined();
    const early = learnLaunchCurves(launched, 101 + 28 + 19)!;
    const cut = buildPopularityTimeline(sequencesOf(histories, count), count, (101 + 28 + 19) * dayMs);
    expect(early).toEqual(learnLaunchCurves(readLaunches(cut, unknownDates), 101 + 28 + 19));
  });

  it('expects less of an item that waits for its first interaction since its creation', () => {
    // The 20 hits were created when they were launched, the 20 flops 10 days earlier.
    const createdOn = Float64Array.from({ length: count + 1 }, (_, item) =>
      item < 2 || item > launches + 1 ? Number.NaN : 99 + item - (kindOf(item) === 'hit' ? 0 : 10),
    );
    const curves = learnLaunchCurves(readLaunches(timeline, { features, createdOn }), 180)!;
    const at = (row: number): number => curves.byAge[row * popularityFeatureCount + ever]!;
    expect(at(0)).toBeCloseTo(Math.log1p((4 + 1) / 2));
    // Only flops wait until the age of 7 days. No item waits longer, so the last curve continues.
    expect(at(1)).toBeCloseTo(Math.log1p(1));
    expect(at(4)).toBe(at(1));
  });
});

/** The definition, by reading every item on the day. */
function curvesByDefinition(createdOn: Float64Array, kinds: EncodedFeature, day: number): LaunchCurves | undefined {
  const counts = [0, 1, 2, 3];
  const items = [...createdOn.keys()].slice(1).map((item) => {
    const first = drawn.firstDayOf(item);
    return {
      item,
      first,
      seen: Math.min(first ?? Infinity, Number.isNaN(createdOn[item]!) ? Infinity : createdOn[item]!),
    };
  });
  const start = Math.min(day, ...items.flatMap(({ first }) => first ?? []));
  const sure = items.filter(({ seen }) => seen >= start + Math.min(90, (day - start) / 4));
  const on = (item: number, now: number): Float32Array => {
    const row = new Float32Array(popularityFeatureCount);
    drawn.writeFeatures(row, 0, 0, item, [now]);
    return row;
  };
  let curve: number[] | undefined;
  const byAge = [0, 7, 30, 90, 365].flatMap((age) => {
    const rows = sure.flatMap(({ item, first = Infinity, seen }) => {
      const now = seen + age + 28;
      if (now > day || first < seen + age || seen < Math.max((start + day) / 2, day - 365)) return [];
      const row = on(item, now);
      if (first >= now) row[5] = Math.log1p(age + 28);
      return [Array.from(row, (value, column) => (counts.includes(column) ? Math.expm1(value) : value))];
    });
    if (rows.length >= 20) {
      const sums = rows.reduce((sum, row) => sum.map((value, column) => value + row[column]!));
      curve = sums.map((sum, column) => (counts.includes(column) ? Math.log1p(sum / rows.length) : sum / rows.length));
    }
    return curve ?? [];
  });
  if (curve === undefined) return undefined;
  const recent = sure.filter(({ seen }) => seen + 28 <= day);
  const logCount = ({ item, seen }: (typeof recent)[number]): number => on(item, seen + 28)[ever]!;
  const mean = recent.reduce((sum, launch) => sum + logCount(launch), 0) / recent.length;
  const effects = [0, 1, 2].map((value) => {
    const ofValue = recent.filter(({ item }) => value > 0 && kinds.rows[item] === value);
    return ofValue.reduce((sum, launch) => sum + (logCount(launch) - mean), 0) / (ofValue.length + 10);
  });
  return { byAge: Float32Array.from(byAge), byValue: { kind: Float32Array.from(effects) } };
}

const many = 400;
const random = createRandom(5);
const drawn = buildPopularityTimeline(
  sequencesOf(
    Array.from({ length: 60 }, () =>
      Array.from({ length: 20 }, (): Interaction => {
        const item = 1 + random.int(many - 50);
        return [item, (item + random.int(60) ** 2 / 20) * dayMs];
      }).sort((a, b) => a[1] - b[1]),
    ),
    many,
  ),
  many,
  Infinity,
);

it('learns the same curves of any day from launches that were read once, bit by bit', () => {
  const kinds = encodeFeatures(
    [kind],
    Array.from({ length: many + 1 }, () => ({ kind: ['hit', 'flop', ''][random.int(3)]! })),
  );
  const createdOn = Float64Array.from({ length: many + 1 }, (_, item) =>
    random.int(2) === 0 ? Number.NaN : item - random.int(30),
  );
  const all = readLaunches(drawn, { features: kinds, createdOn });
  const days = Array.from({ length: 60 }, (_, index) => 10 * index);
  const curves = days.map((day) => learnLaunchCurves(all, day));
  expect(curves).toEqual(days.map((day) => curvesByDefinition(createdOn, kinds[0]!, day)));
  expect(curves.filter((curve) => curve === undefined).length).toBeLessThan(20);
});

describe('expectedFeaturesOn', () => {
  const on = (day: number) => expectedFeaturesOn(launched, day);

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
