import type { BehaviorRows } from '@facet/features';
import { dot } from '@facet/platform';
import type { ModelSpec } from '../config.ts';
import { repeatFeatureCount, repeatFeatures, repeatWeightsOf } from '../weights.ts';
import type { Weights } from '../weights.ts';
import { createExtractor } from './extractors/create-extractor.ts';
import { createInterestLayers } from './interest-layers.ts';
import { groupInterests, interestCountOf, mergeInterests } from './interests.ts';
import type { Interests } from './interests.ts';
import { indexDim } from './item-embeddings.ts';
import { createItemTable } from './item-table.ts';
import type { ExtractorInput } from './extractors/extractor.ts';
import { addWeightedRows, lengthOf } from './matrix.ts';
import { createBehaviorReader, createContextReader, createFeatureReader } from './user-inputs.ts';

/** Computes the user tower on typed arrays, without TensorFlow. */
export interface InferenceEngine {
  /** L, the length of its behavior rows. */
  readonly sequenceLength: number;
  /** Whether a behavior row contains each item once, with its count. */
  readonly distinctBehaviors: boolean;
  /**
   * Returns the interests of one user. Allocates only this result.
   *
   * @param behaviors One row.
   * @param userFeatures For each user feature, a row of its table; 0 for an unknown value.
   * @param userRow The row of a user with learned vectors (`user-vectors`), otherwise `unknownUser`.
   * @param interestCount K'u, at most K. Default: by the number of behaviors (paper, Eq. 8).
   */
  interests(
    behaviors: BehaviorRows,
    userFeatures: readonly number[],
    userRow: number,
    interestCount?: number,
  ): Interests;
  /**
   * Returns what each behavior adds to the product of an item with its interest [L], for each pair of both: its coupling with the
   * interest × its similarity with the item.
   *
   * - Routing, the mean and self-attention pool the behaviors linearly, for given coupling and lengths. So the contributions add up to
   *   the product if the capsule is the interest (`layers: none` without user features), and to the part of the capsule with `residual`.
   *   The rest belongs to no behavior: H-layers, context and user features.
   * - H-layers without `residual`, the ReLU layer and the transformer are not linear. There, a contribution is the coupling × the inner
   *   product of behavior and item.
   * - Learned user vectors have no contributions. A merged interest has the sums of its members, which order the behaviors.
   */
  contributions(
    pairs: readonly { readonly interest: number; readonly vector: Float32Array }[],
    ...user: Parameters<InferenceEngine['interests']>
  ): Float32Array[];
  /** Returns the repeat bonus of the item in each slot, zero if the model has none. */
  repeatBonuses(behaviors: BehaviorRows): Float32Array;
  /** The factor for the score of an item of the behaviors, including the popularity prior. The repeat bonus is added afterwards. */
  readonly repeatScoreWeight: number;
}

/**
 * Creates an engine that reuses its intermediate arrays, since allocation would cost more than the arithmetic.
 *
 * @param embeddings E [N + 1, D] from `embedItems`.
 * @param added [M, D] of later items N + 1 .. N + M. Separate, so that the large E is never copied.
 */
export function createInferenceEngine(
  spec: ModelSpec,
  weights: Weights,
  embeddings: Float32Array,
  added: Float32Array = new Float32Array(0),
): InferenceEngine {
  const { config } = spec;
  const { embeddingDim: D, interests: K, sequenceLength: L } = config;
  const dim = indexDim(spec);
  const parts = { spec, weights, items: createItemTable(embeddings, added, D) };
  const readBehaviors = createBehaviorReader(parts);
  const extractor = createExtractor(parts);
  const readContext = createContextReader(parts);
  const readFeatures = createFeatureReader(spec, weights);
  const layers = createInterestLayers(spec, weights);
  const repeatWeights = repeatWeightsOf(weights);
  const scales = new Float32Array(K);

  /** Writes interest k [index dim] from the output of the layers. */
  function writeInterest(k: number, vectors: Float32Array): void {
    const { output } = layers;
    const from = k * D;
    if (config.residual) for (let d = 0; d < D; d++) output[from + d]! += extractor.capsules[from + d]!;
    scales[k] = config.normalize ? 1 / lengthOf(output, from, D) : 1;
    for (let d = 0; d < D; d++) vectors[k * dim + d] = output[from + d]! * scales[k];
    if (dim > D) vectors[k * dim + D] = 1;
  }

  /** The input of the last user with interests. Extractor and layers keep their arrays until the next one. */
  let input: ExtractorInput | undefined;

  /** Returns the interests of one user before they are merged. */
  function infer(
    rows: BehaviorRows,
    userFeatures: readonly number[],
    userRow: number,
    interestCount?: number,
  ): Interests {
    const first = firstBehavior(rows.items, L);
    const n = L - first;
    const inferred = interestCountOf(config, n, userRow);
    const count = inferred === 0 ? 0 : Math.min(interestCount ?? inferred, K);
    const vectors = new Float32Array(count * dim);
    const behaviorWeights = new Float32Array(count * L);
    if (count === 0) return { count, vectors, behaviorWeights };
    input = readBehaviors(rows, first, userRow);
    extractor.extract(count, input);
    layers.run(extractor.capsules, count, readContext(input), readFeatures(userFeatures));
    for (let k = 0; k < count; k++) {
      writeInterest(k, vectors);
      for (let row = 0; row < n; row++) behaviorWeights[k * L + first + row] = extractor.shares[k * n + row]!;
    }
    return { count, vectors, behaviorWeights };
  }

  /** Adds to `target` [L] what each behavior contributes to the product of a vector with interest k, before it is merged. */
  function addContributions(target: Float32Array, k: number, vector: Float32Array, input: ExtractorInput): void {
    const { first, n, behaviors } = input;
    const { capsules, shares, projection = { rows: behaviors, stride: 0 } } = extractor;
    const start = k * projection.stride;
    const pooled = new Float32Array(D);
    addWeightedRows(pooled, 0, projection.rows, start, D, shares, k * n, n);
    const scale = (scales[k]! * lengthOf(capsules, k * D, D)) / lengthOf(pooled, 0, D);
    for (let row = 0; row < n; row++) {
      const similarity = dot(vector, 0, projection.rows, start + row * D, D);
      target[first + row]! += scale * shares[k * n + row]! * similarity;
    }
  }

  return {
    sequenceLength: L,
    distinctBehaviors: config.distinctBehaviors,
    interests: (rows, userFeatures, userRow, interestCount) =>
      mergeInterests(config, infer(rows, userFeatures, userRow, interestCount)),
    contributions(pairs, ...user) {
      const groups = groupInterests(config, infer(...user));
      return pairs.map(({ interest, vector }) => {
        const target = new Float32Array(L);
        groups.forEach((group, k) => {
          if (group === interest) addContributions(target, k, vector, input!);
        });
        return target;
      });
    },
    repeatScoreWeight: repeatWeights[0]!,
    repeatBonuses(behaviors) {
      const { length } = behaviors;
      const bonuses = new Float32Array(length);
      if (!config.repeatBonus) return bonuses;
      const first = firstBehavior(behaviors.items, length);
      const features = new Float32Array(repeatFeatureCount);
      for (let slot = first; slot < length; slot++) {
        repeatFeatures(features, 0, behaviors.ages[slot]!, behaviors.counts[slot]!, length - first);
        bonuses[slot] = dot(features, 0, repeatWeights, 1, repeatFeatureCount);
      }
      return bonuses;
    },
  };
}

/** Returns the first slot with a behavior; padding precedes it. */
function firstBehavior(items: Int32Array, length: number): number {
  let first = 0;
  while (first < length && items[first] === 0) first++;
  return first;
}
