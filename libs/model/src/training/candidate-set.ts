import type { PopularityTimeline } from '@facet/features';
import { createLogUniformSampler } from '../loss/negatives.ts';
import type { NegativeSampler } from '../loss/negatives.ts';
import { positionsOf } from './example-rows.ts';
import type { TrainingData } from './example-rows.ts';

/** The items that labels can compete with. */
export interface CandidateSet {
  /** The items of the full softmax. */
  readonly items: Int32Array;
  /** [N + 1] the position of each item among them, −1 for none. */
  readonly positions: Int32Array;
  readonly sampler: NegativeSampler;
  readonly timeline: PopularityTimeline;
}

export function createCandidateSet({ candidates, timeline }: TrainingData, itemCount: number): CandidateSet {
  return {
    items: candidates,
    positions: positionsOf(candidates, itemCount),
    sampler: createLogUniformSampler(candidates),
    timeline,
  };
}

/** The columns of a batch's scores: the distinct items that its labels compete with. */
export interface Columns {
  /** [C] */
  readonly items: Int32Array;
  /** Returns the column of an item, −1 for none. */
  of(item: number): number;
  /** Sampled softmax only: [C] ln Q, with Q the expected count of an item in the draw divided by its actual count. */
  readonly logExpected: Float32Array | undefined;
}

/**
 * @param drawn Negatives with replacement; undefined for the full softmax. An item that is drawn m times becomes one column with
 *   m times the weight, m exp(s − ln Q) = exp(s − ln (Q / m)): the same loss with less computation.
 */
export function columnsOf({ items: all, positions, sampler }: CandidateSet, drawn: Int32Array | undefined): Columns {
  if (drawn === undefined) return { items: all, of: (item) => positions[item]!, logExpected: undefined };
  const columns = new Map<number, number>();
  const counts: number[] = [];
  for (const item of drawn) {
    const column = columns.get(item) ?? columns.size;
    columns.set(item, column);
    counts[column] = (counts[column] ?? 0) + 1;
  }
  const items = Int32Array.from(columns.keys());
  return {
    items,
    of: (item) => columns.get(item) ?? -1,
    logExpected: Float32Array.from(
      items,
      (item, column) => sampler.logExpectedCount(item, drawn.length) - Math.log(counts[column]!),
    ),
  };
}
