import { behaviorRowLength, createBehaviorRows, epochShares, writeBehaviorSequence } from '@facet/features';
import type { EncodedFeature, Examples, PopularityTimeline, Random, UserSequences } from '@facet/features';
import type { UserRows } from '../batch.ts';
import type { ModelSpec } from '../config.ts';
import { activeInterestCount } from '../inference/interests.ts';

/** The data that batches are cut from. */
export interface TrainingData {
  readonly sequences: Omit<UserSequences, 'userIds'>;
  /** For each user feature, rows [U, 1] of all users. */
  readonly userFeatures: readonly EncodedFeature[];
  readonly timeline: PopularityTimeline;
  /** Items that may be drawn or ranked, ascending: those with an interaction before the cut. */
  readonly candidates: Int32Array;
}

/** B examples with P labels, before their candidates are known. */
export interface ExampleRows extends UserRows {
  readonly size: number;
  /** [P] the example of each label, its item and its weight. The weights of an example sum to 1/B. */
  readonly labelRows: Int32Array;
  readonly labels: Int32Array;
  readonly labelWeights: Float32Array;
  /** [B] interactions in the behavior sequence. */
  readonly behaviorCounts: Int32Array;
  /** [B] the day of the example, counted from the epoch. */
  readonly days: Int32Array;
}

/** Most labels of one example. A random sample of more labels keeps the size of a step bounded. */
export const maxLabels = 100;

/** Returns the `examples` at the positions `chosen`. */
export type ExampleReader = (examples: Examples, chosen: Int32Array, random: Random) => ExampleRows;

export function createExampleReader(spec: ModelSpec, data: TrainingData): ExampleReader {
  const { config } = spec;
  const { interests: K, sequenceLength: L } = config;
  const labelItems = createLabelReader(spec, data);
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
      userFeatures: data.userFeatures.map(({ rows }) =>
        Int32Array.from(chosen, (example) => rows[examples.user[example]!]!),
      ),
      userRows:
        config.extractor.kind === 'user-vectors'
          ? Int32Array.from(chosen, (example) => examples.user[example]!)
          : undefined,
      ...labelsOf(labelItems, examples, chosen, behaviorCounts, random),
      behaviorCounts,
      days: Int32Array.from(chosen, (example) => data.timeline.dayOf(examples.time[example]!)),
    };
  };
}

/** Returns the position of each item among the candidates [N + 1], −1 for none. */
export function positionsOf(candidates: Int32Array, itemCount: number): Int32Array {
  const positions = new Int32Array(itemCount + 1).fill(-1);
  candidates.forEach((item, position) => {
    positions[item] = position;
  });
  return positions;
}

/** Returns the distinct items that are labels of an example, before the limit of {@link maxLabels}. */
type LabelReader = (examples: Examples, example: number) => number[];

function createLabelReader(spec: ModelSpec, data: TrainingData): LabelReader {
  const candidatePosition = positionsOf(data.candidates, spec.itemCount);
  return (examples, example) =>
    distinctItems(data.sequences.items, examples.end[example]!, examples.labelEnd[example]!).filter(
      (item) =>
        candidatePosition[item]! >= 0 &&
        (!spec.config.popularityPrior || data.timeline.isKnown(item, data.timeline.dayOf(examples.time[example]!))),
    );
}

/** Returns the expected count of each item among the labels of one example of an epoch [N + 1]. @param perUser As in `drawEpoch`. */
export function labelFrequencies(
  spec: ModelSpec,
  data: TrainingData,
  examples: Examples,
  perUser: number,
): Float64Array {
  const labelItems = createLabelReader(spec, data);
  const shares = epochShares(examples, perUser);
  const total = shares.reduce((sum, share) => sum + share, 0);
  const frequencies = new Float64Array(spec.itemCount + 1);
  shares.forEach((share, example) => {
    const labels = labelItems(examples, example);
    const frequency = (share / total) * Math.min(1, maxLabels / labels.length);
    for (const item of labels) frequencies[item]! += frequency;
  });
  return frequencies;
}

function labelsOf(
  labelItems: LabelReader,
  examples: Examples,
  chosen: Int32Array,
  behaviorCounts: Int32Array,
  random: Random,
): Pick<ExampleRows, 'labelRows' | 'labels' | 'labelWeights'> {
  const rows: number[] = [];
  const labels: number[] = [];
  const weights: number[] = [];
  chosen.forEach((example, row) => {
    if (behaviorCounts[row] === 0) return;
    const distinct = labelItems(examples, example);
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
