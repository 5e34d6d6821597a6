import { dayMs, hourMs } from '@facet/platform';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  buildPopularityTimeline,
  coldItemFeatures,
  cacheDays,
  popularityFeatureCount,
  popularityFeatureNames,
} from '../src/index.ts';
import { anyHistories, sequencesOf } from './histories.ts';
import type { Interaction } from './histories.ts';

type Features = Record<(typeof popularityFeatureNames)[number], number>;

function featuresOf(
  histories: readonly (readonly Interaction[])[],
  item: number,
  day: number,
  before = Infinity,
): Features {
  const all = buildPopularityTimeline(sequencesOf(histories), 9, before).featuresOn(day);
  const row = all.subarray(item * popularityFeatureCount, (item + 1) * popularityFeatureCount);
  return Object.fromEntries(popularityFeatureNames.map((name, column) => [name, row[column]])) as unknown as Features;
}

/** The definition, by scanning every interaction. */
function bruteForce(
  histories: readonly (readonly Interaction[])[],
  item: number,
  day: number,
  before: number,
): Features {
  const userDays = histories.flatMap((interactions, user) =>
    interactions
      .filter(([chosen, time]) => chosen === item && time < before)
      .map(([, time]) => `${Math.floor(time / dayMs)} ${user}`),
  );
  const days = [...new Set(userDays)].map((userDay) => Number.parseInt(userDay, 10)).filter((chosen) => chosen < day);
  const within = (length: number): number => Math.log1p(days.filter((chosen) => chosen >= day - length).length);
  return {
    chosen7Days: within(7),
    chosen30Days: within(30),
    chosen90Days: within(90),
    chosenEver: Math.log1p(days.length),
    age: days.length === 0 ? 0 : Math.log1p(day - Math.min(...days)),
    idle: Math.log1p(days.length === 0 ? 1000 : Math.min(1000, day - 1 - Math.max(...days))),
  };
}

const inDays = (histories: fc.Arbitrary<Interaction[][]>): fc.Arbitrary<Interaction[][]> =>
  histories.map((list) =>
    list.map((interactions) => interactions.map(([item, time]) => [item, time * 8 * hourMs] as const)),
  );

describe('buildPopularityTimeline', () => {
  it('equals a scan of all interactions', () => {
    const day = fc.integer({ min: -1, max: 130 });
    fc.assert(
      fc.property(
        inDays(anyHistories(360, 25)),
        day,
        fc.integer({ min: 0, max: 130 }),
        (histories, asked, beforeDay) => {
          const before = beforeDay * dayMs + hourMs;
          const timeline = buildPopularityTimeline(sequencesOf(histories), 9, before);
          const features = timeline.featuresOn(asked);
          for (let item = 1; item <= 9; item++) {
            const expected = bruteForce(histories, item, asked, before);
            popularityFeatureNames.forEach((name, column) => {
              expect(features[item * popularityFeatureCount + column]).toBeCloseTo(expected[name], 5);
            });
            expect(timeline.isKnown(item, asked)).toBe(expected.chosenEver > 0);
          }
        },
      ),
    );
  });

  it('writes one item on several days as on each day', () => {
    const days = fc.uniqueArray(fc.integer({ min: -1, max: 130 })).map((all) => all.sort((a, b) => a - b));
    fc.assert(
      fc.property(inDays(anyHistories(360, 25)), days, (histories, asked) => {
        const timeline = buildPopularityTimeline(sequencesOf(histories), 9, Infinity);
        const [width, stride] = [popularityFeatureCount, popularityFeatureCount + 2];
        for (let item = 1; item <= 9; item++) {
          const written = new Float32Array(3 + asked.length * stride);
          timeline.writeFeatures(written, 3, stride, item, asked);
          asked.forEach((day, index) => {
            const ofDay = timeline.featuresOn(day).subarray(item * width, (item + 1) * width);
            expect(written.subarray(3 + index * stride, 3 + index * stride + width)).toEqual(ofDay);
          });
        }
      }),
    );
  });

  it('does not depend on the day itself or later days', () => {
    fc.assert(
      fc.property(
        inDays(anyHistories(90)),
        inDays(anyHistories(90)),
        fc.integer({ min: 0, max: 30 }),
        (past, future, day) => {
          const from = day * dayMs;
          const known = past.map((interactions) => interactions.filter(([, time]) => time < from));
          const longer = known.map((interactions, user) => [
            ...interactions,
            ...(future[user] ?? []).map(([item, time]) => [item, time + from] as const),
          ]);
          const features = (histories: typeof longer): number[] => [
            ...buildPopularityTimeline(sequencesOf(histories), 9, Infinity).featuresOn(day),
          ];
          expect(features(longer)).toEqual(features(known));
        },
      ),
    );
  });

  it('counts a user once per day and item', () => {
    const histories: Interaction[][] = [
      [
        [1, 0],
        [1, hourMs],
        [2, hourMs],
        [1, 2 * hourMs],
        [1, dayMs],
      ],
      [[1, 0]],
    ];
    expect(featuresOf(histories, 1, 3).chosenEver).toBeCloseTo(Math.log1p(3), 6);
    expect(featuresOf(histories, 2, 3).chosenEver).toBeCloseTo(Math.log1p(1), 6);
  });

  it('ignores interactions at or after `before`', () => {
    const histories: Interaction[][] = [
      [
        [1, 0],
        [1, dayMs],
      ],
    ];
    expect(featuresOf(histories, 1, 9, dayMs).chosenEver).toBeCloseTo(Math.log1p(1), 6);
    expect(featuresOf(histories, 1, 9, dayMs + 1).chosenEver).toBeCloseTo(Math.log1p(2), 6);
  });

  it('knows an item from the day after its first interaction, and never padding', () => {
    const timeline = buildPopularityTimeline(
      sequencesOf([
        [
          [0, 0],
          [3, 4 * dayMs],
        ],
      ]),
      9,
      Infinity,
    );
    expect([3, 4, 5, 99].map((day) => timeline.isKnown(3, day))).toEqual([false, false, true, true]);
    for (const item of [0, 1, 2, 4, 9]) expect(timeline.isKnown(item, 99)).toBe(false);
    expect([...timeline.featuresOn(99).subarray(0, popularityFeatureCount)]).toEqual([0, 0, 0, 0, 0, 0]);
  });

  it('returns the same features for a cold item on every day', () => {
    const timeline = buildPopularityTimeline(sequencesOf([[[3, 4 * dayMs]]]), 9, Infinity);
    for (const [item, day] of [
      [5, 0],
      [5, 99],
      [3, 4],
    ] as const) {
      const row = timeline.featuresOn(day).subarray(item * popularityFeatureCount, (item + 1) * popularityFeatureCount);
      expect(row).toEqual(Float32Array.from(coldItemFeatures));
    }
  });

  it('numbers days from the epoch, at midnight UTC', () => {
    const timeline = buildPopularityTimeline(sequencesOf([]), 9, Infinity);
    expect([0, dayMs - 1, dayMs, -1].map((time) => timeline.dayOf(time))).toEqual([0, 0, 1, -1]);
  });
});

describe('cacheDays', () => {
  it('computes each day once while the days fit, and never more than the latest of the others', () => {
    const computed: number[] = [];
    const compute = (day: number): Float32Array => {
      computed.push(day);
      return Float32Array.of(day, 2 * day);
    };
    const read = cacheDays(compute, { bytesMax: 16, bytesOf: ({ byteLength }) => byteLength });
    const pass = (): void => {
      for (const day of [1, 2, 2, 3, 3, 4, 1]) expect([...read(day)]).toEqual([day, 2 * day]);
    };
    pass();
    expect(computed).toEqual([1, 2, 3, 4]);
    pass();
    expect(computed).toEqual([1, 2, 3, 4, 3, 4]);
    expect(read(2)).toBe(read(2));
  });
});
