import type { Bundle } from '@facet/bundles';
import { embedNewItems } from '@facet/bundles';
import {
  behaviorRowLength,
  createBehaviorRows,
  cacheDays,
  popularityFeatureCount,
  writeBehaviorSequence,
} from '@facet/features';
import type { BehaviorRows } from '@facet/features';
import type { BlockScorer, ScoredUser, Scorer, UserInterests } from '@facet/evaluation';
import {
  createInferenceEngine,
  createItemScorer,
  indexDim,
  indexVectors,
  interestCountOf,
  popularityPrior,
} from '@facet/model';
import type { ModelSpec, InferenceEngine, Weights } from '@facet/model';
import type { createCatalogProducts, createInterestBatches, InterestBatches } from '@facet/model/training';
import type { Dataset, ModelData } from '../dataset/dataset.ts';
import { embedCatalog } from '../model/embed-catalog.ts';
import type { CatalogAtCut } from './catalog-at-cut.ts';
import { createVectorBlocks, exactScore } from './vector-blocks.ts';
import type { VectorScores } from './vector-blocks.ts';

/** A held-out user whose history is positions start .. end − 1 of the dataset's sequences. */
export interface SequenceUser extends ScoredUser {
  readonly userIndex: number;
  readonly start: number;
  readonly end: number;
  /** The time of the query, epoch milliseconds. Determines popularity and the ages of behaviors. */
  readonly queryTime: number;
}

/** Scores the full catalog with a model, as serving scores the candidates of an index. */
export interface ModelScorer {
  readonly score: Scorer<SequenceUser>;
  /** Ranks as `score`, but faster. */
  readonly ranker: Scorer<SequenceUser> | BlockScorer<SequenceUser>;
  /** Computes the interests of users. Many users per call take much less time. */
  readonly interests: (users: readonly SequenceUser[]) => UserInterests[];
  /** [N + 1, D] item vectors of the index, without the coordinate of the popularity prior. */
  readonly vectors: Float32Array;
  /** D. */
  readonly dim: number;
  /** [N + 1] The popularity prior of each item at the time of the user's query; undefined in models without one. */
  readonly prior: (user: SequenceUser) => Float32Array | undefined;
  /** Frees the tensors. */
  dispose(): void;
}

export interface ScorerOptions {
  /** Popularity counts interactions before the cut of this catalog. Items that the catalog does not know have only side features. */
  readonly catalog: CatalogAtCut;
  /** [N + 1] 1 for a candidate. */
  readonly candidates: Uint8Array;
  /** Computes interests with the user tower of TensorFlow, which equals the inference engine of serving within rounding. */
  readonly tensorFlow?: TensorFlowBatches | undefined;
}

/** The functions of TensorFlow that compute many users at once. */
export interface TensorFlowBatches {
  readonly createCatalogProducts: typeof createCatalogProducts;
  readonly createInterestBatches: typeof createInterestBatches;
}

/** Scores the dataset that a model was trained on. */
export function createModelScorer(
  data: ModelData,
  spec: ModelSpec,
  weights: Weights,
  options: ScorerOptions,
): ModelScorer {
  const embeddings = embedCatalog(spec, weights, data, options.catalog.knownItems());
  const profileOf = (user: number): number[] => data.profiles.map(({ rows }) => rows[user]!);
  return createScorer(data, { spec, weights, embeddings, profileOf, userRowOf: (user) => user }, options);
}

/**
 * Scores any dataset with a bundle, as a server with this bundle does. Items that are not in the bundle get an embedding from items
 * with similar content. Users get the attributes that the model has learned.
 */
export function createBundleScorer(
  bundle: Pick<
    Bundle,
    'info' | 'tower' | 'itemTables' | 'catalog' | 'embeddings' | 'indexOf' | 'encodeProfile' | 'userRowOf'
  >,
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
  const bySide = embedNewItems(
    bundle,
    unknown.map((item) => items[item]!),
  );
  unknown.forEach((item, row) => embeddings.set(bySide.subarray(row * D, (row + 1) * D), item * D));
  return embeddings;
}

/** Users with queries on the same day share a prior. Rankings process users by day. Reports process users in their own order. */
const cachedPriors = { bytesMax: 2 ** 27, bytesOf: (prior: Float32Array) => prior.byteLength };

interface ScoredParts {
  readonly spec: ModelSpec;
  /** The weights of the inference engine and the popularity prior. */
  readonly weights: Weights;
  /** E [N + 1, D] of the dataset's items. */
  readonly embeddings: Float32Array;
  /** One table row per user feature. */
  readonly profileOf: (user: number) => number[];
  /** The row of a user with learned vectors, for models with user vectors. */
  readonly userRowOf: (user: number) => number;
}

function createScorer(
  { sequences, items }: Pick<ModelData, 'sequences' | 'items'>,
  { spec, weights, embeddings, profileOf, userRowOf }: ScoredParts,
  { catalog, candidates, tensorFlow }: ScorerOptions,
): ModelScorer {
  const itemCount = items.length - 1;
  const priorOn = cacheDays((day) => popularityPrior(weights, catalog.popularityOn(day))!, cachedPriors);
  const engine = createInferenceEngine(spec, weights, embeddings);
  const dim = spec.config.embeddingDim;
  const noPopularity = new Float32Array((itemCount + 1) * popularityFeatureCount);
  const vectors = columnsBefore(dim, indexDim(spec), indexVectors(spec, weights, embeddings, noPopularity));
  const { interests, scoreSharpness: sharpness } = spec.config;
  const products = tensorFlow?.createCatalogProducts(vectors, { interests, dim, sharpness });
  const tower = tensorFlow?.createInterestBatches(spec, weights, embeddings);
  const parts = { sequences, spec, engine, profileOf, userRowOf };
  const readUsers = tower === undefined ? readByEngine(parts) : readByTower(parts, tower);

  // Several tasks and reports read the same user.
  const known = new WeakMap<SequenceUser, ReadUser>();
  const readAll = (users: readonly SequenceUser[]): void => {
    const unknown = users.filter((user) => !known.has(user));
    for (const batch of batchesOf(unknown, spec.config.sequenceLength)) {
      readUsers(batch).forEach((read, row) => known.set(batch[row]!, read));
    }
  };
  const read = (user: SequenceUser): ReadUser => {
    readAll([user]);
    return known.get(user)!;
  };

  const scores: VectorScores<SequenceUser> = {
    vectors,
    dim,
    sharpness,
    interestsMax: interests,
    interests: (user) => read(user).interests,
    prior: spec.config.popularityPrior
      ? ({ queryTime }) => priorOn(catalog.timeline().dayOf(queryTime))
      : () => undefined,
    bonuses: (user) => read(user).bonuses,
    candidates,
  };
  const score: Scorer<SequenceUser> = (user) => {
    const { interests, bonuses } = read(user);
    const prior = scores.prior(user);
    const scoreItem = createItemScorer(interests, vectors, { dim, sharpness });
    const all = new Float32Array(itemCount + 1).fill(Number.NEGATIVE_INFINITY);
    for (let item = 1; item <= itemCount; item++) {
      if (candidates[item] !== 1) continue;
      all[item] = exactScore(scoreItem(item), prior?.[item], bonuses.get(item));
    }
    return all;
  };
  return {
    vectors,
    dim,
    prior: scores.prior,
    interests(users) {
      readAll(users);
      return users.map(scores.interests);
    },
    score,
    ranker: products === undefined ? score : { ...createVectorBlocks(scores, products), prepare: readAll },
    dispose() {
      tower?.dispose();
      products?.dispose();
    },
  };
}

/** Limits of a batch: enough users and behaviors for two cores, and few enough for little memory. */
const batchMax = { users: 1024, slots: 32_768 };

/** Groups users with similar numbers of behaviors, because the longest sequence determines the cost of a batch. */
function* batchesOf(users: readonly SequenceUser[], sequenceLength: number): Generator<SequenceUser[]> {
  const lengthOf = ({ start, end }: SequenceUser): number => Math.min(sequenceLength, end - start);
  const sorted = users.toSorted((a, b) => lengthOf(a) - lengthOf(b));
  let batch: SequenceUser[] = [];
  for (const user of sorted) {
    const size = batch.length + 1;
    if (batch.length > 0 && (size > batchMax.users || size * lengthOf(user) > batchMax.slots)) {
      yield batch;
      batch = [];
    }
    batch.push(user);
  }
  if (batch.length > 0) yield batch;
}

/** The query of a user. */
interface ReadUser {
  readonly interests: UserInterests;
  readonly bonuses: ReadonlyMap<number, number>;
}

/** Computes the queries of users, each at the user's query time. */
type ReadUsers = (users: readonly SequenceUser[]) => ReadUser[];

type ReaderParts = Pick<ScoredParts, 'spec' | 'profileOf' | 'userRowOf'> & {
  readonly sequences: ModelData['sequences'];
  readonly engine: InferenceEngine;
};

/** One user at a time, with the inference engine of serving. */
function readByEngine({ sequences, spec, engine, profileOf, userRowOf }: ReaderParts): ReadUsers {
  const { sequenceLength: L, distinctBehaviors: distinct, embeddingDim: D, repeatBonus } = spec.config;
  return (users) =>
    users.map((user) => {
      const rows = createBehaviorRows(1, L);
      const window = { ...sequences, start: user.start, end: user.end };
      writeBehaviorSequence(rows, 0, window, { now: user.queryTime, distinct });
      const { count, vectors } = engine.interests(rows, profileOf(user.userIndex), userRowOf(user.userIndex));
      const interests = { count, vectors: columnsBefore(D, indexDim(spec), vectors) };
      return { interests, bonuses: repeatBonus ? bonusesOf(rows, engine) : noBonuses };
    });
}

/** A batch at once, with the user tower of TensorFlow. Rows are as long as the longest sequence. */
function readByTower(
  { sequences, spec, engine, profileOf, userRowOf }: ReaderParts,
  tower: InterestBatches,
): ReadUsers {
  const { config, userFeatures } = spec;
  const { interests: K, embeddingDim: D, distinctBehaviors: distinct } = config;
  const hasUserVectors = config.extractor.kind === 'user-vectors';
  return (users) => {
    const lengths = Int32Array.from(users, ({ start, end }) => end - start);
    const behaviors = createBehaviorRows(users.length, behaviorRowLength(lengths, config.sequenceLength));
    const profiles = users.map(({ userIndex }) => profileOf(userIndex));
    const userRows = Int32Array.from(users, ({ userIndex }) => userRowOf(userIndex));
    const active = new Float32Array(users.length * K);
    const counts = users.map((user, row) => {
      const window = { ...sequences, start: user.start, end: user.end };
      const n = writeBehaviorSequence(behaviors, row, window, { now: user.queryTime, distinct });
      const count = interestCountOf(config, n, userRows[row]!);
      active.fill(1, row * K, row * K + count);
      return count;
    });
    const interests = tower.interests({
      behaviors,
      active,
      profile: userFeatures.map((_, feature) => Int32Array.from(profiles, (profile) => profile[feature]!)),
      // Users without a row have no interests, so any row may be read for them.
      userRows: hasUserVectors ? userRows.map((row) => Math.max(0, row)) : undefined,
    });
    return counts.map((count, row) => ({
      interests: { count, vectors: interests.slice(row * K * D, (row * K + count) * D) },
      bonuses: config.repeatBonus ? bonusesOf(rowOf(behaviors, row), engine) : noBonuses,
    }));
  };
}

function rowOf({ length, items, ages, counts }: BehaviorRows, row: number): BehaviorRows {
  const of = (values: Int32Array): Int32Array => values.subarray(row * length, (row + 1) * length);
  return { length, items: of(items), ages: of(ages), counts: of(counts) };
}

const noBonuses: ReadonlyMap<number, number> = new Map();

/** Returns the bonus of each item of a behavior sequence, which is the bonus of its newest behavior. */
function bonusesOf(rows: BehaviorRows, engine: InferenceEngine): ReadonlyMap<number, number> {
  const bySlot = engine.repeatBonuses(rows);
  const bonuses = new Map<number, number>();
  for (let slot = rows.length - 1; slot >= 0; slot--) {
    const item = rows.items[slot]!;
    if (item !== 0 && !bonuses.has(item)) bonuses.set(item, bySlot[slot]!);
  }
  return bonuses;
}

/** Returns the first `columns` columns of a matrix with `width` columns. */
function columnsBefore(columns: number, width: number, matrix: Float32Array): Float32Array {
  if (columns === width) return matrix;
  const rows = matrix.length / width;
  const kept = new Float32Array(rows * columns);
  for (let row = 0; row < rows; row++) kept.set(matrix.subarray(row * width, row * width + columns), row * columns);
  return kept;
}
