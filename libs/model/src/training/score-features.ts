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
  const cellOf = (row: number, item: number): number => {
    const column = columns.columnOf(item);
    return column < 0 ? -1 : row * columns.items.length + column;
  };
  const labelCells = new Set(Array.from(examples.labels, (item, label) => cellOf(examples.labelRows[label]!, item)));
  const features = new Float32Array(items.length * repeatFeatureCount);
  const cells = new Int32Array(items.length).fill(-1);
  const notLabel = new Float32Array(items.length);
  const given = new Set<number>();
  // From the newest slot to the oldest, so that an item with two behaviors gets the bonus of the newest one.
  for (let slot = items.length - 1; slot >= 0; slot--) {
    const cell = items[slot] === 0 ? -1 : cellOf(Math.floor(slot / length), items[slot]!);
    if (cell < 0 || given.has(cell)) continue;
    given.add(cell);
    cells[slot] = cell;
    notLabel[slot] = labelCells.has(cell) ? 0 : 1;
    writeSlot(examples, slot, features, slot * repeatFeatureCount);
  }
  const M = namedSize('M', cells.length);
  return {
    features: { shape: [M, repeatFeatureCount], data: features },
    cells: { shape: [M], data: cells },
    notLabel: { shape: [M], data: notLabel },
    share: { shape: [1], data: Float32Array.of(shareOfRepeats(examples)) },
    labels: columns.logExpected === undefined ? undefined : labelRepeats(examples),
  };
}

/** Returns the share of the labels that are repeats, by weight. */
function shareOfRepeats(examples: ExampleRows): number {
  let [repeats, all] = [0, 0];
  examples.labelWeights.forEach((weight, label) => {
    all += weight;
    if (slotOfLabel(examples, label) >= 0) repeats += weight;
  });
  return all === 0 ? 0 : repeats / all;
}

/** Returns the features [P, features] of each label that is a repeat, zeros for other labels. */
function labelRepeats(examples: ExampleRows) {
  const { labels } = examples;
  const features = new Float32Array(labels.length * repeatFeatureCount);
  for (let label = 0; label < labels.length; label++) {
    const slot = slotOfLabel(examples, label);
    if (slot >= 0) writeSlot(examples, slot, features, label * repeatFeatureCount);
  }
  return { shape: [namedSize('P', labels.length), repeatFeatureCount], data: features };
}

/** Returns the slot of the newest behavior with the item of a label, −1 if the label is new. */
function slotOfLabel({ labels, labelRows, behaviors }: ExampleRows, label: number): number {
  const start = labelRows[label]! * behaviors.length;
  const slot = behaviors.items.subarray(start, start + behaviors.length).lastIndexOf(labels[label]!);
  return slot < 0 ? -1 : start + slot;
}

function writeSlot({ behaviors, behaviorCounts }: ExampleRows, slot: number, target: Float32Array, at: number): void {
  const row = Math.floor(slot / behaviors.length);
  repeatFeatures(target, at, behaviors.ages[slot]!, behaviors.counts[slot]!, behaviorCounts[row]!);
}
