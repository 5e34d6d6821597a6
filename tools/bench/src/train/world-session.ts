import { createRandom } from '@facet/features';
import type { PopularityTimeline } from '@facet/features';
import { initializeWeights, modelVariant } from '@facet/model';
import type { ModelConfig, ModelSpec, Weights } from '@facet/model';
import { createTrainingSession } from '@facet/model/training';
import type { TrainingSession } from '@facet/model/training';
import { sequenceLength } from './train-world.ts';
import type { TrainWorld } from './train-world.ts';

/** A model of items and users that have nothing but their ids. */
export function plainSpec(config: ModelConfig, items: number): ModelSpec {
  return { config, itemCount: items, itemFeatures: [], userFeatures: [] };
}

export interface WorldSessionOptions {
  /** The first weights of a new model by default. */
  readonly initialWeights?: Weights;
  /** Of a model that has a popularity prior; others never ask. */
  readonly timeline?: PopularityTimeline;
}

/** A training over a world, all of whose items compete. */
export function openWorldSession(
  { sequences }: TrainWorld,
  spec: ModelSpec,
  { initialWeights = initializeWeights(spec, createRandom(1)), timeline = noTimeline }: WorldSessionOptions = {},
): TrainingSession {
  const { itemCount } = spec;
  return createTrainingSession({
    spec,
    initialWeights,
    itemFeatures: [],
    trainedCount: itemCount,
    data: {
      sequences,
      profiles: [],
      timeline,
      candidates: Int32Array.from({ length: itemCount }, (_, each) => each + 1),
    },
  });
}

/** The model of the paper over a world: random logits and a sampled softmax, so that every step has chance in it. */
export function openMindSession(world: TrainWorld, items: number, negatives: number): TrainingSession {
  const { model } = modelVariant('mind');
  return openWorldSession(world, plainSpec({ ...model, sequenceLength, negatives }, items));
}

const noTimeline: PopularityTimeline = {
  dayOf: () => 0,
  isKnown: () => true,
  featuresOn: () => new Float32Array(0),
  writeFeatures: () => undefined,
};
