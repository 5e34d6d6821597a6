import { popularityFeatureCount } from '@facet/features';
import type { PopularityTimeline } from '@facet/features';
import { repeatFeatureCount, repeatFeatures } from '../weights.ts';
import type { TrainingBatch } from './batch.ts';
import type { Columns } from './competition.ts';

/** What the popularity prior is computed of. */
interface PopularityArrays {
  readonly days: number;
  /** [days, C, features] of the columns on each day that occurs, and [B] the day of each example. */
  readonly features: Float32Array;
  readonly dayOf: Int32Array;
}

export function popularityOf(batch: TrainingBatch, columns: Columns, timeline: PopularityTimeline): PopularityArrays {
  const days = [...new Set(batch.days)].sort((a, b) => a - b);
  const width = popularityFeatureCount;
  const { items, logExpected } = columns;
  const ofDay = items.length * width;
  const features = new Float32Array(days.length * ofDay);
  if (logExpected === undefined) {
    let offset = 0;
    for (const day of days) {
      const all = timeline.featuresOn(day);
      for (const item of items) {
        for (let feature = 0; feature < width; feature++) features[offset++] = all[item * width + feature]!;
      }
    }
  } else {
    items.forEach((item, column) => timeline.writeFeatures(features, column * width, ofDay, item, days));
  }
  const position = new Map(days.map((day, index) => [day, index]));
  return { days: days.length, features, dayOf: Int32Array.from(batch.days, (day) => position.get(day)!) };
}

/** [P, features] of each label on the day of its example. */
export function labelPopularityOf(
  { labels, labelRows, days }: TrainingBatch,
  timeline: PopularityTimeline,
): Float32Array {
  const width = popularityFeatureCount;
  const features = new Float32Array(labels.length * width);
  labels.forEach((item, label) => {
    const row = labelRows[label]!;
    timeline.writeFeatures(features, label * width, 0, item, days.subarray(row, row + 1));
  });
  return features;
}

/** What the bonus for repeats is computed of. */
interface RepeatArrays {
  /** [B · L, features] of each slot, and its cell b · C + column in [B, C]; −1 where nothing competes. */
  readonly features: Float32Array;
  readonly cells: Int32Array;
}

export function repeatsOf(batch: TrainingBatch, columns: Columns): RepeatArrays {
  const { items, length } = batch.behaviors;
  const features = new Float32Array(items.length * repeatFeatureCount);
  const cells = new Int32Array(items.length).fill(-1);
  const given = new Set<number>();
  // From the newest slot back, so that an item that stands twice gets its newest behavior's bonus, once.
  for (let slot = items.length - 1; slot >= 0; slot--) {
    const row = Math.floor(slot / length);
    const column = items[slot] === 0 ? -1 : columns.of(items[slot]!);
    const cell = row * columns.items.length + column;
    if (column < 0 || given.has(cell)) continue;
    given.add(cell);
    cells[slot] = cell;
    writeSlot(batch, slot, features, slot * repeatFeatureCount);
  }
  return { features, cells };
}

/** [P, features] of each label that is a repeat; zeros for the others. */
export function labelRepeatsOf(batch: TrainingBatch): Float32Array {
  const { labels, labelRows, behaviors } = batch;
  const features = new Float32Array(labels.length * repeatFeatureCount);
  labels.forEach((item, label) => {
    const row = labelRows[label]!;
    const start = row * behaviors.length;
    const slot = behaviors.items.subarray(start, start + behaviors.length).lastIndexOf(item);
    if (slot >= 0) writeSlot(batch, start + slot, features, label * repeatFeatureCount);
  });
  return features;
}

function writeSlot({ behaviors, behaviorCounts }: TrainingBatch, slot: number, target: Float32Array, at: number): void {
  const row = Math.floor(slot / behaviors.length);
  repeatFeatures(target, at, behaviors.ages[slot]!, behaviors.counts[slot]!, behaviorCounts[row]!);
}
