import type { PopularityTimeline } from '@facet/features';
import { createLogUniformSampler } from '../loss/negative-sampler.ts';
import type { NegativeSampler } from '../loss/negative-sampler.ts';
import { positionsOf } from './batch.ts';
import type { TrainingData } from './batch.ts';

/** What labels can compete with. */
export interface Competition {
  /** Item indexes of the full softmax. */
  readonly candidates: Int32Array;
  /** [N + 1] the place of each item among them, −1 for none. */
  readonly candidatePosition: Int32Array;
  readonly sampler: NegativeSampler;
  readonly timeline: PopularityTimeline;
}

export function competitionOf({ candidates, timeline }: TrainingData, itemCount: number): Competition {
  return {
    candidates,
    candidatePosition: positionsOf(candidates, itemCount),
    sampler: createLogUniformSampler(candidates),
    timeline,
  };
}

/** The columns of a batch's scores: the items that its labels compete with, each once. */
export interface Columns {
  /** [C] */
  readonly items: Int32Array;
  /** The column of an item, −1 for none. */
  of(item: number): number;
  /** Of negatives: [C] ln Q, with Q the expected count of an item in the draw over how often it was drawn. */
  readonly logExpected: Float32Array | undefined;
}

/**
 * @param drawn negatives with replacement; undefined for the full softmax. One that was drawn m times is a single column that
 *   weighs m times as much, m exp(s − ln Q) = exp(s − ln (Q / m)): the same loss with less to compute.
 */
export function columnsOf(
  { candidates, candidatePosition, sampler }: Competition,
  drawn: Int32Array | undefined,
): Columns {
  if (drawn === undefined) {
    return { items: candidates, of: (item) => candidatePosition[item]!, logExpected: undefined };
  }
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
