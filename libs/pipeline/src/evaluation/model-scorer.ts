import type { Bundle } from '@facet/bundles';
import { embedBySideFeatures } from '@facet/bundles';
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

export interface ScorerOptions {
  /** Epoch milliseconds: the moment of asking; popularity and ages are of then. */
  readonly asOf: number;
  /** [N + 1] 1 for an item that may be ranked. */
  readonly candidates: Uint8Array;
}

/** A model asked about the dataset that it was trained on. */
export function createModelScorer(
  dataset: Dataset,
  spec: ModelSpec,
  weights: Weights,
  options: ScorerOptions,
): ModelScorer {
  const embeddings = embedItems(spec, weights, {
    itemCount: spec.itemCount,
    trainedCount: dataset.info.trainedCount,
    features: dataset.itemFeatures,
  });
  const profileOf = (user: number): number[] => dataset.profiles.map(({ rows }) => rows[user]!);
  return createScorer(dataset, { spec, weights, embeddings, profileOf }, options);
}

/**
 * A bundle asked about any dataset, as a server that has this bundle would be: items that it knows have their own embedding,
 * others that of their side features, and users are described by the attributes that it has learned.
 */
export function createBundleScorer(
  bundle: Pick<Bundle, 'info' | 'tower' | 'itemTables' | 'embeddings' | 'indexOf' | 'encodeProfile'>,
  dataset: Dataset,
  options: ScorerOptions,
): ModelScorer {
  const { spec } = bundle.info;
  const profileOf = (user: number): number[] => bundle.encodeProfile(dataset.userAttributes[user]);
  const embeddings = embeddingsOf(bundle, dataset);
  return createScorer(dataset, { spec, weights: bundle.tower, embeddings, profileOf }, options);
}

/** E [N + 1, D] of the dataset's items. */
function embeddingsOf(bundle: Parameters<typeof createBundleScorer>[0], { items }: Dataset): Float32Array {
  const { embeddingDim: D } = bundle.info.spec.config;
  const embeddings = new Float32Array(items.length * D);
  const unknown: number[] = [];
  for (let item = 1; item < items.length; item++) {
    const known = bundle.indexOf(items[item]!.itemId);
    if (known === undefined) unknown.push(item);
    else embeddings.set(bundle.embeddings.subarray(known * D, (known + 1) * D), item * D);
  }
  const bySide = embedBySideFeatures(
    bundle,
    unknown.map((item) => items[item]!),
  );
  unknown.forEach((item, row) => embeddings.set(bySide.subarray(row * D, (row + 1) * D), item * D));
  return embeddings;
}

interface ScoredParts {
  readonly spec: ModelSpec;
  /** Those that the user kernel and the popularity prior need. */
  readonly weights: Weights;
  /** E [N + 1, D] of the dataset's items. */
  readonly embeddings: Float32Array;
  /** Table rows of a user's attributes, one a user feature. */
  readonly profileOf: (user: number) => number[];
}

function createScorer(
  { sequences, items }: Dataset,
  { spec, weights, embeddings, profileOf }: ScoredParts,
  { asOf, candidates }: ScorerOptions,
): ModelScorer {
  const itemCount = items.length - 1;
  const timeline = buildPopularityTimeline(sequences, itemCount, asOf);
  const vectors = indexVectors(spec, weights, embeddings, timeline.featuresOn(timeline.dayOf(asOf)));
  const kernel = createUserKernel(spec, weights, embeddings);
  const dim = indexDim(spec);

  const read = (user: SequenceUser): { rows: ReturnType<typeof createBehaviorRows>; interests: Interests } => {
    const rows = createBehaviorRows(1, spec.config.sequenceLength);
    const window = { ...sequences, start: user.start, end: user.end };
    writeBehaviorSequence(rows, 0, window, { now: asOf, distinct: spec.config.distinctBehaviors });
    return { rows, interests: kernel.interests(rows, profileOf(user.userIndex)) };
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
