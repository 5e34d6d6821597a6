import { FeatureSchema } from '@facet/features';
import { AppError } from '@facet/platform/errors';
import { Type } from 'typebox';
import type { Static } from 'typebox';

/** Behavior-to-interest dynamic routing (MIND, {@link https://arxiv.org/abs/1904.08030}, §4.2). */
const RoutingExtractor = Type.Object({
  kind: Type.Literal('routing'),
  map: Type.Union(
    [
      Type.Literal('shared'),
      Type.Literal('shared-repeated'),
      Type.Literal('per-interest'),
      Type.Literal('per-position'),
    ],
    {
      description:
        'The bilinear maps S of the behaviors. `shared`: one (MIND; `bilinear_type` 0 of public code). `per-interest`: one per interest (1). `per-position`: one per interest and position, counted from the newest behavior (2, ComiRec-DR). Only with a shared map do interests need random logits to differ. `shared-repeated`: the shared map of public Paddle code, whose copies for the interests repeat coordinates: coordinate d of interest j is coordinate ⌊(j D + d) / K⌋ of S·e_i, so that an interest sees D / K of them.',
    },
  ),
  softmaxOver: Type.Optional(
    Type.Union([Type.Literal('interests'), Type.Literal('behaviors')], {
      description:
        '`behaviors`: the softmax of the routing runs over the behaviors of an interest, as in public code. By default, over the interests.',
    }),
  ),
  iterations: Type.Integer({ minimum: 1, description: 'R of the paper, "usually three".' }),
  sigma: Type.Number({ minimum: 0, description: 'σ of the Gaussian logits; 0 for logits of zero.' }),
  trainingLogits: Type.Union([Type.Literal('redrawn'), Type.Literal('fixed')], {
    description: '`redrawn`: new logits for each training example. `fixed`: the logits of inference in training too.',
  }),
  gradient: Type.Union([Type.Literal('last'), Type.Literal('all')], {
    description: '`last`: only the last iteration carries gradients, as in public code. `all`: every iteration does.',
  }),
  cosineAgreement: Type.Number({
    minimum: 0,
    description:
      "Agreement of capsule and behavior: 0 for the paper's inner product u_jᵀ S·e_i, c > 0 for c times their cosine, which is independent of the capsule's norm and separates interests.",
  }),
  identity: Type.Number({
    description: 'Each map starts as this multiple of the identity plus small noise; 0 means Glorot noise only.',
  }),
});

/** The weighted mean of the behaviors, as one capsule. */
const MeanExtractor = Type.Object({ kind: Type.Literal('mean') });

/** K learned vectors per user of the training (MaxMF). Behaviors have no effect, and new users have no vectors. */
const UserVectorsExtractor = Type.Object({ kind: Type.Literal('user-vectors') });

/** Attention of each interest over the behaviors (ComiRec-SA; Lin et al., ICLR 2017). */
const SelfAttentionExtractor = Type.Object({
  kind: Type.Literal('self-attention'),
  units: Type.Integer({
    minimum: 1,
    description: "Width of the hidden layer of the attention; 4 · D in the authors' code.",
  }),
});

/** A causal transformer over the behaviors, whose output at the newest one is the capsule (SASRec). */
const TransformerExtractor = Type.Object({
  kind: Type.Literal('transformer'),
  blocks: Type.Integer({
    minimum: 1,
    description: "Each block has self-attention with one head, the authors' best choice, and two dense layers D → D.",
  }),
});

/** The multi-interest extractors by `kind`. */
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

/** The hyperparameters of a model and its loss: extractor × layers × readout × loss. */
export const ModelConfig = Type.Object({
  embeddingDim: Type.Integer({ minimum: 1, description: 'D, the size of an embedding.' }),
  interests: Type.Integer({ minimum: 1, maximum: 64, description: 'K, the maximum number of interests of a user.' }),
  adaptiveInterests: Type.Boolean({
    description: "Whether a user has K'u = max(1, min(K, log2 n)) interests (paper, Eq. 8) or always K.",
  }),
  interestGainMin: Type.Optional(
    Type.Number({
      minimum: 0,
      description:
        'Minimum gain of K interests over one interest in the validation score, as a share (not in the paper). Training compares both. Below the minimum, the model has one interest. Absent or 0: K is not compared.',
    }),
  ),
  sequenceLength: Type.Integer({ minimum: 1, description: 'L, the length of a behavior sequence.' }),
  distinctBehaviors: Type.Boolean({
    description: 'Whether repeated interactions with an item are one behavior with a count.',
  }),
  extractor: Type.Union(
    [RoutingExtractor, MeanExtractor, SelfAttentionExtractor, TransformerExtractor, UserVectorsExtractor],
    { description: 'How behaviors become capsules.' },
  ),
  recency: Type.Boolean({
    description: 'Uses the age of behaviors: an added embedding, and a weight in the capsules (not in the paper).',
  }),
  context: Type.Union([Type.Literal('none'), Type.Literal('mean'), Type.Literal('attention')], {
    description:
      'The context in the input of the H-layers (not in the paper). `mean`: the recency-weighted mean of the behaviors. `attention`: that mean plus one block of a causal transformer, read at the newest behavior, which knows the order of the behaviors.',
  }),
  residual: Type.Boolean({
    description: 'Adds the capsule to the output of the H-layers (not in the paper).',
  }),
  layers: Type.Union([Type.Literal('hidden'), Type.Literal('relu'), Type.Literal('none')], {
    description:
      "Layers from capsules to interests. `hidden`: the paper's H-layers (§4.3). `relu`: one bias-free ReLU layer D → D. `none`: capsules are interests. Without H-layers, a linear map adds the user features to each capsule.",
  }),
  hiddenUnits: Type.Array(Type.Integer({ minimum: 1 }), {
    description: 'Width of each hidden H-layer; an output layer of width D follows.',
  }),
  outputActivation: Type.Union([Type.Literal('relu'), Type.Literal('linear')], {
    description: 'Activation of the output layer of the H-layers.',
  }),
  profileDim: Type.Integer({ minimum: 1, description: 'Size of the embedding of each user feature.' }),
  normalize: Type.Boolean({ description: 'Scores are cosines divided by `temperature`; false: plain inner products.' }),
  temperature: Type.Number({ exclusiveMinimum: 0, description: 'Divisor of the cosines of `normalize`.' }),
  temperatureMin: Type.Number({
    exclusiveMinimum: 0,
    description:
      'Lower bound of a learned temperature that starts at `temperature`; not learned if equal to it (not in the paper). Sharper scores fit the training data better and generalize worse.',
  }),
  readout: Type.Union(
    [
      /** Label-aware attention (paper, §4.4) with power p; `infinity` selects the nearest interest. */
      Type.Object({
        kind: Type.Literal('label-aware'),
        power: Type.Union([Type.Number({ minimum: 0 }), Type.Literal('infinity')]),
      }),
      /** A smooth maximum over all interests, which calibrates all of them against negatives. */
      Type.Object({ kind: Type.Literal('logsumexp') }),
      /** The maximum over the interests. */
      Type.Object({ kind: Type.Literal('max') }),
    ],
    { description: 'The interest that scores a label in training.' },
  ),
  scoreSharpness: Type.Optional(
    Type.Number({
      minimum: 0,
      description:
        'Sharpness β of the score of an item: the smooth maximum (1/β) ln mean_k exp(β v_kᵀ e) over the interests (not in the paper). Absent or 0: the maximum (Eq. 3).',
    }),
  ),
  mergeCosine: Type.Optional(
    Type.Number({
      exclusiveMinimum: 0,
      maximum: 1,
      description:
        'Cosine from which two interests of a user are merged at inference (not in the paper). Training does not merge. Absent: interests are never merged.',
    }),
  ),
  negatives: Type.Union(
    [
      Type.Integer({ minimum: 1 }),
      Type.Literal('all'),
      Type.Literal('auto'),
      Type.Literal('in-batch'),
      Type.Unsafe<`in-batch+${number}`>(Type.String({ pattern: String.raw`^in-batch\+[1-9]\d*$` })),
    ],
    {
      description:
        'Negatives per batch, log-uniform by popularity rank with logQ correction. `all`: the full softmax. `auto`: the full softmax for few trained items (`loss/negatives.ts`). `in-batch`: the labels of the other examples of the batch (Yi et al., RecSys 2019). `in-batch+2048`: these and 2,048 drawn ones (Yang et al., WWW 2020).',
    },
  ),
  popularityPrior: Type.Boolean({
    description: "Adds learned weights of an item's popularity at the moment of the request (not in the paper).",
  }),
  repeatBonus: Type.Boolean({
    description:
      "Adds a learned bonus for items of the user's behaviors, by count and age, and multiplies their score by a fitted weight (not in the paper).",
  }),
  separation: Type.Number({
    minimum: 0,
    description: 'Weight of the penalty on similar interests (`interestSeparation`; not in the paper).',
  }),
  dropout: Type.Number({
    minimum: 0,
    exclusiveMaximum: 1,
    description: 'Share of behavior inputs set to zero in training.',
  }),
});
export type ModelConfig = Static<typeof ModelConfig>;

const fitLabels = ['next', 'moment', 'share', 'window'] as const;

/** The labels of the examples of a fit. */
export const FitLabels = Type.Enum([...fitLabels]);
export type FitLabels = Static<typeof FitLabels>;

/** The hyperparameters of training, separate from those of the model. */
export const TrainingConfig = Type.Object({
  seed: Type.Integer({ description: 'Seed of weights, batches and negatives.' }),
  batchSize: Type.Integer({ minimum: 1, description: 'Examples per batch.' }),
  epochs: Type.Union([Type.Integer({ minimum: 1 }), Type.Literal('auto')], {
    description:
      'Maximum number of epochs; early stopping may end sooner. `auto`: 6, or as many as give 150 steps, but at most 30.',
  }),
  learningRate: Type.Number({ exclusiveMinimum: 0, description: 'Learning rate of Adam.' }),
  patience: Type.Integer({
    minimum: 1,
    description: 'Epochs without a better validation score before early stopping.',
  }),
  averageEpochs: Type.Number({
    minimum: 0,
    description:
      'Length of the moving average of the weights, in epochs (not in the paper). Validation and the model use the average. A warm start does not average. 0: no average.',
  }),
  examplesPerUser: Type.Integer({
    minimum: 0,
    description:
      'c: a user with n > c examples gives √(c · n) of them in an epoch, the others all of theirs. 0: all users give all.',
  }),
  labels: Type.Enum([...fitLabels, 'auto'], {
    description:
      '`next`: the label is the next interaction. `moment`: the labels are the rest of the interactions of that moment, such as an invoice, whose order is arbitrary. `share`: the labels are the following interactions, a quarter as many as the history has. `window`: at the start of each day of a user, and at some moments within those days, the labels are all interactions of the following `windowDays`, as in an evaluation by time split. `auto`: a full training fits `window` and `share`, and keeps `share` if its validation score is higher by more than 2 %. A warm start keeps the labels of its model.',
  }),
  windowDays: Type.Number({ exclusiveMinimum: 0, description: 'Days of the labels `window`.' }),
  extraMoments: Type.Integer({ minimum: 0, description: 'Moments per user in addition to the starts of days.' }),
  refit: Type.Boolean({
    description: 'Whether to train the best number of epochs again with the validation window included.',
  }),
  warm: Type.Object(
    {
      epochs: Type.Integer({ minimum: 1, description: 'Epochs of a warm start.' }),
      learningRate: Type.Number({ exclusiveMinimum: 0, description: 'Learning rate of a warm start.' }),
    },
    { description: "Settings of a warm start from an earlier model's weights." },
  ),
});
export type TrainingConfig = Static<typeof TrainingConfig>;

/** The settings of one fit, whose labels are never `auto`. */
export interface FitConfig extends TrainingConfig {
  readonly labels: FitLabels;
}

/** Returns the settings of the fits that a training compares. Callers that compare nothing use the first. */
export function fitConfigs(training: TrainingConfig): readonly [FitConfig, ...FitConfig[]] {
  const { labels } = training;
  const withLabels = (chosen: FitLabels): FitConfig => ({ ...training, labels: chosen });
  return labels === 'auto' ? [withLabels('window'), withLabels('share')] : [withLabels(labels)];
}

/** All settings of a model and of its training. */
export interface ModelSettings {
  readonly model: ModelConfig;
  readonly training: TrainingConfig;
}

/** A model's config with the features of its data: determines names and shapes of the weights. */
export const ModelSpec = Type.Object({
  config: ModelConfig,
  itemCount: Type.Integer({ minimum: 1, description: 'N, items of the vocabulary.' }),
  userCount: Type.Optional(
    Type.Integer({ minimum: 1, description: 'U, users of the training. Only for `user-vectors`.' }),
  ),
  itemFeatures: Type.Array(FeatureSchema),
  userFeatures: Type.Array(FeatureSchema),
});
export type ModelSpec = Static<typeof ModelSpec>;

/** Extractors with one capsule. */
const singleVector: ReadonlySet<ExtractorKind> = new Set(['mean', 'transformer']);

/** Checks that the settings of a model are compatible. @throws AppError `MODEL_UNSUPPORTED`. */
export function checkModel(config: ModelConfig): void {
  const { extractor, layers } = config;
  if (singleVector.has(extractor.kind) && config.interests > 1) {
    throw unsupported(
      `The extractor ${extractor.kind} makes one interest per user, not ${config.interests}.`,
      'Set model.interests to 1, or set another model.extractor.',
    );
  }
  if (extractor.kind === 'user-vectors' && config.adaptiveInterests) {
    throw unsupported(
      'The extractor user-vectors learns the same K for every user.',
      'Set model.adaptiveInterests to false.',
    );
  }
  if (extractor.kind === 'transformer' && config.context === 'attention') {
    throw unsupported(
      'The extractor transformer and the context attention share their weights.',
      'Set model.context to mean.',
    );
  }
  if (layers !== 'hidden' && (config.context !== 'none' || config.residual)) {
    throw unsupported(
      `model.context and model.residual need H-layers, but model.layers is ${layers}.`,
      'Set model.layers to hidden, or model.context to none and model.residual to false.',
    );
  }
}

function unsupported(message: string, remedy: string): AppError {
  return new AppError(message, { code: 'MODEL_UNSUPPORTED', category: 'usage', remedy });
}
