import { suggestName } from '@facet/platform';
import { AppError } from '@facet/platform/errors';
import type { ExtractorConfig, ExtractorKind, ModelConfig, ModelSettings, TrainingConfig } from './config.ts';

/** The default recipe. docs/model.md gives the source and the value of each addition to the paper. */
export const facetModel: ModelConfig = {
  embeddingDim: 64,
  interests: 4,
  adaptiveInterests: true,
  interestGainMin: 0.005,
  sequenceLength: 100,
  distinctBehaviors: true,
  extractor: {
    kind: 'routing',
    map: 'shared',
    iterations: 3,
    sigma: 1,
    trainingLogits: 'fixed',
    gradient: 'last',
    cosineAgreement: 10,
    identity: 1,
  },
  recency: true,
  context: 'attention',
  residual: true,
  layers: 'hidden',
  hiddenUnits: [256],
  outputActivation: 'linear',
  profileDim: 16,
  normalize: true,
  temperature: 0.2,
  temperatureMin: 0.2,
  readout: { kind: 'logsumexp' },
  scoreSharpness: 2,
  negatives: 'auto',
  popularityPrior: true,
  repeatBonus: true,
  separation: 0.3,
  dropout: 0.3,
};

export const facetTraining: TrainingConfig = {
  seed: 1,
  batchSize: 256,
  epochs: 6,
  learningRate: 3e-3,
  patience: 6,
  averageEpochs: 1,
  examplesPerUser: 8,
  labels: 'auto',
  windowDays: 70,
  extraMoments: 5,
  refit: true,
  warm: { epochs: 2, learningRate: 1e-3 },
};

/** The routing of the paper: three iterations, σ = 1, the inner product as agreement. */
export const mindRouting: ExtractorConfig<'routing'> = {
  kind: 'routing',
  map: 'shared',
  iterations: 3,
  sigma: 1,
  trainingLogits: 'redrawn',
  gradient: 'last',
  cosineAgreement: 0,
  identity: 0,
};

/** MIND as in the paper (arXiv 1904.08030): p as a power, sampled softmax, Adam. The paper leaves most sizes open. */
export const mindModel: ModelConfig = {
  embeddingDim: 64,
  interests: 4,
  adaptiveInterests: true,
  sequenceLength: 50,
  distinctBehaviors: false,
  extractor: mindRouting,
  recency: false,
  context: 'none',
  residual: false,
  layers: 'hidden',
  hiddenUnits: [256],
  outputActivation: 'relu',
  profileDim: 16,
  normalize: false,
  temperature: 1,
  temperatureMin: 1,
  readout: { kind: 'label-aware', power: 2 },
  negatives: 1280,
  popularityPrior: false,
  repeatBonus: false,
  separation: 0,
  dropout: 0,
};

export const mindTraining: TrainingConfig = {
  ...facetTraining,
  learningRate: 1e-3,
  epochs: 20,
  averageEpochs: 0,
  labels: 'next',
  examplesPerUser: 0,
  warm: { epochs: 4, learningRate: 3e-4 },
};

/** A named variant of the model, with its settings. */
export interface ModelVariant extends ModelSettings {
  /** `facet`: the default recipe and its comparison. `mind`: the paper and single differences. `published`: other models. */
  readonly family: 'facet' | 'mind' | 'published';
  /** What the variant is, for the help of `facet benchmark` and the table of docs/model.md. */
  readonly summary: string;
}

/** Returns the settings of MIND with the given differences. */
const mindWith = (model: Partial<ModelConfig>, training: Partial<TrainingConfig> = {}): ModelSettings => ({
  model: { ...mindModel, ...model },
  training: { ...mindTraining, ...training },
});

/** Returns a variant of MIND. */
const mindVariant = (summary: string, model: Partial<ModelConfig> = {}): ModelVariant => ({
  family: 'mind',
  summary,
  ...mindWith(model),
});

/** Returns a published model with the side features and the loss of MIND. */
const published = (
  summary: string,
  model: Partial<ModelConfig>,
  training: Partial<TrainingConfig> = {},
): ModelVariant => ({ family: 'published', summary, ...mindWith(model, training) });

/** The common part of ComiRec's extractors (Cen et al., KDD 2020, §3): K interests for every user, no H-layers, a hard readout. */
const comirec: Partial<ModelConfig> = {
  adaptiveInterests: false,
  layers: 'none',
  readout: { kind: 'label-aware', power: 'infinity' },
};

/**
 * The table of variants. `model.variant` of `facet.yaml`, its JSON Schema, `facet benchmark` and the tests of variants read it, and a test
 * compares it with docs/model.md.
 */
const variants = {
  facet: { family: 'facet', summary: 'the default recipe', model: facetModel, training: facetTraining },
  'sasrec-facet': {
    family: 'facet',
    summary: '`facet` with the extractor of `sasrec`, trained and scored like `facet`; one vector',
    model: {
      ...facetModel,
      interests: 1,
      extractor: { kind: 'transformer', blocks: 2 },
      context: 'none',
      residual: false,
      layers: 'none',
      separation: 0,
    },
    training: facetTraining,
  },
  mind: mindVariant("the paper: routing of Eq. 4–7, K'u of Eq. 8, p = 2, sampled softmax"),
  'mind-1': mindVariant('K = 1: u = squash(Σ S·e_i), for any logits (MIND §5.1.2)', { interests: 1 }),
  'mind-p0': mindVariant('p = 0: all interests have the same weight for a label (MIND, Figure 3)', {
    readout: { kind: 'label-aware', power: 0 },
  }),
  'mind-hard': mindVariant('p = ∞, as in public code: only the interest with the highest score counts (hard readout)', {
    readout: { kind: 'label-aware', power: 'infinity' },
  }),
  'mind-fixed-k': mindVariant('K interests for every user', { adaptiveInterests: false }),
  'mind-all-gradients': mindVariant('no stop-gradient: every iteration carries gradients', {
    extractor: { ...mindRouting, gradient: 'all' },
  }),
  // The maps make interests differ, hence logits of zero.
  'mind-map-per-interest': mindVariant('`bilinear_type` 1: a map S_j per interest, logits zero', {
    extractor: { ...mindRouting, map: 'per-interest', sigma: 0, trainingLogits: 'fixed' },
  }),
  'mind-relu': mindVariant('`relu_layer`: v = ReLU(u W) instead of the H-layers', { layers: 'relu' }),
  'mind-paddle-example': mindVariant('one snapshot of a public example in Paddle, with its errors', {
    adaptiveInterests: false,
    extractor: { ...mindRouting, map: 'shared-repeated', softmaxOver: 'behaviors' },
    layers: 'none',
    readout: { kind: 'label-aware', power: 'infinity' },
    negatives: 'all',
  }),
  // Cen et al., KDD 2020. The authors train it at 5e-3.
  'comirec-dr': published(
    '`bilinear_type` 2: a map per position and interest (ComiRec §3.2)',
    { ...comirec, extractor: { ...mindRouting, map: 'per-position', sigma: 0, trainingLogits: 'fixed' } },
    { learningRate: 5e-3 },
  ),
  // Cen et al., KDD 2020, with a hidden layer of 4 · D units.
  'comirec-sa': published('A = softmax over the behaviors of W2 tanh(W1 (E + positions)), V = A E (ComiRec §3.2)', {
    ...comirec,
    extractor: { kind: 'self-attention', units: 256 },
  }),
  // Kang and McAuley, ICDM 2018, with the authors' dropout for sparse data.
  sasrec: published('two blocks of causal attention, read at the newest behavior (SASRec §III); one vector', {
    interests: 1,
    extractor: { kind: 'transformer', blocks: 2 },
    layers: 'none',
    readout: { kind: 'max' },
    dropout: 0.5,
  }),
  // arXiv 2508.06450, scored by inner products.
  'sasrec-ss': published(
    'SASRec with sampled softmax as in eSASRec (RecSys 2025): one block, 256 negatives',
    {
      interests: 1,
      extractor: { kind: 'transformer', blocks: 1 },
      layers: 'none',
      readout: { kind: 'max' },
      negatives: 256,
      dropout: 0.2,
    },
    { epochs: 50 },
  ),
  // Covington et al., RecSys 2016, a baseline of the paper.
  'youtube-dnn': published('mean of the behaviors, and the user features, through ReLU layers; one vector', {
    interests: 1,
    extractor: { kind: 'mean' },
    readout: { kind: 'max' },
  }),
  // Weston, Weiss and Yee, RecSys 2013, a baseline of the paper: an item updates only the vector that scores it best.
  maxmf: published('K free vectors per user, score max_k v_kᵀ e; new users have no vectors', {
    extractor: { kind: 'user-vectors' },
    adaptiveInterests: false,
    layers: 'none',
    readout: { kind: 'max' },
  }),
} satisfies Record<string, ModelVariant>;

export type VariantName = keyof typeof variants;

export const modelVariants: Readonly<Record<VariantName, ModelVariant>> = variants;

export const variantNames = Object.keys(modelVariants) as readonly VariantName[];

/** Returns whether a variant has this name. */
export function isVariant(name: string): name is VariantName {
  return Object.hasOwn(modelVariants, name);
}

/** Returns a variant by name. @throws AppError `MODEL_UNKNOWN_VARIANT`. */
export function modelVariant(name: string): ModelVariant {
  if (isVariant(name)) return modelVariants[name];
  throw new AppError(`Unknown model variant "${name}".`, {
    code: 'MODEL_UNKNOWN_VARIANT',
    category: 'usage',
    remedy: `${suggestName(name, variantNames)}Set model.variant to one of: ${variantNames.join(', ')}.`,
  });
}

/** Returns the settings of an extractor if `facet.yaml` names another kind than the variant. */
export function defaultExtractor(kind: ExtractorKind): ExtractorConfig {
  return defaultExtractors[kind];
}

const defaultExtractors: { readonly [Kind in ExtractorKind]: ExtractorConfig<Kind> } = {
  routing: mindRouting,
  mean: { kind: 'mean' },
  'self-attention': { kind: 'self-attention', units: 256 },
  transformer: { kind: 'transformer', blocks: 2 },
  'user-vectors': { kind: 'user-vectors' },
};
