import { cacheDays } from '@facet/features';
import type { PopularityTimeline, Random } from '@facet/features';
import { createLogUniformSampler } from '../loss/negatives.ts';
import type { NegativeSampler } from '../loss/negatives.ts';
import { positionsOf } from './example-rows.ts';
import type { ExampleRows, TrainingData } from './example-rows.ts';

/** The items that labels can compete with. */
export interface CandidateSet {
  /** The items of the full softmax. */
  readonly items: Int32Array;
  /** [N + 1] the position of each item among them, −1 for none. */
  readonly positions: Int32Array;
  readonly sampler: NegativeSampler;
  /** Caches the features of days. */
  readonly timeline: PopularityTimeline;
}

/** Batches of the full softmax read the features of all items on up to a few hundred days. */
const cachedFeatures = { bytesMax: 2 ** 30, bytesOf: (features: Float32Array) => features.byteLength };

export function createCandidateSet({ candidates, timeline }: TrainingData, itemCount: number): CandidateSet {
  return {
    items: candidates,
    positions: positionsOf(candidates, itemCount),
    sampler: createLogUniformSampler(candidates),
    timeline: { ...timeline, featuresOn: cacheDays(timeline.featuresOn, cachedFeatures) },
  };
}

/** The negatives of a batch. */
export interface BatchNegatives {
  /** With repeats. */
  readonly items: Int32Array;
  /** Returns ln Q of an item: the logarithm of its expected count among `items`. */
  logExpectedCount(item: number): number;
}

/**
 * Draws the negatives of a batch.
 *
 * @param frequencies In-batch negatives: [N + 1] the expected count of each item among the labels of one example.
 */
export function drawNegatives(
  { sampler }: CandidateSet,
  drawn: number,
  random: Random,
  inBatch?: { readonly rows: Pick<ExampleRows, 'size' | 'labels'>; readonly frequencies: Float64Array },
): BatchNegatives {
  const items = sampler.draw(drawn, random);
  if (inBatch === undefined) {
    return { items, logExpectedCount: (item) => Math.log(sampler.expectedCount(item, drawn)) };
  }
  const { rows, frequencies } = inBatch;
  // An example masks its own labels, so only those of the other examples are its negatives.
  const others = Math.max(1, rows.size - 1);
  return {
    items: Int32Array.from([...items, ...rows.labels]),
    logExpectedCount: (item) => Math.log(sampler.expectedCount(item, drawn) + others * frequencies[item]!),
  };
}

/** The columns of a batch's scores: the distinct items that its labels compete with. */
export interface ScoreColumns {
  /** [C] */
  readonly items: Int32Array;
  /** Returns the column of an item, −1 for none. */
  columnOf(item: number): number;
  /** Sampled softmax only: [C] ln Q, with Q the expected count of an item among the negatives divided by its actual count. */
  readonly logExpected: Float32Array | undefined;
}

/**
 * @param negatives Undefined for the full softmax. An item that occurs m times becomes one column with m times the weight,
 *   m exp(s − ln Q) = exp(s − ln (Q / m)): the same loss with less computation.
 */
export function createScoreColumns(
  { items: all, positions }: CandidateSet,
  negatives: BatchNegatives | undefined,
): ScoreColumns {
  if (negatives === undefined) return { items: all, columnOf: (item) => positions[item]!, logExpected: undefined };
  const columns = new Map<number, number>();
  const counts: number[] = [];
  for (const item of negatives.items) {
    const column = columns.get(item) ?? columns.size;
    columns.set(item, column);
    counts[column] = (counts[column] ?? 0) + 1;
  }
  const items = Int32Array.from(columns.keys());
  return {
    items,
    columnOf: (item) => columns.get(item) ?? -1,
    logExpected: Float32Array.from(
      items,
      (item, column) => negatives.logExpectedCount(item) - Math.log(counts[column]!),
    ),
  };
}
