import { FeatureSchema } from '@facet/features';
import { AppError } from '@facet/platform/errors';
import { Type } from 'typebox';
import type { Static } from 'typebox';

/**
 * Every hyper-parameter of a user tower and its loss. The two presets below are whole sets of values:
 * {@link facetModel}, the default, and {@link mindModel}, the paper unchanged.
 */
export const ModelConfig = Type.Object({
  /** D, the size of an embedding. */
  embeddingDim: Type.Integer({ minimum: 1 }),
  /** K, the most interests of a user. */
  interests: Type.Integer({ minimum: 1, maximum: 64 }),
  /** Whether a user has K'u = max(1, min(K, log2 n)) interests (paper, Eq. 8) or always K. */
  adaptiveInterests: Type.Boolean(),
  /** L, the length of a behavior sequence. */
  sequenceLength: Type.Integer({ minimum: 1 }),
  /** Whether an item chosen again is one behavior with a count. */
  distinctBehaviors: Type.Boolean(),
  routing: Type.Object({
    /** R of the paper, "usually three". */
    iterations: Type.Integer({ minimum: 1 }),
    /** σ of the Gaussian logits. */
    sigma: Type.Number({ minimum: 0 }),
    /** `redrawn`: new logits for each training example. `fixed`: those of inference in training, too. */
    trainingLogits: Type.Union([Type.Literal('redrawn'), Type.Literal('fixed')]),
    /** `last`: only the last iteration carries gradients, as in public code. `all`: every one. */
    gradient: Type.Union([Type.Literal('last'), Type.Literal('all')]),
    /**
     * How a capsule and a behavior agree: 0 is the paper's inner product u_jᵀ S·e_i; c > 0 is c times their cosine, which
     * does not fade with the capsules' length and keeps interests apart.
     */
    cosineAgreement: Type.Number({ minimum: 0 }),
    /** S starts as this times the identity plus small noise; 0 means Glorot noise only. */
    identity: Type.Number(),
  }),
  /** A behavior's age: an embedding added to it, and its weight in the capsules (not in the paper). */
  recency: Type.Boolean(),
  /** A recency-weighted mean of the behaviors beside each capsule (not in the paper). */
  context: Type.Boolean(),
  /** Adds the capsule (and the context) to the output of the H-layers (not in the paper). */
  residual: Type.Boolean(),
  /** Width of each hidden H-layer; an output layer of width D follows. */
  hiddenUnits: Type.Array(Type.Integer({ minimum: 1 })),
  outputActivation: Type.Union([Type.Literal('relu'), Type.Literal('linear')]),
  profileDim: Type.Integer({ minimum: 1 }),
  /** Unit-length interests and items with scores divided by `temperature`; false: plain inner products. */
  normalize: Type.Boolean(),
  temperature: Type.Number({ exclusiveMinimum: 0 }),
  /** Which interest answers for a label in training. */
  readout: Type.Union([
    /** Label-aware attention (paper, §4.4) with the power p; `infinity` takes the nearest interest. */
    Type.Object({
      kind: Type.Literal('label-aware'),
      power: Type.Union([Type.Number({ minimum: 0 }), Type.Literal('infinity')]),
    }),
    /** The loss is taken over a smooth maximum of all interests, so that all are calibrated against negatives. */
    Type.Object({ kind: Type.Literal('logsumexp') }),
    /** The loss is taken over the maximum, exactly what serving does. */
    Type.Object({ kind: Type.Literal('max') }),
  ]),
  /** Negatives of a batch, drawn log-uniform by popularity rank with logQ correction; `all`: the full softmax. */
  negatives: Type.Union([Type.Integer({ minimum: 1 }), Type.Literal('all')]),
  /** Adds learned weights of an item's popularity at the moment of asking (not in the paper). */
  popularityPrior: Type.Boolean(),
  /** Adds a learned bonus for an item the user has chosen before, by count and age (not in the paper). */
  repeatBonus: Type.Boolean(),
  /** Share of the behavior inputs set to zero in training. */
  dropout: Type.Number({ minimum: 0, exclusiveMaximum: 1 }),
});
export type ModelConfig = Static<typeof ModelConfig>;

/** How a model is fitted; kept apart from what the model is. */
export const TrainingConfig = Type.Object({
  seed: Type.Integer(),
  batchSize: Type.Integer({ minimum: 1 }),
  /** Most epochs; early stopping may end before. */
  epochs: Type.Integer({ minimum: 1 }),
  learningRate: Type.Number({ exclusiveMinimum: 0 }),
  /** Epochs without a better validation score before stopping. */
  patience: Type.Integer({ minimum: 1 }),
  /** Most examples of one user in an epoch; 0 means all. */
  examplesPerUser: Type.Integer({ minimum: 0 }),
  /**
   * `next`: the next interaction is the label. `window`: at each day of a user, and at some moments within them, every
   * interaction of the `windowDays` that follow is one: the question that a time split asks.
   */
  labels: Type.Union([Type.Literal('next'), Type.Literal('window')]),
  windowDays: Type.Number({ exclusiveMinimum: 0 }),
  /** Moments of each user beside the starts of days. */
  extraMoments: Type.Integer({ minimum: 0 }),
  /** Whether the chosen number of epochs is trained again with the validation window included. */
  refit: Type.Boolean(),
  /** What is different where training starts from an earlier model's weights. */
  warm: Type.Object({
    epochs: Type.Integer({ minimum: 1 }),
    learningRate: Type.Number({ exclusiveMinimum: 0 }),
  }),
});
export type TrainingConfig = Static<typeof TrainingConfig>;

/** The default recipe; where each extra comes from and what it is worth: docs/model.md. */
export const facetModel: ModelConfig = {
  embeddingDim: 64,
  interests: 4,
  adaptiveInterests: true,
  sequenceLength: 100,
  distinctBehaviors: true,
  routing: { iterations: 3, sigma: 1, trainingLogits: 'fixed', gradient: 'last', cosineAgreement: 10, identity: 1 },
  recency: true,
  context: true,
  residual: true,
  hiddenUnits: [256],
  outputActivation: 'linear',
  profileDim: 16,
  normalize: true,
  temperature: 0.2,
  readout: { kind: 'logsumexp' },
  negatives: 'all',
  popularityPrior: true,
  repeatBonus: true,
  dropout: 0.3,
};

export const facetTraining: TrainingConfig = {
  seed: 1,
  batchSize: 256,
  epochs: 6,
  learningRate: 3e-3,
  patience: 6,
  examplesPerUser: 8,
  labels: 'window',
  windowDays: 70,
  extraMoments: 5,
  refit: true,
  warm: { epochs: 2, learningRate: 1e-3 },
};

/** MIND as the paper has it: σ 1, p as a power, sampled softmax, Adam; sizes where it leaves them open. */
export const mindModel: ModelConfig = {
  embeddingDim: 64,
  interests: 4,
  adaptiveInterests: true,
  sequenceLength: 50,
  distinctBehaviors: false,
  routing: { iterations: 3, sigma: 1, trainingLogits: 'redrawn', gradient: 'last', cosineAgreement: 0, identity: 0 },
  recency: false,
  context: false,
  residual: false,
  hiddenUnits: [256],
  outputActivation: 'relu',
  profileDim: 16,
  normalize: false,
  temperature: 1,
  readout: { kind: 'label-aware', power: 2 },
  negatives: 1280,
  popularityPrior: false,
  repeatBonus: false,
  dropout: 0,
};

export const mindTraining: TrainingConfig = {
  ...facetTraining,
  learningRate: 1e-3,
  epochs: 20,
  labels: 'next',
  examplesPerUser: 0,
  warm: { epochs: 4, learningRate: 3e-4 },
};

/** The named variants of `facet.yaml` (`model.variant`). */
export const modelVariants: Readonly<Record<string, { model: ModelConfig; training: TrainingConfig }>> = {
  facet: { model: facetModel, training: facetTraining },
  mind: { model: mindModel, training: mindTraining },
};

/** @throws AppError `MODEL_UNKNOWN_VARIANT` listing the known ones. */
export function modelVariant(name: string): { model: ModelConfig; training: TrainingConfig } {
  const variant = Object.hasOwn(modelVariants, name) ? modelVariants[name] : undefined;
  if (variant === undefined) {
    throw new AppError(`There is no model variant "${name}".`, {
      code: 'MODEL_UNKNOWN_VARIANT',
      remedy: `Choose one of: ${Object.keys(modelVariants).join(', ')}.`,
    });
  }
  return variant;
}

/** A model's config with what it learned of its data's features: all that is needed to lay out its weights. */
export const ModelSpec = Type.Object({
  config: ModelConfig,
  /** N, items of the vocabulary. */
  itemCount: Type.Integer({ minimum: 1 }),
  itemFeatures: Type.Array(FeatureSchema),
  userFeatures: Type.Array(FeatureSchema),
});
export type ModelSpec = Static<typeof ModelSpec>;
