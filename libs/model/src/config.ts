import { FeatureSchema } from '@facet/features';
import { AppError } from '@facet/platform/errors';
import { Type } from 'typebox';
import type { Static } from 'typebox';

/** Behavior-to-interest dynamic routing (paper, §4.2); {@link https://arxiv.org/abs/1904.08030} and its heirs. */
const RoutingExtractor = Type.Object({
  kind: Type.Literal('routing'),
  /**
   * The bilinear maps S of the behaviors. `shared`: one (MIND; `bilinear_type` 0 of public code). `per-interest`: one for each
   * interest (1). `per-position`: one for each interest and place of a behavior, counted from the newest (2, ComiRec-DR). Only
   * with a shared map do interests need random logits to differ.
   */
  map: Type.Union([Type.Literal('shared'), Type.Literal('per-interest'), Type.Literal('per-position')]),
  /** R of the paper, "usually three". */
  iterations: Type.Integer({ minimum: 1 }),
  /** σ of the Gaussian logits; 0 for logits of zero. */
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
  /** Each map starts as this times the identity plus small noise; 0 means Glorot noise only. */
  identity: Type.Number(),
});

/** The weighted mean of the behaviors, as one capsule. */
const MeanExtractor = Type.Object({ kind: Type.Literal('mean') });

/**
 * K vectors for each user of the training, free parameters (MaxMF): behaviors play no part, and whoever is new has none.
 */
const UserVectorsExtractor = Type.Object({ kind: Type.Literal('user-vectors') });

/** Attention of each interest over the behaviors (ComiRec-SA; Lin et al., ICLR 2017). */
const SelfAttentionExtractor = Type.Object({
  kind: Type.Literal('self-attention'),
  /** Width of the hidden layer that the attention is read from; 4 · D in the authors' code. */
  units: Type.Integer({ minimum: 1 }),
});

/** A causal transformer over the behaviors, read at the newest one, as one capsule (SASRec). */
const TransformerExtractor = Type.Object({
  kind: Type.Literal('transformer'),
  /** Each of self-attention with one head, which its authors found best, and two dense layers D → D. */
  blocks: Type.Integer({ minimum: 1 }),
});

/** What makes capsules of behaviors, by `kind`. */
export const extractorSchemas = {
  routing: RoutingExtractor,
  mean: MeanExtractor,
  'self-attention': SelfAttentionExtractor,
  transformer: TransformerExtractor,
  'user-vectors': UserVectorsExtractor,
} as const;
export const ExtractorKind = Type.Enum(Object.keys(extractorSchemas) as (keyof typeof extractorSchemas)[]);
export type ExtractorKind = Static<typeof ExtractorKind>;
/** The settings of one kind of extractor. */
export type ExtractorConfig<Kind extends ExtractorKind = ExtractorKind> = {
  [Each in Kind]: Static<(typeof extractorSchemas)[Each]>;
}[Kind];

/** Every hyper-parameter of a user tower and its loss: extractor × layers × readout × loss. */
export const ModelConfig = Type.Object({
  /** D, the size of an embedding. */
  embeddingDim: Type.Integer({ minimum: 1 }),
  /** K, the most interests of a user. */
  interests: Type.Integer({ minimum: 1, maximum: 64 }),
  /** Whether a user has K'u = max(1, min(K, log2 n)) interests (paper, Eq. 8) or always K. */
  adaptiveInterests: Type.Boolean(),
  /**
   * Share of the users who must have behaviors enough for interest K: where fewer have, K is lowered when a model is laid out
   * for its data (`kernel/active-interests.ts`). Absent or 0: K stays (not in the paper).
   */
  interestUsersMin: Type.Optional(Type.Number({ minimum: 0, maximum: 1 })),
  /** L, the length of a behavior sequence. */
  sequenceLength: Type.Integer({ minimum: 1 }),
  /** Whether an item chosen again is one behavior with a count. */
  distinctBehaviors: Type.Boolean(),
  extractor: Type.Union([
    RoutingExtractor,
    MeanExtractor,
    SelfAttentionExtractor,
    TransformerExtractor,
    UserVectorsExtractor,
  ]),
  /** A behavior's age: an embedding added to it, and its weight in the capsules (not in the paper). */
  recency: Type.Boolean(),
  /** A recency-weighted mean of the behaviors beside each capsule, an input of the H-layers (not in the paper). */
  context: Type.Boolean(),
  /** Adds the capsule (and the context) to the output of the H-layers (not in the paper). */
  residual: Type.Boolean(),
  /**
   * What makes interests of capsules. `hidden`: the paper's H-layers (§4.3). `relu`: one bias-free ReLU layer D → D. `none`:
   * capsules are interests. Without H-layers the profile is added to each capsule through a linear map of its own.
   */
  layers: Type.Union([Type.Literal('hidden'), Type.Literal('relu'), Type.Literal('none')]),
  /** Width of each hidden H-layer; an output layer of width D follows. */
  hiddenUnits: Type.Array(Type.Integer({ minimum: 1 })),
  outputActivation: Type.Union([Type.Literal('relu'), Type.Literal('linear')]),
  profileDim: Type.Integer({ minimum: 1 }),
  /** Unit-length interests and items with scores divided by `temperature`; false: plain inner products. */
  normalize: Type.Boolean(),
  temperature: Type.Number({ exclusiveMinimum: 0 }),
  /**
   * Where it is below `temperature`, that is where learning begins and this is what the learned one stays above: sharper
   * scores fit what is known ever better, and the next choice worse (not in the paper).
   */
  temperatureMin: Type.Number({ exclusiveMinimum: 0 }),
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
  /**
   * Negatives of a batch, drawn log-uniform by popularity rank with logQ correction; `all`: the full softmax; `auto`: the full
   * softmax of a catalog that is small enough for it (`loss/negatives.ts`).
   */
  negatives: Type.Union([Type.Integer({ minimum: 1 }), Type.Literal('all'), Type.Literal('auto')]),
  /** Adds learned weights of an item's popularity at the moment of asking (not in the paper). */
  popularityPrior: Type.Boolean(),
  /** Adds a learned bonus for an item the user has chosen before, by count and age (not in the paper). */
  repeatBonus: Type.Boolean(),
  /** Weight of what it costs that interests of a user are alike (`loss/interest-separation.ts`; not in the paper). */
  separation: Type.Number({ minimum: 0 }),
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
   * `next`: the next interaction is the label. `moment`: all that is left of the moment of the next interaction is, such as the
   * rest of an invoice, whose order says nothing. `window`: at each day of a user, and at some moments within them, every
   * interaction of the `windowDays` that follow is one: the question that a time split asks.
   */
  labels: Type.Union([Type.Literal('next'), Type.Literal('moment'), Type.Literal('window')]),
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

/** A named whole set of values: one of `variants/`. */
export interface ModelVariant {
  readonly model: ModelConfig;
  readonly training: TrainingConfig;
}

/** A model's config with what it learned of its data's features: all that is needed to lay out its weights. */
export const ModelSpec = Type.Object({
  config: ModelConfig,
  /** N, items of the vocabulary. */
  itemCount: Type.Integer({ minimum: 1 }),
  /** U, users of the training; only where each has vectors of their own (`user-vectors`). */
  userCount: Type.Optional(Type.Integer({ minimum: 1 })),
  itemFeatures: Type.Array(FeatureSchema),
  userFeatures: Type.Array(FeatureSchema),
});
export type ModelSpec = Static<typeof ModelSpec>;

/** Extractors that make one vector of a user. */
const singleVector: ReadonlySet<ExtractorKind> = new Set(['mean', 'transformer']);

/** @throws AppError `MODEL_UNSUPPORTED` for settings that contradict each other. */
export function checkModel(config: ModelConfig): void {
  const { extractor, layers } = config;
  if (singleVector.has(extractor.kind) && config.interests > 1) {
    throw unsupported(
      `The extractor ${extractor.kind} makes one interest of a user, not ${config.interests}.`,
      'Set model.interests to 1, or choose another extractor.',
    );
  }
  if (extractor.kind === 'user-vectors' && config.adaptiveInterests) {
    throw unsupported(
      'Vectors of users are as many for all: K does not adapt to the behaviors.',
      'Set model.adaptiveInterests to false.',
    );
  }
  if (layers !== 'hidden' && (config.context || config.residual)) {
    throw unsupported(
      `A context or residual path goes with H-layers, not with layers: ${layers}.`,
      'Set model.layers to hidden, or context and residual to false.',
    );
  }
}

function unsupported(message: string, remedy: string): AppError {
  return new AppError(message, { code: 'MODEL_UNSUPPORTED', category: 'usage', remedy });
}
