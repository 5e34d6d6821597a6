import {
  buildPopularityTimeline,
  buildUserSequences,
  createItemVocabulary,
  createRandom,
  encodeFeatures,
} from '@facet/features';
import type { Examples, FeatureSchema, Interaction, Random, UserSequences } from '@facet/features';
import { initializeWeights, modelVariant } from '../src/index.ts';
import type { ModelConfig, ModelSpec, TrainingConfig, Weights } from '../src/index.ts';
import { createStepArrays, stepLayout } from '../src/batches.ts';
import type { TrainingData } from '../src/batches.ts';
import type { StepArrays } from '../src/training/step-arrays.ts';
import { createTrainingSession } from '../src/training.ts';
import type { TrainingSession } from '../src/training.ts';

const dayMs = 86_400_000;

const genre: FeatureSchema = { name: 'genre', kind: 'category', values: ['a', 'b', 'c'], edges: [], slots: 2 };
const gender: FeatureSchema = { name: 'gender', kind: 'category', values: ['F', 'M'], edges: [], slots: 1 };

export interface TinyWorld {
  readonly spec: ModelSpec;
  readonly weights: Weights;
  readonly data: TrainingData & { readonly sequences: UserSequences };
  readonly itemFeatures: ReturnType<typeof encodeFeatures>;
  readonly training: TrainingConfig;
  readonly trainedCount: number;
}

/** 12 users who each walk through one of three groups of four items, two days a step; the last item is cold. */
export function createTinyWorld(options: {
  variant: string;
  model?: Partial<ModelConfig>;
  training?: Partial<TrainingConfig>;
}): TinyWorld {
  const { model: base, training: trainingBase } = modelVariant(options.variant);
  const config: ModelConfig = {
    ...base,
    embeddingDim: 8,
    interests: Math.min(3, base.interests),
    sequenceLength: 6,
    hiddenUnits: [10],
    profileDim: 2,
    extractor: base.extractor.kind === 'self-attention' ? { ...base.extractor, units: 10 } : base.extractor,
    ...(typeof base.negatives === 'number' ? { negatives: 8 } : {}),
    ...options.model,
  };
  const itemIds = ['', ...Array.from({ length: 13 }, (_, item) => `item${item + 1}`)];
  const vocabulary = createItemVocabulary(itemIds, 12);
  const interactions: Interaction[] = [];
  for (let user = 0; user < 12; user++) {
    const group = user % 3;
    for (let step = 0; step < 8; step++) {
      const item = 1 + group * 4 + ((step + user) % 4);
      interactions.push({
        userId: `user${String(user).padStart(2, '0')}`,
        itemId: `item${item}`,
        occurredAt: step * 2 * dayMs + user * 1000,
      });
    }
  }
  const sequences = buildUserSequences(interactions, vocabulary);
  const itemFeatures = encodeFeatures(
    [genre],
    itemIds.map((_, item) =>
      item === 0 ? undefined : { genre: item % 4 === 0 ? ['a', 'b'] : [['a', 'b', 'c'][item % 3]!] },
    ),
  );
  const spec: ModelSpec = {
    config,
    itemCount: 13,
    ...(config.extractor.kind === 'user-vectors' ? { userCount: 12 } : {}),
    itemFeatures: [genre],
    userFeatures: [gender],
  };
  return {
    spec,
    weights: initializeWeights(spec, createRandom(5)),
    itemFeatures,
    trainedCount: 12,
    training: { ...trainingBase, batchSize: 16, epochs: 3, ...options.training },
    data: {
      sequences,
      profiles: encodeFeatures(
        [gender],
        sequences.userIds.map((_, user) => ({ gender: user % 2 === 0 ? 'F' : 'M' })),
      ),
      timeline: buildPopularityTimeline(sequences, 13, 100 * dayMs),
      candidates: Int32Array.from({ length: 12 }, (_, item) => item + 1),
    },
  };
}

/** A session that takes steps on examples by their positions. @param denseRowsMax 0 for lazy updates of rows, as of large tables */
export function openTinySession(
  world: TinyWorld,
  {
    initialWeights = world.weights,
    denseRowsMax,
  }: { initialWeights?: Weights; denseRowsMax?: number | undefined } = {},
): TrainingSession & {
  readonly steps: StepArrays;
  stepOn(examples: Examples, chosen: Int32Array, rate: number, random: Random): number;
} {
  const options = { ...world, ...(denseRowsMax === undefined ? {} : { denseRowsMax }) };
  const steps = createStepArrays(options);
  const layout = stepLayout(options, world.data.candidates);
  const session = createTrainingSession({ spec: world.spec, layout, initialWeights });
  return {
    ...session,
    steps,
    stepOn: (examples, chosen, rate, random) => session.step(steps.batch(examples, chosen, random)!, rate),
  };
}
