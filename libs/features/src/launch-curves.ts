import { coldItemFeatures, popularityFeatureCount, popularityFeatureNames } from './popularity-timeline.ts';
import type { PopularityTimeline } from './popularity-timeline.ts';
import type { EncodedFeature } from './vocabulary.ts';

/** The expected popularity of items without interactions, learned from the first weeks of earlier items. A bundle stores the arrays. */
export interface LaunchCurves {
  /**
   * [ages, popularity features] Row `age`: mean popularity of items that had no interaction before the age `launchAges[age]`,
   * {@link horizonDays} later.
   */
  readonly byAge: Float32Array;
  /** By side feature, [values + 1]: the effect of a value on the logarithms of the counts. */
  readonly byValue: Readonly<Record<string, Float32Array>>;
}

/** The side features and creation days of items. */
export interface LaunchedItems {
  /** Side features, rows [N + 1, slots]. */
  readonly features: readonly EncodedFeature[];
  /** [N + 1] the day of each item's creation. NaN if unknown: then the first interaction is the launch. */
  readonly createdOn: Float64Array;
}

/** The ages in days for which curves are learned: from each age up to the next one. */
export const launchAges = [0, 7, 30, 90, 365] as const;

/** The expected popularity is that of an item this many days later. */
const horizonDays = 28;
/** Expected popularity counts the launches of this many last days. Chosen on the validation window of online-retail-2 among 28, 56 and 70. */
export const launchWindowDays = 56;
/** Items that appear in the first days of the data may be older: up to 90 days, at most a quarter of the data. */
const leadInDays = 90;
const leadInShareMax = 1 / 4;
/** Curves are learned from the newer half of the data, at most this many days, because the popularity of launches changes. */
const curveDays = 365;
/** A curve needs this many launches. */
const launchesMin = 20;
/** The number of launches of a value at which shrinkage halves its effect. */
const shrinkage = 10;

const countColumns = ['chosen7Days', 'chosen30Days', 'chosen90Days', 'chosenEver'].map((name) =>
  popularityFeatureNames.indexOf(name as (typeof popularityFeatureNames)[number]),
);
const everColumn = popularityFeatureNames.indexOf('chosenEver');
const idleColumn = popularityFeatureNames.indexOf('idle');

/** The items that had no interaction before an age. */
interface LaunchesOfAge {
  readonly items: Int32Array;
  /** The day of the creation or of the first interaction. */
  readonly launchDays: Int32Array;
  /** [launches, popularity features] {@link horizonDays} after the age, with counts instead of their logarithms. */
  readonly popularity: Float64Array;
  /** The logarithm of all interactions {@link horizonDays} after the age. */
  readonly logCounts: Float32Array;
}

/** The bytes in {@link Launches} of an item with a creation date but without an interaction: one entry for each age. */
export const launchBytes = launchAges.length * (4 + 4 + 8 * popularityFeatureCount + 4);

/** The launches of all items. The curves of any day are learned from those before it. */
export interface Launches {
  readonly timeline: PopularityTimeline;
  readonly catalog: LaunchedItems;
  /** The day of the first interaction with any item; `Infinity` without interactions. */
  readonly firstDay: number;
  /** By {@link launchAges}. */
  readonly byAge: readonly LaunchesOfAge[];
  /** The items without an interaction. */
  readonly withoutInteractions: Int32Array;
  /** The number of these items without a day of creation. */
  readonly undatedCount: number;
}

/** Reads the launches of a timeline. The curves of many days can share them. */
export function readLaunches(timeline: PopularityTimeline, catalog: LaunchedItems): Launches {
  const items = Int32Array.from(catalog.createdOn.keys()).subarray(1);
  const firstDays = Float64Array.from(items, (item) => timeline.firstDayOf(item) ?? Number.POSITIVE_INFINITY);
  const launchDayOf = (item: number): number => {
    const created = catalog.createdOn[item]!;
    return Number.isNaN(created) ? firstDays[item - 1]! : Math.min(firstDays[item - 1]!, created);
  };
  const withoutInteractions = items.filter((item) => firstDays[item - 1] === Number.POSITIVE_INFINITY);
  return {
    timeline,
    catalog,
    firstDay: firstDays.reduce((least, first) => Math.min(least, first), Number.POSITIVE_INFINITY),
    byAge: launchAges.map((age) => {
      const itemsOfAge = items.filter(
        (item) => Number.isFinite(launchDayOf(item)) && firstDays[item - 1]! >= launchDayOf(item) + age,
      );
      const launchDays = Int32Array.from(itemsOfAge, launchDayOf);
      return { items: itemsOfAge, launchDays, ...popularityAfter(timeline, itemsOfAge, launchDays, age) };
    }),
    withoutInteractions,
    undatedCount: withoutInteractions.filter((item) => Number.isNaN(catalog.createdOn[item]!)).length,
  };
}

function popularityAfter(
  timeline: PopularityTimeline,
  items: Int32Array,
  launchDays: Int32Array,
  age: number,
): Pick<LaunchesOfAge, 'popularity' | 'logCounts'> {
  const popularity = new Float64Array(items.length * popularityFeatureCount);
  const logCounts = new Float32Array(items.length);
  const row = new Float32Array(popularityFeatureCount);
  items.forEach((item, index) => {
    const now = launchDays[index]! + age + horizonDays;
    timeline.writeFeatures(row, 0, 0, item, [now]);
    if (!timeline.isKnown(item, now)) row[idleColumn] = Math.log1p(age + horizonDays);
    logCounts[index] = row[everColumn]!;
    popularity.set(row, index * popularityFeatureCount);
    for (const column of countColumns) popularity[index * popularityFeatureCount + column] = Math.expm1(row[column]!);
  });
  return { popularity, logCounts };
}

/**
 * Learns launch curves from the interactions before `day`; undefined with fewer than 20 launches. A launch is an item that appeared
 * after the first weeks of the data and {@link horizonDays} ago or earlier.
 */
export function learnLaunchCurves({ catalog, firstDay, byAge: all }: Launches, day: number): LaunchCurves | undefined {
  const start = Math.min(firstDay, day);
  const leadInEnd = start + Math.min(leadInDays, (day - start) * leadInShareMax);
  const curveFrom = Math.max((start + day) / 2, day - curveDays);
  const width = popularityFeatureCount;
  const byAge = new Float32Array(launchAges.length * width);
  let curve: Float32Array | undefined;
  all.forEach(({ launchDays, popularity }, index) => {
    const seenBefore = day - launchAges[index]! - horizonDays;
    const sums = new Float64Array(width);
    let count = 0;
    for (let launch = 0; launch < launchDays.length; launch++) {
      const from = launchDays[launch]!;
      if (from < leadInEnd || from < curveFrom || from > seenBefore) continue;
      for (let column = 0; column < width; column++) sums[column]! += popularity[launch * width + column]!;
      count++;
    }
    if (count >= launchesMin) {
      curve = Float32Array.from(sums, (sum, column) =>
        countColumns.includes(column) ? Math.log1p(sum / count) : sum / count,
      );
    }
    if (curve !== undefined) byAge.set(curve, index * width);
  });
  if (curve === undefined) return undefined;
  return { byAge, byValue: valueEffects(all[0]!, { from: leadInEnd, until: day - horizonDays }, catalog.features) };
}

/** Returns the mean deviation of each value's launches from all launches between two days, shrunk by their number. */
function valueEffects(
  { items, launchDays, logCounts }: LaunchesOfAge,
  { from, until }: { readonly from: number; readonly until: number },
  features: readonly EncodedFeature[],
): LaunchCurves['byValue'] {
  const launches: number[] = [];
  launchDays.forEach((day, launch) => {
    if (day >= from && day <= until) launches.push(launch);
  });
  const mean = launches.reduce((sum, launch) => sum + logCounts[launch]!, 0) / launches.length;
  return Object.fromEntries(
    features.map(({ schema, rows }) => {
      const sums = new Float64Array(schema.values.length + 1);
      const counts = new Float64Array(schema.values.length + 1);
      for (const launch of launches) {
        const deviation = logCounts[launch]! - mean;
        const start = items[launch]! * schema.slots;
        for (let cell = start; cell < start + schema.slots; cell++) {
          const value = rows[cell]!;
          if (value === 0) continue;
          sums[value]! += deviation;
          counts[value]!++;
        }
      }
      return [schema.name, Float32Array.from(sums, (sum, value) => sum / (counts[value]! + shrinkage))];
    }),
  );
}

/**
 * Writes the popularity features that are expected of an item without interactions, of the age `age` in days. Without curves they are
 * those of an unknown item.
 *
 * @param item The item's position in `features`.
 * @param share The factor of the counts of an item without a day of creation, by {@link launchShare}.
 */
export function writeExpectedFeatures(
  target: Float32Array,
  offset: number,
  curves: LaunchCurves | undefined,
  {
    features,
    item,
    age,
    share,
  }: {
    readonly features: readonly EncodedFeature[];
    readonly item: number;
    readonly age: number;
    readonly share?: number | undefined;
  },
): void {
  if (curves === undefined) {
    target.set(coldItemFeatures, offset);
    return;
  }
  const width = popularityFeatureCount;
  const index = launchAges.findLastIndex((from) => from <= Math.max(0, age));
  for (let column = 0; column < width; column++) target[offset + column] = curves.byAge[index * width + column]!;
  const effect = effectOf(curves, features, item);
  for (const column of countColumns) target[offset + column] = Math.max(0, target[offset + column]! + effect);
  if (share === undefined) return;
  // In the first 28 days, an item is chosen as often within 30 days as ever: the last counts are equal.
  let [count, scaled] = [Number.NaN, Number.NaN];
  for (const column of countColumns) {
    if (target[offset + column] !== count) {
      count = target[offset + column]!;
      scaled = Math.log1p(Math.expm1(count) * share);
    }
    target[offset + column] = scaled;
  }
}

/** Returns the mean over the features of the mean effect of their values. */
function effectOf({ byValue }: LaunchCurves, features: readonly EncodedFeature[], item: number): number {
  let sum = 0;
  let known = 0;
  for (const { schema, rows } of features) {
    const table = byValue[schema.name];
    if (table === undefined) continue;
    let sumOfValues = 0;
    let values = 0;
    for (let cell = item * schema.slots; cell < (item + 1) * schema.slots; cell++) {
      const value = rows[cell]!;
      if (value === 0) continue;
      sumOfValues += table[value]!;
      values++;
    }
    if (values === 0) continue;
    sum += sumOfValues / values;
    known++;
  }
  return known === 0 ? 0 : sum / known;
}

/**
 * Returns the popularity features of all items on a day, [N + 1, features], in which items without any interaction have the expected
 * ones. An item whose first interaction is later than the day keeps the features of an unknown item.
 *
 * A catalog also lists items that no user will ever choose. Therefore the expected counts of items without a day of creation are
 * multiplied by the share of these items that is expected to be launched (`launchShare`).
 */
export function expectedFeaturesOn(
  launches: Launches,
  day: number,
  curvesOn: (day: number) => LaunchCurves | undefined = (day) => learnLaunchCurves(launches, day),
): Float32Array {
  const { timeline, catalog, withoutInteractions } = launches;
  const all = timeline.featuresOn(day);
  const curves = withoutInteractions.length === 0 ? undefined : curvesOn(day);
  if (curves === undefined) return all;
  const { features, createdOn } = catalog;
  const shareOfUndated = launchShare(countUndated(launches, day));
  for (const item of withoutInteractions) {
    const created = createdOn[item]!;
    const offset = item * popularityFeatureCount;
    const isUndated = Number.isNaN(created);
    const age = isUndated ? 0 : day - created;
    writeExpectedFeatures(all, offset, curves, { features, item, age, share: isUndated ? shareOfUndated : undefined });
  }
  return all;
}

/** The number of items without a day of creation. */
export interface UndatedItems {
  /** With the first interaction in the last {@link launchWindowDays}. */
  readonly launched: number;
  /** Without an interaction. */
  readonly waiting: number;
}

/** Returns the share of the waiting items that is expected to be launched: the number of launched items by that of waiting ones, at most 1. */
export function launchShare({ launched, waiting }: UndatedItems): number {
  return Math.min(1, launched / Math.max(1, waiting));
}

function countUndated({ catalog: { createdOn }, byAge, undatedCount }: Launches, day: number): UndatedItems {
  const { items, launchDays } = byAge[0]!;
  let launched = 0;
  for (let launch = 0; launch < items.length; launch++) {
    const first = launchDays[launch]!;
    if (first < day && first >= day - launchWindowDays && Number.isNaN(createdOn[items[launch]!])) launched++;
  }
  return { launched, waiting: undatedCount };
}
