import { coldItemFeatures, popularityFeatureCount, popularityFeatureNames } from './popularity-timeline.ts';
import type { PopularityTimeline } from './popularity-timeline.ts';
import type { EncodedFeature } from './vocabulary.ts';

/** What to expect of items without interactions, learned from the first weeks of earlier items. Plain arrays, which a bundle stores. */
export interface LaunchCurves {
  /** [ages, popularity features] of an item {@link horizonDays} after it had no interaction at the age `launchAges[row]`. */
  readonly byAge: Float32Array;
  /** By side feature, [values + 1]: how much a value moves the logarithms of the counts. */
  readonly byValue: Readonly<Record<string, Float32Array>>;
}

/** Items by their kinds and ages. */
export interface LaunchedItems {
  /** Side features, rows [N + 1, slots]. */
  readonly features: readonly EncodedFeature[];
  /** [N + 1] the day of each item's creation; NaN if unknown: then an item is as old as its first interaction. */
  readonly createdOn: Float64Array;
}

/** The ages in days for which curves are learned: from each age up to the next one. */
export const launchAges = [0, 7, 30, 90, 365] as const;

/** The expected popularity is that of an item this many days later. */
const horizonDays = 28;
/** As many launches are expected as in this many days before. Chosen on the validation window of online-retail-2 among 28, 56 and 70. */
const launchWindowDays = 56;
/** Items that appear in the first days of the data may be older: up to 90 days, at most a quarter of the data. */
const unsureDays = 90;
const unsureShare = 1 / 4;
/** The popularity of launches changes: curves are learned from the newer half of the data, and from at most this many days. */
const curveDays = 365;
/** A curve needs this many launches. */
const launchesMin = 20;
/** The mean of a value with this many launches counts half. */
const shrinkage = 10;

const countColumns = ['chosen7Days', 'chosen30Days', 'chosen90Days', 'chosenEver'].map((name) =>
  popularityFeatureNames.indexOf(name as (typeof popularityFeatureNames)[number]),
);
const everColumn = popularityFeatureNames.indexOf('chosenEver');
const idleColumn = popularityFeatureNames.indexOf('idle');

/**
 * Learns launch curves from the interactions before `day`; undefined with fewer than 20 launches. A launch is an item that appeared
 * after the first weeks of the data and {@link horizonDays} ago or earlier.
 */
export function learnLaunchCurves(
  timeline: PopularityTimeline,
  { features, createdOn }: LaunchedItems,
  day: number,
): LaunchCurves | undefined {
  const firstDays = Array.from(createdOn, (_, item) => timeline.firstDayOf(item));
  const start = firstDays.reduce<number>((least, first) => Math.min(least, first ?? day), day);
  const sureFrom = start + Math.min(unsureDays, (day - start) * unsureShare);
  const curveFrom = Math.max((start + day) / 2, day - curveDays);
  const row = new Float32Array(popularityFeatureCount);
  const byAge = new Float32Array(launchAges.length * popularityFeatureCount);
  const launches: { item: number; logCount: number }[] = [];
  let curve: Float32Array | undefined;
  launchAges.forEach((age, place) => {
    const sums = new Float64Array(popularityFeatureCount);
    let count = 0;
    for (let item = 1; item < createdOn.length; item++) {
      const first = firstDays[item];
      const created = createdOn[item]!;
      const seen = Math.min(
        first ?? Number.POSITIVE_INFINITY,
        Number.isNaN(created) ? Number.POSITIVE_INFINITY : created,
      );
      const now = seen + age + horizonDays;
      if (!(seen >= sureFrom && now <= day) || (first !== undefined && first < seen + age)) continue;
      timeline.writeFeatures(row, 0, 0, item, [now]);
      if (first === undefined || first >= now) row[idleColumn] = Math.log1p(age + horizonDays);
      if (place === 0) launches.push({ item, logCount: row[everColumn]! });
      if (seen < curveFrom) continue;
      row.forEach((value, column) => (sums[column]! += countColumns.includes(column) ? Math.expm1(value) : value));
      count++;
    }
    if (count >= launchesMin) {
      curve = Float32Array.from(sums, (sum, column) =>
        countColumns.includes(column) ? Math.log1p(sum / count) : sum / count,
      );
    }
    if (curve !== undefined) byAge.set(curve, place * popularityFeatureCount);
  });
  if (curve === undefined) return undefined;
  return { byAge, byValue: valueEffects(launches, features) };
}

/** Returns the mean deviation of each value's launches from all launches, shrunk by their number. */
function valueEffects(
  launches: readonly { readonly item: number; readonly logCount: number }[],
  features: readonly EncodedFeature[],
): LaunchCurves['byValue'] {
  const mean = launches.reduce((sum, { logCount }) => sum + logCount, 0) / launches.length;
  return Object.fromEntries(
    features.map(({ schema, rows }) => {
      const sums = new Float64Array(schema.values.length + 1);
      const counts = new Float64Array(schema.values.length + 1);
      for (const { item, logCount } of launches) {
        for (const value of rows.subarray(item * schema.slots, (item + 1) * schema.slots)) {
          if (value === 0) continue;
          sums[value]! += logCount - mean;
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
 */
export function writeExpectedFeatures(
  target: Float32Array,
  offset: number,
  curves: LaunchCurves | undefined,
  {
    features,
    item,
    age,
  }: { readonly features: readonly EncodedFeature[]; readonly item: number; readonly age: number },
): void {
  if (curves === undefined) {
    target.set(coldItemFeatures, offset);
    return;
  }
  const width = popularityFeatureCount;
  const place = launchAges.findLastIndex((from) => from <= Math.max(0, age));
  target.set(curves.byAge.subarray(place * width, (place + 1) * width), offset);
  const effect = effectOf(curves, features, item);
  for (const column of countColumns) target[offset + column] = Math.max(0, target[offset + column]! + effect);
}

/** Returns the mean over the features of the mean effect of their values. */
function effectOf({ byValue }: LaunchCurves, features: readonly EncodedFeature[], item: number): number {
  const effects = features.flatMap(({ schema: { name, slots }, rows }) => {
    const values = rows.subarray(item * slots, (item + 1) * slots).filter((value) => value > 0);
    const table = byValue[name];
    return table === undefined || values.length === 0
      ? []
      : [values.reduce((sum, value) => sum + table[value]!, 0) / values.length];
  });
  return effects.length === 0 ? 0 : effects.reduce((sum, effect) => sum + effect, 0) / effects.length;
}

/**
 * Returns the popularity features of all items on a day, [N + 1, features], in which items without any interaction have the expected
 * ones. An item whose first interaction is later than the day keeps the features of an unknown item.
 *
 * A catalog also lists items that no user will ever choose. Therefore the expected counts of items without a day of creation are
 * multiplied by the share of these items that is expected to be launched (`launchShare`).
 */
export function expectedFeaturesOn(
  timeline: PopularityTimeline,
  items: LaunchedItems,
  day: number,
  curves: LaunchCurves | undefined = learnLaunchCurves(timeline, items, day),
): Float32Array {
  const all = timeline.featuresOn(day).slice();
  if (curves === undefined) return all;
  const share = launchShare(timeline, items, day);
  for (let item = 1; item < items.createdOn.length; item++) {
    if (timeline.firstDayOf(item) !== undefined) continue;
    const created = items.createdOn[item]!;
    const offset = item * popularityFeatureCount;
    const age = Number.isNaN(created) ? 0 : day - created;
    writeExpectedFeatures(all, offset, curves, { features: items.features, item, age });
    if (!Number.isNaN(created)) continue;
    for (const column of countColumns) all[offset + column] = Math.log1p(Math.expm1(all[offset + column]!) * share);
  }
  return all;
}

/**
 * Returns, among the items without a day of creation, the number launched in the last {@link launchWindowDays} divided by the number
 * without an interaction, at most 1.
 */
function launchShare(timeline: PopularityTimeline, { createdOn }: LaunchedItems, day: number): number {
  let launched = 0;
  let waiting = 0;
  for (let item = 1; item < createdOn.length; item++) {
    if (!Number.isNaN(createdOn[item]!)) continue;
    const first = timeline.firstDayOf(item);
    if (first === undefined) waiting++;
    else if (first < day && first >= day - launchWindowDays) launched++;
  }
  return Math.min(1, launched / Math.max(1, waiting));
}
