import { buildPopularityTimeline, createBehaviorRows, writeBehaviorSequence } from '@facet/features';
import type { ScoredUser, Scorer } from '@facet/evaluation';
import { bestInterest, createUserKernel, embedItems, indexDim, indexVectors } from '@facet/model';
import type { Interests, ModelSpec, Weights } from '@facet/model';
import type { Dataset } from '../dataset/dataset.ts';

/** A held-out user: its history is positions start .. end − 1 of the dataset's sequences. */
export interface SequenceUser extends ScoredUser {
  readonly userIndex: number;
  readonly start: number;
  readonly end: number;
}

/** A model as the evaluation asks it: exactly what serving computes, over the full catalogue instead of an index. */
export interface ModelScorer {
  readonly score: Scorer<SequenceUser>;
  readonly interests: (user: SequenceUser) => Interests;
  /** [N + 1, dim] what an index of this moment would hold. */
  readonly vectors: Float32Array;
  readonly dim: number;
  /** D, the coordinates before the popularity prior's. */
  readonly embeddingDim: number;
}

/**
 * @param asOf epoch milliseconds: the moment of asking; popularity and ages are of then
 * @param candidates [N + 1] 1 for an item that may be ranked
 */
export function createModelScorer(
  dataset: Dataset,
  spec: ModelSpec,
  weights: Weights,
  options: { readonly asOf: number; readonly candidates: Uint8Array },
): ModelScorer {
  const { asOf, candidates } = options;
  const { sequences } = dataset;
  const itemCount = spec.itemCount;
  const embeddings = embedItems(spec, weights, {
    itemCount,
    trainedCount: dataset.info.trainedCount,
    features: dataset.itemFeatures,
  });
  const timeline = buildPopularityTimeline(sequences, itemCount, asOf);
  const vectors = indexVectors(spec, weights, embeddings, timeline.featuresOn(timeline.dayOf(asOf)));
  const kernel = createUserKernel(spec, weights, embeddings);
  const dim = indexDim(spec);

  const read = (user: SequenceUser): { rows: ReturnType<typeof createBehaviorRows>; interests: Interests } => {
    const rows = createBehaviorRows(1, spec.config.sequenceLength);
    const window = { ...sequences, start: user.start, end: user.end };
    writeBehaviorSequence(rows, 0, window, { now: asOf, distinct: spec.config.distinctBehaviors });
    return {
      rows,
      interests: kernel.interests(
        rows,
        dataset.profiles.map(({ rows: table }) => table[user.userIndex]!),
      ),
    };
  };

  return {
    vectors,
    dim,
    embeddingDim: spec.config.embeddingDim,
    interests: (user) => read(user).interests,
    score(user) {
      const { rows, interests } = read(user);
      const scores = new Float32Array(itemCount + 1).fill(Number.NEGATIVE_INFINITY);
      for (let item = 1; item <= itemCount; item++) {
        if (candidates[item] === 1) scores[item] = bestInterest(interests, vectors, item, dim).score;
      }
      const bonuses = kernel.repeatBonuses(rows);
      const given = new Set<number>();
      for (let slot = rows.length - 1; slot >= 0; slot--) {
        const item = rows.items[slot]!;
        if (item === 0 || given.has(item)) continue;
        given.add(item);
        scores[item]! += bonuses[slot]!;
      }
      return scores;
    },
  };
}
