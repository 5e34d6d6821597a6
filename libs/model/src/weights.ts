import { ageBucketCount, popularityFeatureCount } from '@facet/features';
import type { Random } from '@facet/features';
import type { ModelConfig, ModelSpec } from './config.ts';

/** One array of a model, in row-major order. */
export interface Weight {
  readonly shape: readonly number[];
  readonly data: Float32Array;
}

/** All arrays of a model by name. Training, export and inference share these names and shapes. */
export type Weights = Readonly<Record<string, Weight>>;

/** Arrays that the training never changes. */
export const frozenWeights: ReadonlySet<string> = new Set(['routing/logits']);

/** Features of the repeat bonus, see {@link repeatFeatures}. */
export const repeatFeatureCount = 5;

/**
 * Scalars (recency weights, prior, repeat bonus) must change more than embeddings in as few steps. They are stored divided by this
 * factor, which multiplies their learning rate under Adam.
 */
export const scalarScale = 10;

/** Returns the temperature that divides scores: `temperature` for a weight of 0, decreasing to `temperatureMin`. */
export function temperatureOf({ temperature, temperatureMin }: ModelConfig, weight: number): number {
  return temperatureMin + (temperature - temperatureMin) * Math.exp(weight);
}

/**
 * The name of the weights [6] of repeated items that `fitRepeatWeights` adds to a trained model. The first weight multiplies the score, the
 * others multiply the {@link repeatFeatures}. No training reads these weights, and a warm start drops them.
 */
export const fittedRepeatWeights = 'repeat/fitted';

/** Returns the weights [6] of the score and of the features of repeated items. Before the fit, the weight of the score is 1. */
export function repeatWeightsOf(weights: Weights): Float32Array {
  const fitted = weights[fittedRepeatWeights]?.data;
  const trained = weights['repeat/weights']?.data ?? new Float32Array(repeatFeatureCount);
  return fitted ?? Float32Array.of(1, ...trained.map((weight) => weight * scalarScale));
}

/** Returns the name of the embedding table of an item feature. */
export const itemFeatureTable = (name: string): string => `item/feature/${name}`;
/** The table of user vectors [U, K · D] (MaxMF). */
export const userVectorTable = 'user/vectors';
/** Blocks of the transformer of the context `attention`. */
export const contextBlocks = 1;
/** Returns the name of a weight in a block of the transformer. */
export const transformerWeight = (block: number, part: string): string => `transformer/${block}/${part}`;
/** Returns the name of the embedding table of a user feature. */
export const userFeatureTable = (name: string): string => `profile/${name}`;

/** Returns the width of capsule and context in the input of the H-layers. */
export function hiddenBehaviorWidth({ embeddingDim, context }: ModelConfig): number {
  return embeddingDim * (context === 'none' ? 1 : 2);
}

/** Returns the width of the input of the H-layers: capsule, context, user features. */
function hiddenInputWidth({ config, userFeatures }: ModelSpec): number {
  return hiddenBehaviorWidth(config) + config.profileDim * userFeatures.length;
}

/** Draws the weights of a new model, in a fixed order. */
export function initializeWeights(spec: ModelSpec, random: Random): Weights {
  const { config } = spec;
  const D = config.embeddingDim;
  const weights: Record<string, Weight> = {};
  const add = (name: string, shape: readonly number[], value: () => number): void => {
    const data = new Float32Array(shape.reduce((size, length) => size * length, 1));
    for (let index = 0; index < data.length; index++) data[index] = value();
    weights[name] = { shape, data };
  };
  const normal = (deviation: number) => () => deviation * random.normal();
  const glorot = (rows: number, columns: number) => {
    const limit = Math.sqrt(6 / (rows + columns));
    return () => limit * (2 * random.next() - 1);
  };
  const embedding = normal(embeddingDeviation);

  add('item/id', [spec.itemCount + 1, D], embedding);
  for (const feature of spec.itemFeatures) {
    add(itemFeatureTable(feature.name), [feature.values.length + 1, D], embedding);
  }
  for (const feature of spec.userFeatures) {
    add(userFeatureTable(feature.name), [feature.values.length + 1, config.profileDim], embedding);
  }
  if (config.recency) {
    add('behavior/age', [ageBucketCount, D], zero);
    add('behavior/ageWeight', [ageBucketCount], zero);
    if (config.context !== 'none') add('context/ageWeight', [ageBucketCount], zero);
  }
  addExtractor(spec, { add, normal, glorot });
  addLayers(spec, { add, normal, glorot });
  if (config.normalize && config.temperatureMin < config.temperature) add('score/temperature', [1], zero);
  if (config.popularityPrior) {
    // The prior starts as the logarithm of last month's popularity, the strongest simple predictor under a time split.
    let feature = 0;
    add('prior/weights', [popularityFeatureCount], () => (feature++ === 1 ? 1 / scalarScale : 0));
  }
  if (config.repeatBonus) add('repeat/weights', [repeatFeatureCount], zero);
  return weights;
}

const embeddingDeviation = 0.05;
const identityNoise = 0.02;

/** Adds weights, with initializers for their values. */
interface WeightMaker {
  add(name: string, shape: readonly number[], value: () => number): void;
  normal(deviation: number): () => number;
  glorot(rows: number, columns: number): () => number;
}

const zero = (): number => 0;

function addExtractor({ config, userCount }: ModelSpec, { add, normal, glorot }: WeightMaker): void {
  const { embeddingDim: D, interests: K, sequenceLength: L, extractor, context } = config;
  // Its output starts at zero, so that a new model returns the mean.
  if (context === 'attention') addTransformer(config, contextBlocks, 0, { add, normal, glorot });
  switch (extractor.kind) {
    case 'routing': {
      const { identity, map, sigma } = extractor;
      const noise = identity === 0 ? glorot(D, D) : normal(identityNoise);
      const shape = {
        shared: [D, D],
        'shared-repeated': [D, D],
        'per-interest': [K * D, D],
        'per-position': [L, K * D, D],
      }[map];
      let cell = 0;
      add('routing/S', shape, () => ((cell++ % (D * D)) % (D + 1) === 0 ? identity : 0) + noise());
      add('routing/logits', [K, L], normal(sigma));
      return;
    }
    case 'self-attention':
      add('attention/positions', [L, D], normal(embeddingDeviation));
      add('attention/W1', [D, extractor.units], glorot(D, extractor.units));
      add('attention/W2', [extractor.units, K], glorot(extractor.units, K));
      return;
    case 'transformer':
      addTransformer(config, extractor.blocks, 1, { add, normal, glorot });
      return;
    case 'user-vectors':
      add(userVectorTable, [userCount ?? 0, K * D], normal(embeddingDeviation));
      return;
    case 'mean':
  }
}

/** Adds a transformer. @param outputScale The initial scale of its output. */
function addTransformer(
  { embeddingDim: D, sequenceLength: L }: ModelConfig,
  blocks: number,
  outputScale: number,
  { add, normal, glorot }: WeightMaker,
): void {
  add('transformer/positions', [L, D], normal(embeddingDeviation));
  for (let block = 0; block < blocks; block++) {
    addNorm(add, transformerWeight(block, 'attention'), D);
    for (const part of ['query', 'key', 'value']) {
      add(transformerWeight(block, `attention/${part}`), [D, D], glorot(D, D));
    }
    addNorm(add, transformerWeight(block, 'dense'), D);
    for (const layer of [0, 1]) {
      add(transformerWeight(block, `dense/${layer}/kernel`), [D, D], glorot(D, D));
      add(transformerWeight(block, `dense/${layer}/bias`), [D], zero);
    }
  }
  addNorm(add, 'transformer/output', D, outputScale);
}

/** Adds scale and shift of a layer normalization. */
function addNorm(add: WeightMaker['add'], name: string, D: number, scale = 1): void {
  add(`${name}/scale`, [D], () => scale);
  add(`${name}/shift`, [D], zero);
}

function addLayers(spec: ModelSpec, { add, normal, glorot }: WeightMaker): void {
  const { embeddingDim: D, hiddenUnits, layers, profileDim, residual } = spec.config;
  if (layers === 'hidden') {
    let width = hiddenInputWidth(spec);
    [...hiddenUnits, D].forEach((units, layer) => {
      const isOutput = layer === hiddenUnits.length;
      // With a residual path the output layer starts near zero, so that a new model returns its capsules.
      const kernel = isOutput && residual ? normal(0.01) : glorot(width, units);
      add(`hidden/${layer}/kernel`, [width, units], kernel);
      add(`hidden/${layer}/bias`, [units], zero);
      width = units;
    });
    return;
  }
  const P = profileDim * spec.userFeatures.length;
  if (P > 0) add('profileMap/kernel', [P, D], glorot(P, D));
  if (layers === 'relu') add('relu/kernel', [D, D], glorot(D, D));
}

/**
 * Writes the features of the repeat bonus to `target` at `offset`: 1, ln c, a, ln n / 3 and a · ln c. The behavior has the count c and the
 * age bucket g, among n behaviors. a = (g − 1) / 10 is a logarithm of its age.
 */
export function repeatFeatures(target: Float32Array, offset: number, age: number, count: number, n: number): void {
  const logCount = Math.log(count);
  const logAge = (age - 1) / 10;
  target[offset] = 1;
  target[offset + 1] = logCount;
  target[offset + 2] = logAge;
  target[offset + 3] = Math.log(n) / 3;
  target[offset + 4] = logAge * logCount;
}
