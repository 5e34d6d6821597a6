import { cutEnd } from './sequences.ts';
import type { Cut, UserSequences } from './sequences.ts';

/** What an item's popularity looked like on a given day; the order of {@link PopularityTimeline.featuresOn}'s columns. */
export const popularityFeatureNames = [
  'chosen7Days',
  'chosen30Days',
  'chosen90Days',
  'chosenEver',
  'age',
  'idle',
] as const;
export const popularityFeatureCount = popularityFeatureNames.length;

const dayMs = 86_400_000;
const windowDays = [7, 30, 90];
/** How long before a day each window begins; the day itself begins now. */
const bounds = [...windowDays, 0];
/** Days since the last choice of an item that was never chosen. */
const neverIdleDays = 1000;

/** What the features of an item are that was never chosen, on any day. */
export const neverChosenFeatures: readonly number[] = popularityFeatureNames.map((name) =>
  name === 'idle' ? Math.log1p(neverIdleDays) : 0,
);

/** Item popularity at any day, from what had happened before that day only. */
export interface PopularityTimeline {
  /** The day number (since the epoch) of a time in epoch milliseconds. */
  dayOf(time: number): number;
  /** Whether the item had been chosen before `day`: an item nobody knows yet can be neither label nor negative. */
  isKnown(item: number, day: number): boolean;
  /**
   * [N + 1, {@link popularityFeatureCount}], item-major: the logarithms ln(1 + x) of distinct users by day within 7, 30,
   * 90 days and ever before `day`, of days since the first choice, and of days since the last. Cached by day.
   */
  featuresOn(day: number): Float32Array;
  /**
   * The same of one item on several days: those of day t are written at `offset + t · stride`. Nothing is cached: of a large
   * catalog a few items are wanted on many days.
   *
   * @param days ascending
   */
  writeFeatures(target: Float32Array, offset: number, stride: number, item: number, days: ArrayLike<number>): void;
}

/** Built from interactions before `before`; a user's repeats of an item within a day count once. */
export function buildPopularityTimeline(
  sequences: Omit<UserSequences, 'userIds'>,
  itemCount: number,
  before: Cut,
): PopularityTimeline {
  const choices = dailyChoices(sequences, itemCount, before);
  const cache = new Map<number, Float32Array>();
  const cachedDays = Math.min(
    maxCachedDays,
    Math.ceil(maxCachedBytes / (4 * popularityFeatureCount * (itemCount + 1))),
  );

  /** Where the choices of each window of an item begin, and where those of the day itself would. */
  const starts = new Int32Array(bounds.length);

  function writeFeatures(
    target: Float32Array,
    offset: number,
    stride: number,
    item: number,
    days: ArrayLike<number>,
  ): void {
    const start = choices.offsets[item]!;
    const stop = choices.offsets[item + 1]!;
    for (let place = 0; place < days.length; place++) {
      const day = days[place]!;
      for (let window = 0; window < bounds.length; window++) {
        const bound = day - bounds[window]!;
        // Of several days the later ones lie a few choices further on.
        if (place === 0) starts[window] = lowerBound(choices.days, start, stop, bound);
        else while (starts[window]! < stop && choices.days[starts[window]!]! < bound) starts[window]!++;
      }
      const end = starts[bounds.length - 1]!;
      const row = offset + place * stride;
      if (end === start) {
        target.set(neverChosenFeatures, row);
        continue;
      }
      for (let window = 0; window < windowDays.length; window++) target[row + window] = log1p(end - starts[window]!);
      target[row + 3] = log1p(end - start);
      target[row + 4] = log1p(day - choices.days[start]!);
      target[row + 5] = log1p(Math.min(neverIdleDays, day - 1 - choices.days[end - 1]!));
    }
  }

  function compute(day: number): Float32Array {
    const features = new Float32Array((itemCount + 1) * popularityFeatureCount);
    const days = [day];
    for (let item = 1; item <= itemCount; item++) {
      writeFeatures(features, item * popularityFeatureCount, 0, item, days);
    }
    return features;
  }

  return {
    dayOf: (time) => Math.floor(time / dayMs),
    isKnown: (item, day) =>
      (choices.days[choices.offsets[item]!] ?? day) < day && choices.offsets[item + 1]! > choices.offsets[item]!,
    featuresOn(day) {
      const cached = cache.get(day);
      if (cached !== undefined) return cached;
      const features = compute(day);
      if (cache.size >= cachedDays) cache.delete(cache.keys().next().value!);
      cache.set(day, features);
      return features;
    },
    writeFeatures,
  };
}

/** A batch of examples touches up to a few hundred days; each costs 6 floats an item, and all together so much. */
const maxCachedDays = 800;
const maxCachedBytes = 2 ** 30;

/** For each item, the sorted days on which users chose it, a (user, item, day) once. */
function dailyChoices(
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
  for (let item = 1; item <= itemCount; item++) days.subarray(offsets[item]!, offsets[item + 1]!).sort();
  return { offsets, days };
}

/** Logarithms of the numbers that occur most: a batch asks for millions. */
const logarithms = Float32Array.from({ length: 4096 }, (_, x) => Math.log1p(x));

function log1p(x: number): number {
  return logarithms[x] ?? Math.log1p(x);
}

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
