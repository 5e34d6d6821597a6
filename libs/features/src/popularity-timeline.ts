import { dayMs } from '@facet/platform/time';
import { cutEnd } from './sequences.ts';
import type { Cut, UserSequences } from './sequences.ts';

/** The popularity features of an item on a day, in the order of the columns of {@link PopularityTimeline.featuresOn}. */
export const popularityFeatureNames = [
  'chosen7Days',
  'chosen30Days',
  'chosen90Days',
  'chosenEver',
  'age',
  'idle',
] as const;
export const popularityFeatureCount = popularityFeatureNames.length;

/** Days since the last interaction, for an item without interactions. */
const neverIdleDays = 1000;

/** The features of a cold item, which has no interactions, on any day. */
export const coldItemFeatures: readonly number[] = popularityFeatureNames.map((name) =>
  name === 'idle' ? Math.log1p(neverIdleDays) : 0,
);

/** Item popularity on any day, from interactions before that day. */
export interface PopularityTimeline {
  /** Returns the day of a time in epoch milliseconds, counted from the epoch. */
  dayOf(time: number): number;
  /** Returns whether the item has an interaction before `day`. Other items are neither label nor negative. */
  isKnown(item: number, day: number): boolean;
  /** Returns the day of the item's first interaction; undefined without one. */
  firstDayOf(item: number): number | undefined;
  /**
   * Returns [N + 1, {@link popularityFeatureCount}], the logarithms ln(1 + x) of these numbers: distinct users per day within 7, 30 and
   * 90 days and ever before `day`, days since the first interaction, days since the last one. Every call computes a new array.
   */
  featuresOn(day: number): Float32Array;
  /**
   * Writes the features of one item on several days, those of day t at `offset + t · stride`. Batches need few items of a large catalog on
   * many days.
   *
   * @param days Ascending.
   */
  writeFeatures(target: Float32Array, offset: number, stride: number, item: number, days: ArrayLike<number>): void;
}

/** Builds a timeline of the interactions before `before`. A user's repeats of an item within a day count once. */
export function buildPopularityTimeline(
  sequences: Omit<UserSequences, 'userIds'>,
  itemCount: number,
  before: Cut,
): PopularityTimeline {
  const daily = dailyInteractions(sequences, itemCount, before);

  function writeFeatures(
    target: Float32Array,
    offset: number,
    stride: number,
    item: number,
    days: ArrayLike<number>,
  ): void {
    const start = daily.offsets[item]!;
    const stop = daily.offsets[item + 1]!;
    // The first interaction of each window, and the first one that is not before the day.
    let [of90Days, of30Days, of7Days, end] = [start, start, start, start];
    for (let index = 0; index < days.length; index++) {
      const day = days[index]!;
      // Later days start a few interactions further on.
      const find = index === 0 ? lowerBound : scanTo;
      const row = offset + index * stride;
      end = find(daily.days, end, stop, day);
      if (end === start) {
        writeColdItem(target, row);
        continue;
      }
      of90Days = find(daily.days, of90Days, end, day - 90);
      of30Days = find(daily.days, Math.max(of90Days, of30Days), end, day - 30);
      of7Days = find(daily.days, Math.max(of30Days, of7Days), end, day - 7);
      target[row] = log1p(end - of7Days);
      target[row + 1] = log1p(end - of30Days);
      target[row + 2] = log1p(end - of90Days);
      target[row + 3] = log1p(end - start);
      target[row + 4] = log1p(day - daily.days[start]!);
      target[row + 5] = log1p(Math.min(neverIdleDays, day - 1 - daily.days[end - 1]!));
    }
  }

  function firstDayOf(item: number): number | undefined {
    const start = daily.offsets[item]!;
    return daily.offsets[item + 1]! > start ? daily.days[start]! : undefined;
  }

  function featuresOn(day: number): Float32Array {
    const features = new Float32Array((itemCount + 1) * popularityFeatureCount);
    const days = [day];
    for (let item = 1; item <= itemCount; item++) {
      writeFeatures(features, item * popularityFeatureCount, 0, item, days);
    }
    return features;
  }

  return {
    dayOf: (time) => Math.floor(time / dayMs),
    isKnown: (item, day) => (firstDayOf(item) ?? day) < day,
    firstDayOf,
    featuresOn,
    writeFeatures,
  };
}

/**
 * Returns `compute` with a cache of the latest day and of the first days, up to `bytesMax`. Days are never evicted: if repeated passes
 * read more days than fit, eviction would leave no cached day for the next pass.
 */
export function cacheDays<Value>(
  compute: (day: number) => Value,
  { bytesMax, bytesOf }: { readonly bytesMax: number; readonly bytesOf: (value: Value) => number },
): (day: number) => Value {
  const kept = new Map<number, Value>();
  let bytes = 0;
  let latest: { readonly day: number; readonly value: Value } | undefined;
  return (day) => {
    if (latest?.day === day) return latest.value;
    if (kept.has(day)) return kept.get(day)!;
    const value = compute(day);
    latest = { day, value };
    const more = bytes + bytesOf(value);
    if (more <= bytesMax) {
      bytes = more;
      kept.set(day, value);
    }
    return value;
  };
}

/** As `target.set(coldItemFeatures, row)`, which takes several times as long. */
function writeColdItem(target: Float32Array, row: number): void {
  for (let feature = 0; feature < popularityFeatureCount; feature++) target[row + feature] = coldItemFeatures[feature]!;
}

/** Returns for each item the sorted days of its interactions, each (user, item, day) once. */
function dailyInteractions(
  sequences: Omit<UserSequences, 'userIds'>,
  itemCount: number,
  before: Cut,
): { offsets: Int32Array; days: Int32Array } {
  const offsets = new Int32Array(itemCount + 2);
  const each = (visit: (item: number, day: number) => void): void => {
    for (let user = 0; user < sequences.offsets.length - 1; user++) {
      const lastDayOf = new Map<number, number>();
      const end = cutEnd(sequences, user, before);
      for (let position = sequences.offsets[user]!; position < end; position++) {
        const item = sequences.items[position]!;
        const day = Math.floor(sequences.times[position]! / dayMs);
        if (item === 0 || lastDayOf.get(item) === day) continue;
        lastDayOf.set(item, day);
        visit(item, day);
      }
    }
  };
  each((item) => offsets[item + 1]!++);
  for (let item = 0; item <= itemCount; item++) offsets[item + 1]! += offsets[item]!;
  const days = new Int32Array(offsets[itemCount + 1]!);
  const next = offsets.slice();
  each((item, day) => {
    days[next[item]!++] = day;
  });
  for (let item = 1; item <= itemCount; item++) days.subarray(offsets[item], offsets[item + 1]).sort();
  return { offsets, days };
}

/** Logarithms of frequent numbers: a batch needs millions. */
const logarithms = Float32Array.from({ length: 4096 }, (_, x) => Math.log1p(x));

function log1p(x: number): number {
  return logarithms[x] ?? Math.log1p(x);
}

/** Returns the first index from `start` to `end` whose value is at least `bound`. */
function lowerBound(values: Int32Array, start: number, end: number, bound: number): number {
  let low = start;
  let high = end;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (values[middle]! < bound) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** As {@link lowerBound}, faster for indices near `start`. */
function scanTo(values: Int32Array, start: number, end: number, bound: number): number {
  let index = start;
  while (index < end && values[index]! < bound) index++;
  return index;
}
