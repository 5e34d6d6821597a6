import { popularityFeatureCount } from '@facet/features';
import type { PopularityTimeline } from '@facet/features';
import { namedSize } from '../batch.ts';
import type { BatchArrays } from '../batch.ts';
import { repeatFeatureCount, repeatFeatures } from '../weights.ts';
import type { ScoreColumns } from './candidate-set.ts';
import type { ExampleRows } from './example-rows.ts';

/** Returns the features of the popularity prior. */
export function popularityFeatures(
  examples: ExampleRows,
  columns: ScoreColumns,
  timeline: PopularityTimeline,
): BatchArrays['popularity'] {
  const days = [...new Set(examples.days)].sort((a, b) => a - b);
  const width = popularityFeatureCount;
  const { items, logExpected } = columns;
  const ofDay = items.length * width;
  const features = new Float32Array(days.length * ofDay);
  if (logExpected === undefined) {
    const runs = consecutiveRuns(items);
    days.forEach((day, place) => {
      const all = timeline.featuresOn(day);
      for (const { start, end } of runs) {
        const ofItems = all.subarray(items[start]! * width, (items[end - 1]! + 1) * width);
        features.set(ofItems, place * ofDay + start * width);
      }
    });
  } else {
    items.forEach((item, column) => timeline.writeFeatures(features, column * width, ofDay, item, days));
  }
  const position = new Map(days.map((day, index) => [day, index]));
  return {
    features: { shape: [namedSize('T', days.length), namedSize('C', items.length), width], data: features },
    dayOf: {
      shape: [namedSize('B', examples.size)],
      data: Int32Array.from(examples.days, (day) => position.get(day)!),
    },
    labels: logExpected === undefined ? undefined : labelPopularity(examples, timeline),
  };
}

/** Returns the ranges [start, end) of `items` in which each item is the previous item plus 1. */
function consecutiveRuns(items: Int32Array): { start: number; end: number }[] {
  const runs: { start: number; end: number }[] = [];
  items.forEach((item, place) => {
    if (place > 0 && item === items[place - 1]! + 1) runs.at(-1)!.end = place + 1;
    else runs.push({ start: place, end: place + 1 });
  });
  return runs;
}

/** Returns the features [P, features] of each label on the day of its example. */
function labelPopularity({ labels, labelRows, days }: ExampleRows, timeline: PopularityTimeline) {
  const width = popularityFeatureCount;
  const features = new Float32Array(labels.length * width);
  labels.forEach((item, label) => {
    const row = labelRows[label]!;
    timeline.writeFeatures(features, label * width, 0, item, days.subarray(row, row + 1));
  });
  return { shape: [namedSize('P', labels.length), width], data: features };
}

/** Returns the features of the repeat bonus, and their cells b · C + column in [B, C], −1 for behaviors that are no candidate. */
export function repeatBonusFeatures(examples: ExampleRows, columns: ScoreColumns): BatchArrays['repeats'] {
  const { items, length } = examples.behaviors;
  const features = new Float32Array(items.length * repeatFeatureCount);
  const cells = new Int32Array(items.length).fill(-1);
  const given = new Set<number>();
  // From the newest slot to the oldest, so that an item with two behaviors gets the bonus of the newest one.
  for (let slot = items.length - 1; slot >= 0; slot--) {
    const row = Math.floor(slot / length);
    const column = items[slot] === 0 ? -1 : columns.columnOf(items[slot]!);
    const cell = row * columns.items.length + column;
    if (column < 0 || given.has(cell)) continue;
    given.add(cell);
    cells[slot] = cell;
    writeSlot(examples, slot, features, slot * repeatFeatureCount);
  }
  const labelSlots = slotsOfLabels(examples);
  const notLabel = new Float32Array(items.length).fill(1);
  for (const slot of labelSlots) if (slot >= 0) notLabel[slot] = 0;
  const M = namedSize('M', cells.length);
  return {
    features: { shape: [M, repeatFeatureCount], data: features },
    cells: { shape: [M], data: cells },
    notLabel: { shape: [M], data: notLabel },
    share: { shape: [1], data: Float32Array.of(shareOfRepeats(examples, labelSlots)) },
    labels: columns.logExpected === undefined ? undefined : labelRepeats(examples, labelSlots),
  };
}

/** Returns for each label the slot of the newest behavior with its item, −1 if the label is new. */
function slotsOfLabels({ labels, labelRows, behaviors: { items, length } }: ExampleRows): Int32Array {
  return Int32Array.from(labels, (item, label) => {
    const start = labelRows[label]! * length;
    const slot = items.subarray(start, start + length).lastIndexOf(item);
    return slot < 0 ? -1 : start + slot;
  });
}

/** Returns the share of the labels that are repeats, by weight. */
function shareOfRepeats({ labelWeights }: ExampleRows, labelSlots: Int32Array): number {
  let [repeats, all] = [0, 0];
  labelWeights.forEach((weight, label) => {
    all += weight;
    if (labelSlots[label]! >= 0) repeats += weight;
  });
  return all === 0 ? 0 : repeats / all;
}

/** Returns the features [P, features] of each label that is a repeat, zeros for other labels. */
function labelRepeats(examples: ExampleRows, labelSlots: Int32Array) {
  const features = new Float32Array(labelSlots.length * repeatFeatureCount);
  labelSlots.forEach((slot, label) => {
    if (slot >= 0) writeSlot(examples, slot, features, label * repeatFeatureCount);
  });
  return { shape: [namedSize('P', labelSlots.length), repeatFeatureCount], data: features };
}

function writeSlot({ behaviors, behaviorCounts }: ExampleRows, slot: number, target: Float32Array, at: number): void {
  const row = Math.floor(slot / behaviors.length);
  repeatFeatures(target, at, behaviors.ages[slot]!, behaviors.counts[slot]!, behaviorCounts[row]!);
}
