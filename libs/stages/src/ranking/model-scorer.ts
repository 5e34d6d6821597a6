import { embedNewItems } from '@facet/bundles';
import type { Bundle } from '@facet/bundles';
import { chunksOf, interestShares, interestSimilarity, mean, preparedUsersMax } from '@facet/evaluation';
import type { BlockScorer, Scorer, UserInterests, InterestSimilarity } from '@facet/evaluation';
import { cacheDays, popularityFeatureCount } from '@facet/features';
import { createInferenceEngine, createItemScorer, indexDim, indexVectors, popularityPrior } from '@facet/model';
import type { ModelSpec, Weights } from '@facet/model';
import type { createCatalogScorer, createBatchTower } from '@facet/model/training';
import type { Dataset, ModelData } from '../dataset/dataset.ts';
import { embedCatalog } from '../model/model-spec.ts';
import { createBlockScorer, exactScore } from './score-blocks.ts';
import type { ScoreTerms } from './score-blocks.ts';
import type { CatalogAtCut, HeldOutSequenceUser } from './tasks.ts';
import { columnsBefore, createUserQueries } from './user-queries.ts';
import type { QueryInputs, SequenceUser } from './user-queries.ts';

/** Scores the full catalog with a model, as serving scores the candidates of an index. */
interface ModelScorer {
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

interface ScorerOptions {
  /** Popularity counts interactions before the cut of this catalog. Items that the catalog does not know have only side features. */
  readonly catalog: CatalogAtCut;
  /** [N + 1] 1 for a candidate. */
  readonly candidates: Uint8Array;
  /** Computes interests with the user tower of TensorFlow, which equals the inference engine of serving within rounding. */
  readonly tensorFlow?: TensorFlowScoring | undefined;
}

/** The functions of TensorFlow that compute many users at once. */
export interface TensorFlowScoring {
  readonly createCatalogScorer: typeof createCatalogScorer;
  readonly createBatchTower: typeof createBatchTower;
}

/** Scores the dataset that a model was trained on. */
export function createModelScorer(
  data: ModelData,
  spec: ModelSpec,
  weights: Weights,
  options: ScorerOptions,
): ModelScorer {
  const embeddings = embedCatalog(spec, weights, data, options.catalog.knownItems());
  const userFeaturesOf = (user: number): number[] => data.userFeatures.map(({ rows }) => rows[user]!);
  return createScorer(data, { spec, weights, embeddings, userFeaturesOf, userRowOf: (user) => user }, options);
}

/**
 * Scores any dataset with a bundle, as a server with this bundle does. Items that are not in the bundle get an embedding from items
 * with similar content. Users get the attributes that the model has learned.
 */
export function createBundleScorer(
  bundle: Pick<
    Bundle,
    'info' | 'tower' | 'itemTables' | 'catalog' | 'embeddings' | 'indexOf' | 'encodeUserFeatures' | 'userRowOf'
  >,
  dataset: Dataset,
  options: ScorerOptions,
): ModelScorer {
  const { spec } = bundle.info;
  const userFeaturesOf = (user: number): number[] => bundle.encodeUserFeatures(dataset.userAttributes[user]);
  const embeddings = embeddingsOf(bundle, dataset);
  const userRowOf = (user: number): number => bundle.userRowOf(dataset.sequences.userIds[user]);
  return createScorer(dataset, { spec, weights: bundle.tower, embeddings, userFeaturesOf, userRowOf }, options);
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

interface ScoredParts extends Pick<QueryInputs, 'spec' | 'userFeaturesOf' | 'userRowOf'> {
  /** The weights of the inference engine and the popularity prior. */
  readonly weights: Weights;
  /** E [N + 1, D] of the dataset's items. */
  readonly embeddings: Float32Array;
}

function createScorer(
  { sequences, items }: Pick<ModelData, 'sequences' | 'items'>,
  { spec, weights, embeddings, userFeaturesOf, userRowOf }: ScoredParts,
  { catalog, candidates, tensorFlow }: ScorerOptions,
): ModelScorer {
  const itemCount = items.length - 1;
  const priorOn = cacheDays((day) => popularityPrior(weights, catalog.popularityOn(day))!, cachedPriors);
  const engine = createInferenceEngine(spec, weights, embeddings);
  const { repeatScoreWeight } = engine;
  const dim = spec.config.embeddingDim;
  const noPopularity = new Float32Array((itemCount + 1) * popularityFeatureCount);
  const vectors = columnsBefore(dim, indexDim(spec), indexVectors(spec, weights, embeddings, noPopularity));
  const { interests, scoreSharpness: sharpness } = spec.config;
  const catalogScorer = tensorFlow?.createCatalogScorer(vectors, { interests, dim, sharpness });
  const tower = tensorFlow?.createBatchTower(spec, weights, embeddings);
  const queries = createUserQueries({ sequences, spec, engine, userFeaturesOf, userRowOf }, tower);

  const terms: ScoreTerms<SequenceUser> = {
    vectors,
    dim,
    sharpness,
    interestsMax: interests,
    interests: (user) => queries.get(user).interests,
    prior: spec.config.popularityPrior
      ? ({ queryTime }) => priorOn(catalog.timeline().dayOf(queryTime))
      : () => undefined,
    bonuses: (user) => queries.get(user).bonuses,
    repeatScoreWeight,
    candidates,
  };
  const score: Scorer<SequenceUser> = (user) => {
    const { interests, bonuses } = queries.get(user);
    const prior = terms.prior(user);
    const scoreItem = createItemScorer(interests, vectors, { dim, sharpness });
    const all = new Float32Array(itemCount + 1).fill(Number.NEGATIVE_INFINITY);
    for (let item = 1; item <= itemCount; item++) {
      if (candidates[item] !== 1) continue;
      all[item] = exactScore(scoreItem(item), prior?.[item], { bonus: bonuses.get(item), repeatScoreWeight });
    }
    return all;
  };
  return {
    vectors,
    dim,
    prior: terms.prior,
    interests(users) {
      queries.prepare(users);
      return users.map(terms.interests);
    },
    score,
    ranker:
      catalogScorer === undefined ? score : { ...createBlockScorer(terms, catalogScorer), prepare: queries.prepare },
    dispose() {
      tower?.dispose();
      catalogScorer?.dispose();
    },
  };
}

/** How different a model's interests are, and how often each one wins. */
export interface InterestReport {
  readonly meanInterests: number;
  readonly similarity: InterestSimilarity;
  /** The share of the held-out items that each interest wins. */
  readonly labelShares: readonly number[];
  /** exp(entropy) of `labelShares`. */
  readonly effectiveInterests: number;
}

/** Reports on the interests of held-out users. */
export function reportInterests(
  scorer: ModelScorer,
  heldOut: readonly HeldOutSequenceUser[],
  maxInterests: number,
): InterestReport {
  const { dim } = scorer;
  const counts: number[] = [];
  const winners: number[] = [];
  const similarity = interestSimilarity(readInterests(), dim);
  const { shares, effectiveInterests } = interestShares(winners, maxInterests);
  return {
    meanInterests: mean(counts),
    similarity,
    labelShares: [...shares],
    effectiveInterests,
  };

  function* readInterests(): Generator<UserInterests> {
    for (const users of chunksOf(heldOut, preparedUsersMax)) {
      for (const [row, user] of scorer.interests(users).entries()) {
        counts.push(user.count);
        if (user.count > 0) {
          const scoreItem = createItemScorer(user, scorer.vectors, { dim });
          for (const item of users[row]!.truth.items) winners.push(scoreItem(item).interest);
        }
        yield user;
      }
    }
  }
}
