import {
  buildPopularityTimeline,
  buildUserSequences,
  createItemVocabulary,
  createRandom,
  encodeFeatures,
} from '@facet/features';
import type { Examples, FeatureSchema, Interaction, Random, UserSequences } from '@facet/features';
import { embedItems, fitConfigs, initializeWeights, modelVariant } from '../src/index.ts';
import type { FitConfig, ModelConfig, ModelSpec, TrainingConfig, Weights } from '../src/index.ts';
import { tensorOf } from '@facet/tf-graph';
import { mapLeaves } from '@facet/tf-graph/arrays';
import type { NumericArray } from '@facet/tf-graph/arrays';
import { tf } from '@facet/tf-graph/tensorflow';
import type { Variable } from '@facet/tf-graph/tensorflow';
import { dayMs } from '@facet/platform';
import { createBatchBuilder, sharedItems, trainingExamples } from '../src/batches.ts';
import type { BatchArrays, TrainingData } from '../src/batches.ts';
import type { TrainingBatch } from '../src/batch.ts';
import { pooledArrays } from '../src/tower/item-rows.ts';
import { toBatch } from '../src/training/training-batches.ts';
import type { BatchBuilder } from '../src/training/training-batches.ts';
import { createCandidateSet } from '../src/training/candidate-set.ts';
import type { BatchNegatives, CandidateSet } from '../src/training/candidate-set.ts';
import { createExampleReader } from '../src/training/example-rows.ts';
import type { ExampleRows } from '../src/training/example-rows.ts';
import { createTrainingSession } from '../src/training.ts';
import type { TrainingSession } from '../src/training.ts';

const genre: FeatureSchema = { name: 'genre', kind: 'category', values: ['a', 'b', 'c'], edges: [], slots: 2 };
const gender: FeatureSchema = { name: 'gender', kind: 'category', values: ['F', 'M'], edges: [], slots: 1 };

export interface TinyWorld {
  readonly spec: ModelSpec;
  /** The item of each row; position 0 is a placeholder. */
  readonly itemIds: readonly string[];
  readonly weights: Weights;
  readonly data: TrainingData & { readonly sequences: UserSequences };
  readonly itemFeatures: ReturnType<typeof encodeFeatures>;
  readonly training: FitConfig;
  readonly trainedCount: number;
}

/** 12 users who each walk through one of three groups of four items, two days a step; the last items are cold. @param options.coldItems Default: 1. */
export function createTinyWorld(options: {
  variant: string;
  model?: Partial<ModelConfig>;
  training?: Partial<TrainingConfig>;
  coldItems?: number;
}): TinyWorld {
  const itemCount = 12 + (options.coldItems ?? 1);
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
  const itemIds = ['', ...Array.from({ length: itemCount }, (_, item) => `item${item + 1}`)];
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
    itemCount,
    ...(config.extractor.kind === 'user-vectors' ? { userCount: 12 } : {}),
    itemFeatures: [genre],
    userFeatures: [gender],
  };
  return {
    spec,
    itemIds,
    weights: initializeWeights(spec, createRandom(5)),
    itemFeatures,
    trainedCount: 12,
    training: fitConfigs({ ...trainingBase, batchSize: 16, epochs: 3, ...options.training })[0],
    data: {
      sequences,
      userFeatures: encodeFeatures(
        [gender],
        sequences.userIds.map((_, user) => ({ gender: user % 2 === 0 ? 'F' : 'M' })),
      ),
      timeline: buildPopularityTimeline(sequences, itemCount, 100 * dayMs),
      candidates: Int32Array.from({ length: 12 }, (_, item) => item + 1),
    },
  };
}

/** Returns the training examples of the whole data. */
export function examplesOf({ data, training }: TinyWorld): Examples {
  return trainingExamples(data.sequences, training, Number.MAX_SAFE_INTEGER);
}

/** Returns all examples, a batch of the chosen ones, and the items that their labels compete with. @param chosen Default: twelve examples, every third. */
export function readBatch(
  world: TinyWorld,
  chosen: readonly number[] | Int32Array = Array.from({ length: 12 }, (_, position) => position * 3),
): { examples: Examples; batch: ExampleRows; candidateSet: CandidateSet } {
  const { spec, data } = world;
  const examples = examplesOf(world);
  const batch = createExampleReader(spec, data)(examples, Int32Array.from(chosen), createRandom(2));
  return { examples, batch, candidateSet: createCandidateSet(data, spec.itemCount) };
}

/** Returns the embeddings of all items, cold ones too. */
export function embeddingsOf({ spec, itemFeatures, trainedCount }: TinyWorld, weights: Weights): Float32Array {
  return embedItems(spec, weights, { itemCount: spec.itemCount, trainedCount, features: itemFeatures });
}

/** Returns weights with each value changed by `change`. */
export function changeWeights(weights: Weights, change: (value: number) => number): Weights {
  return Object.fromEntries(
    Object.entries(weights).map(([name, { shape, data }]) => [name, { shape, data: data.map(change) }]),
  );
}

/** A session that takes steps on examples by their positions. @param denseRowsMax 0 for lazy updates of rows, as of large tables */
export function openTinySession(
  world: TinyWorld,
  {
    initialWeights = world.weights,
    denseRowsMax,
  }: { initialWeights?: Weights; denseRowsMax?: number | undefined } = {},
): TrainingSession & {
  readonly buildBatch: BatchBuilder;
  stepOn(examples: Examples, chosen: Int32Array, rate: number, random: Random): number;
} {
  const options = { ...world, ...(denseRowsMax === undefined ? {} : { denseRowsMax }) };
  const buildBatch = createBatchBuilder(options);
  const session = createTrainingSession({
    spec: world.spec,
    sharedItems: sharedItems(options, world.data.candidates),
    initialWeights,
  });
  return {
    ...session,
    buildBatch,
    stepOn: (examples, chosen, rate, random) => session.step(buildBatch(examples, chosen, random)!, rate),
  };
}

/** Returns the batch as tensors. The caller disposes of them. */
export function tensorsOf(batch: BatchArrays): TrainingBatch {
  return mapLeaves<TrainingBatch>(batch, (array) => tensorOf(array as NumericArray));
}

/** Returns the tensors of examples with all items, as the op-by-op objective reads them, without random numbers. */
export function batchTensors(
  { spec, itemFeatures, trainedCount }: TinyWorld,
  rows: ExampleRows,
  candidates: CandidateSet,
  negatives: BatchNegatives | undefined,
): TrainingBatch {
  const batch = toBatch(spec, rows, candidates, negatives);
  const pooled = pooledArrays({ itemCount: spec.itemCount, trainedCount, features: itemFeatures });
  return tensorsOf({ ...batch, items: { ...batch.items!, pooled } });
}

/** Returns these items, with repeats, as the negatives of a batch. */
export function drawnItems({ sampler }: CandidateSet, ...items: readonly number[]): BatchNegatives {
  return {
    items: Int32Array.from(items),
    logExpectedCount: (item) => Math.log(sampler.expectedCount(item, items.length)),
  };
}

/** Returns weights as variables, with each value changed by `change`. */
export function variablesOf(
  weights: Weights,
  change: (value: number) => number = (value) => value,
): Record<string, Variable> {
  return Object.fromEntries(
    Object.entries(changeWeights(weights, change)).map(([name, { shape, data }]) => [
      name,
      tf.tidy(() => tf.variable(tf.tensor(data, [...shape]), name !== 'routing/logits')),
    ]),
  );
}
