import type { Bundle } from '@facet/bundles';
import { embedBySideFeatures } from '@facet/bundles';
import { buildPopularityTimeline, createBehaviorRows, writeBehaviorSequence } from '@facet/features';
import type { BehaviorRows, Cut } from '@facet/features';
import type { BlockScorer, ScoredUser, Scorer, UserInterests } from '@facet/evaluation';
import { createUserKernel, embedItems, indexDim, indexVectors, popularityPrior } from '@facet/model';
import type { ModelSpec, UserKernel, Weights } from '@facet/model';
import type { createCatalogProducts } from '@facet/model/training';
import type { Dataset, ModelData } from '../dataset/dataset.ts';
import { createVectorBlocks, exactScore } from './vector-blocks.ts';
import type { VectorScores } from './vector-blocks.ts';

/** A held-out user: its history is positions start .. end − 1 of the dataset's sequences. */
export interface SequenceUser extends ScoredUser {
  readonly userIndex: number;
  readonly start: number;
  readonly end: number;
  /** Epoch milliseconds: popularity and the ages of behaviors are of then. */
  readonly askedAt: number;
}

/** A model as the evaluation asks it: exactly what serving computes, over the full catalogue instead of an index. */
export interface ModelScorer {
  readonly score: Scorer<SequenceUser>;
  /** Ranks as `score` does. */
  readonly ranker: Scorer<SequenceUser> | BlockScorer<SequenceUser>;
  readonly interests: (user: SequenceUser) => UserInterests;
  /** [N + 1, D] as an index holds them, without the coordinate of the popularity prior. */
  readonly vectors: Float32Array;
  /** D. */
  readonly dim: number;
  /** Frees the products. */
  dispose(): void;
}

export interface ScorerOptions {
  /** What is known of popularity. */
  readonly cut: Cut;
  /** [N + 1] 1 for an item that may be ranked. */
  readonly candidates: Uint8Array;
  /** TensorFlow's products, where it is loaded: the same rankings, sooner. */
  readonly createProducts?: CreateProducts | undefined;
}

export type CreateProducts = typeof createCatalogProducts;

/** A model asked about the dataset that it was trained on. */
export function createModelScorer(
  data: ModelData,
  spec: ModelSpec,
  weights: Weights,
  options: ScorerOptions,
): ModelScorer {
  const embeddings = embedItems(spec, weights, {
    itemCount: spec.itemCount,
    trainedCount: data.vocabulary.trainedCount,
    features: data.itemFeatures,
  });
  const profileOf = (user: number): number[] => data.profiles.map(({ rows }) => rows[user]!);
  return createScorer(data, { spec, weights, embeddings, profileOf, userRowOf: (user) => user }, options);
}

/**
 * A bundle asked about any dataset, as a server that has this bundle would be: items that it knows have their own embedding,
 * others that of their side features, and users are described by the attributes that it has learned.
 */
export function createBundleScorer(
  bundle: Pick<Bundle, 'info' | 'tower' | 'itemTables' | 'embeddings' | 'indexOf' | 'encodeProfile' | 'userRowOf'>,
  dataset: Dataset,
  options: ScorerOptions,
): ModelScorer {
  const { spec } = bundle.info;
  const profileOf = (user: number): number[] => bundle.encodeProfile(dataset.userAttributes[user]);
  const embeddings = embeddingsOf(bundle, dataset);
  const userRowOf = (user: number): number => bundle.userRowOf(dataset.sequences.userIds[user]);
  return createScorer(dataset, { spec, weights: bundle.tower, embeddings, profileOf, userRowOf }, options);
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
  /** Row of a user who has vectors of their own, where the model has such. */
  readonly userRowOf: (user: number) => number;
}

function createScorer(
  { sequences, items }: ModelData,
  { spec, weights, embeddings, profileOf, userRowOf }: ScoredParts,
  { cut, candidates, createProducts }: ScorerOptions,
): ModelScorer {
  const itemCount = items.length - 1;
  const timeline = buildPopularityTimeline(sequences, itemCount, cut);
  const priorOn = keptByDay((day) => popularityPrior(weights, timeline.featuresOn(day)));
  const kernel = createUserKernel(spec, weights, embeddings);
  const dim = spec.config.embeddingDim;
  const vectors = columnsBefore(dim, indexDim(spec), indexVectors(spec, weights, embeddings, timeline.featuresOn(0)));

  // Several tasks and reports ask about the same user.
  const known = new WeakMap<SequenceUser, { interests: UserInterests; bonuses: ReadonlyMap<number, number> }>();
  const read = (user: SequenceUser): { interests: UserInterests; bonuses: ReadonlyMap<number, number> } => {
    const kept = known.get(user);
    if (kept !== undefined) return kept;
    const rows = createBehaviorRows(1, spec.config.sequenceLength);
    const window = { ...sequences, start: user.start, end: user.end };
    writeBehaviorSequence(rows, 0, window, { now: user.askedAt, distinct: spec.config.distinctBehaviors });
    const { count, vectors } = kernel.interests(rows, profileOf(user.userIndex), userRowOf(user.userIndex));
    const interests = { active: count, interests: columnsBefore(dim, indexDim(spec), vectors) };
    const understood = { interests, bonuses: spec.config.repeatBonus ? bonusesOf(rows, kernel) : noBonuses };
    known.set(user, understood);
    return understood;
  };

  const scores: VectorScores<SequenceUser> = {
    vectors,
    dim,
    interestsMax: spec.config.interests,
    interests: (user) => read(user).interests,
    prior: (user) => priorOn(timeline.dayOf(user.askedAt)),
    bonuses: (user) => read(user).bonuses,
    candidates,
  };
  const score: Scorer<SequenceUser> = (user) => {
    const { interests, bonuses } = read(user);
    const prior = scores.prior(user);
    const all = new Float32Array(itemCount + 1).fill(Number.NEGATIVE_INFINITY);
    for (let item = 1; item <= itemCount; item++) {
      if (candidates[item] !== 1) continue;
      all[item] = exactScore(interests, vectors, item, { dim, prior, bonus: bonuses.get(item) });
    }
    return all;
  };
  const products = createProducts?.(vectors, dim);
  return {
    vectors,
    dim,
    interests: scores.interests,
    score,
    ranker: products === undefined ? score : createVectorBlocks(scores, products),
    dispose: () => products?.dispose(),
  };
}

const noBonuses: ReadonlyMap<number, number> = new Map();

/** The bonus of each item of a behavior sequence: that of its newest behavior. */
function bonusesOf(rows: BehaviorRows, kernel: UserKernel): ReadonlyMap<number, number> {
  const bySlot = kernel.repeatBonuses(rows);
  const bonuses = new Map<number, number>();
  for (let slot = rows.length - 1; slot >= 0; slot--) {
    const item = rows.items[slot]!;
    if (item !== 0 && !bonuses.has(item)) bonuses.set(item, bySlot[slot]!);
  }
  return bonuses;
}

/** The first `columns` of each row of a matrix of `width` columns. */
function columnsBefore(columns: number, width: number, matrix: Float32Array): Float32Array {
  if (columns === width) return matrix;
  const rows = matrix.length / width;
  const kept = new Float32Array(rows * columns);
  for (let row = 0; row < rows; row++) kept.set(matrix.subarray(row * width, row * width + columns), row * columns);
  return kept;
}

/** Under leave-one-out there are as many moments of asking as users, but few days. */
function keptByDay<Value>(compute: (day: number) => Value): (day: number) => Value {
  const kept = new Map<number, Value>();
  return (day) => {
    if (!kept.has(day)) kept.set(day, compute(day));
    return kept.get(day)!;
  };
}
