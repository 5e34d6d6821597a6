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

/** Returns MIND with the given differences. */
const mindWith = (model: Partial<ModelConfig>, training: Partial<TrainingConfig> = {}): ModelSettings => ({
  model: { ...mindModel, ...model },
  training: { ...mindTraining, ...training },
});

/** The common part of ComiRec's extractors (Cen et al., KDD 2020, §3): K interests for every user, no H-layers, a hard readout. */
const comirec: Partial<ModelConfig> = {
  adaptiveInterests: false,
  layers: 'none',
  readout: { kind: 'label-aware', power: 'infinity' },
};

/** The named variants of `facet.yaml` (`model.variant`). */
export const modelVariants: Readonly<Record<string, ModelSettings>> = {
  facet: { model: facetModel, training: facetTraining },
  mind: { model: mindModel, training: mindTraining },
  /** MIND-1 (paper, §5.1.2): one interest. The routing reduces to squash(Σ S·e_i). */
  'mind-1': mindWith({ interests: 1 }),
  /** p = 0 (paper, Figure 3): every interest has the same weight for a label. */
  'mind-p0': mindWith({ readout: { kind: 'label-aware', power: 0 } }),
  /** p = ∞ (paper, Figure 3), the hard readout of public code: a label trains only its nearest interest. */
  'mind-hard': mindWith({ readout: { kind: 'label-aware', power: 'infinity' } }),
  /** K interests for every user instead of K'u (paper, Eq. 8), as in public code. */
  'mind-fixed-k': mindWith({ adaptiveInterests: false }),
  /** Without stop-gradient: all iterations of the routing carry gradients. */
  'mind-all-gradients': mindWith({ extractor: { ...mindRouting, gradient: 'all' } }),
  /** A bilinear map per interest (`bilinear_type` 1 of public code). The maps make interests differ, hence logits of zero. */
  'mind-map-per-interest': mindWith({
    extractor: { ...mindRouting, map: 'per-interest', sigma: 0, trainingLogits: 'fixed' },
  }),
  /** One bias-free ReLU layer instead of the H-layers (`relu_layer` of public code; ComiRec for Books). */
  'mind-relu': mindWith({ layers: 'relu' }),
  /**
   * The model of public Paddle code with its errors: the softmax of the routing runs over the behaviors, and each interest sees D / K of
   * the coordinates. It has K interests for every user, the hard readout and the full softmax. `layers: relu` is its `relu_layer`.
   */
  'mind-paddle': mindWith({
    adaptiveInterests: false,
    extractor: { ...mindRouting, map: 'shared-repeated', softmaxOver: 'behaviors' },
    layers: 'none',
    readout: { kind: 'label-aware', power: 'infinity' },
    negatives: 'all',
  }),
  /**
   * ComiRec-DR (Cen et al., KDD 2020, §3.2; `bilinear_type` 2 of public code): dynamic routing with a map per position and
   * interest, and logits of zero. The authors train it at 5e-3.
   */
  'comirec-dr': mindWith(
    { ...comirec, extractor: { ...mindRouting, map: 'per-position', sigma: 0, trainingLogits: 'fixed' } },
    { learningRate: 5e-3 },
  ),
  /** ComiRec-SA (Cen et al., KDD 2020, §3.2): self-attention with a hidden layer of 4 · D units. */
  'comirec-sa': mindWith({ ...comirec, extractor: { kind: 'self-attention', units: 256 } }),
  /**
   * SASRec (Kang and McAuley, ICDM 2018) with the loss of the other variants: two blocks, learned positions, the authors' dropout
   * for sparse data.
   */
  sasrec: mindWith({
    interests: 1,
    extractor: { kind: 'transformer', blocks: 2 },
    layers: 'none',
    readout: { kind: 'max' },
    dropout: 0.5,
  }),
  /** `facet` with the extractor of SASRec: one vector, trained and scored as `facet` trains and scores several. */
  'sasrec-facet': {
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
  /** SASRec with sampled softmax as published with eSASRec (arXiv 2508.06450): one block, 256 negatives, inner products. */
  'sasrec-ss': mindWith(
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
  /** YouTube DNN (Covington et al., RecSys 2016), a baseline of the paper: mean of the behaviors, and the profile, through ReLU layers. */
  'youtube-dnn': mindWith({ interests: 1, extractor: { kind: 'mean' }, readout: { kind: 'max' } }),
  /**
   * MaxMF-K (Weston, Weiss and Yee, RecSys 2013), a baseline of the paper: K free vectors per user. The best one scores an item,
   * and the item updates only that one.
   */
  maxmf: mindWith({
    extractor: { kind: 'user-vectors' },
    adaptiveInterests: false,
    layers: 'none',
    readout: { kind: 'max' },
  }),
};

/** Returns a variant by name. @throws AppError `MODEL_UNKNOWN_VARIANT`. */
export function modelVariant(name: string): ModelSettings {
  const variant = Object.hasOwn(modelVariants, name) ? modelVariants[name] : undefined;
  if (variant === undefined) {
    throw new AppError(`Unknown model variant "${name}".`, {
      code: 'MODEL_UNKNOWN_VARIANT',
      category: 'usage',
      remedy: `${suggestName(name, Object.keys(modelVariants))}Set model.variant to one of: ${Object.keys(modelVariants).join(', ')}.`,
    });
  }
  return variant;
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
