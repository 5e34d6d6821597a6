import { behaviorRowLength, createBehaviorRows, writeBehaviorSequence } from '@facet/features';
import type {
  BehaviorRows,
  EncodedFeature,
  Examples,
  PopularityTimeline,
  Random,
  UserSequences,
} from '@facet/features';
import type { ModelSpec } from '../config.ts';
import { activeInterestCount } from '../kernel/active-interests.ts';

/** Everything that batches are cut from. */
export interface TrainingData {
  readonly sequences: Omit<UserSequences, 'userIds'>;
  /** Profile rows of every user, one entry a user feature; rows [U, 1]. */
  readonly profiles: readonly EncodedFeature[];
  readonly timeline: PopularityTimeline;
  /** Items that may be drawn or ranked, ascending item indexes: those with an interaction before the cut. */
  readonly candidates: Int32Array;
}

/** B users, each at a moment, as plain arrays. */
export interface UserRows {
  /** The newest behaviors of each: L of a batch may be less than that of the model. */
  readonly behaviors: BehaviorRows;
  /** [B, K] 1 for an active interest. */
  readonly active: Float32Array;
  /** One [B] for each user feature. */
  readonly profile: readonly Int32Array[];
  /** [B] rows in the table of user vectors, where the model has one. */
  readonly userRows: Int32Array | undefined;
}

/** One batch as plain arrays; B examples, P labels. What its labels compete with, and tensors, are made of it by the step. */
export interface TrainingBatch extends UserRows {
  readonly size: number;
  /** [P] the example and the item of each label, and its weight; the weights of an example sum to 1/B. */
  readonly labelRows: Int32Array;
  readonly labels: Int32Array;
  readonly labelWeights: Float32Array;
  /** [B] how many interactions each sequence is made of, and the day (since the epoch) that each is asked on. */
  readonly behaviorCounts: Int32Array;
  readonly days: Int32Array;
}

/** Most labels of one example in a batch; more are thinned out evenly, which keeps the step's size bounded. */
const maxLabels = 100;

/** Builds the batch of `examples` at the positions `chosen`. */
export type BatchBuilder = (examples: Examples, chosen: Int32Array, random: Random) => TrainingBatch;

export function createBatchBuilder(spec: ModelSpec, data: TrainingData): BatchBuilder {
  const { config } = spec;
  const { interests: K, sequenceLength: L } = config;
  const candidatePosition = positionsOf(data.candidates, spec.itemCount);
  return (examples, chosen, random) => {
    const size = chosen.length;
    const lengths = chosen.map((example) => examples.end[example]! - examples.start[example]!);
    const behaviors = createBehaviorRows(size, behaviorRowLength(lengths, L));
    const active = new Float32Array(size * K);
    const behaviorCounts = new Int32Array(size);
    const { items, times } = data.sequences;
    chosen.forEach((example, row) => {
      const window = { items, times, start: examples.start[example]!, end: examples.end[example]! };
      const now = examples.time[example]!;
      const n = writeBehaviorSequence(behaviors, row, window, { now, distinct: config.distinctBehaviors });
      behaviorCounts[row] = n;
      active.fill(1, row * K, row * K + activeInterestCount(n, K, config.adaptiveInterests));
    });
    return {
      size,
      behaviors,
      active,
      profile: data.profiles.map(({ rows }) => Int32Array.from(chosen, (example) => rows[examples.user[example]!]!)),
      userRows:
        config.extractor.kind === 'user-vectors'
          ? Int32Array.from(chosen, (example) => examples.user[example]!)
          : undefined,
      ...labelsOf(spec, data, examples, chosen, candidatePosition, behaviorCounts, random),
      behaviorCounts,
      days: Int32Array.from(chosen, (example) => data.timeline.dayOf(examples.time[example]!)),
    };
  };
}

/** [N + 1] position of each item among the candidates, −1 for none. */
export function positionsOf(candidates: Int32Array, itemCount: number): Int32Array {
  const positions = new Int32Array(itemCount + 1).fill(-1);
  candidates.forEach((item, position) => {
    positions[item] = position;
  });
  return positions;
}

function labelsOf(
  spec: ModelSpec,
  data: TrainingData,
  examples: Examples,
  chosen: Int32Array,
  candidatePosition: Int32Array,
  behaviorCounts: Int32Array,
  random: Random,
): { labelRows: Int32Array; labels: Int32Array; labelWeights: Float32Array } {
  const rows: number[] = [];
  const labels: number[] = [];
  const weights: number[] = [];
  chosen.forEach((example, row) => {
    if (behaviorCounts[row] === 0) return;
    const distinct = distinctItems(data.sequences.items, examples.end[example]!, examples.labelEnd[example]!).filter(
      (item) =>
        candidatePosition[item]! >= 0 &&
        (!spec.config.popularityPrior || data.timeline.isKnown(item, data.timeline.dayOf(examples.time[example]!))),
    );
    if (distinct.length > maxLabels) {
      random.shuffle(distinct);
      distinct.length = maxLabels;
    }
    for (const item of distinct) {
      rows.push(row);
      labels.push(item);
      weights.push(1 / (distinct.length * chosen.length));
    }
  });
  return {
    labelRows: Int32Array.from(rows),
    labels: Int32Array.from(labels),
    labelWeights: Float32Array.from(weights),
  };
}

function distinctItems(items: Int32Array, start: number, end: number): number[] {
  return end - start === 1 ? [items[start]!] : [...new Set(items.subarray(start, end))];
}
