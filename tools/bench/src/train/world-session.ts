import { createRandom } from '@facet/features';
import type { PopularityTimeline, Random } from '@facet/features';
import { initializeWeights, modelVariant } from '@facet/model';
import type { ModelConfig, ModelSpec, Weights } from '@facet/model';
import { createBatchBuilder, sharedItems } from '@facet/model/batches';
import { createTrainingSession } from '@facet/model/training';
import type { TrainingSession } from '@facet/model/training';
import { allItems, sequenceLength } from './train-world.ts';
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

/** A training that is told which examples a step is on. */
export interface WorldSession extends TrainingSession {
  /** @param chosen positions among the examples of the world @returns the loss before the step */
  stepOn(chosen: Int32Array, learningRate: number, random: Random): number;
}

/** A training over a world, all of whose items compete. */
export function openWorldSession(
  { sequences, examples }: TrainWorld,
  spec: ModelSpec,
  { initialWeights = initializeWeights(spec, createRandom(1)), timeline = noTimeline }: WorldSessionOptions = {},
): WorldSession {
  const { itemCount } = spec;
  const candidates = allItems(itemCount);
  const ofItems = { spec, itemFeatures: [], trainedCount: itemCount };
  const build = createBatchBuilder({ ...ofItems, data: { sequences, profiles: [], timeline, candidates } });
  const session = createTrainingSession({ spec, initialWeights, sharedItems: sharedItems(ofItems, candidates) });
  return {
    ...session,
    stepOn: (chosen, learningRate, random) => session.step(build(examples, chosen, random)!, learningRate),
  };
}

/** The model of the paper over a world: random logits and a sampled softmax, so that every step has chance in it. */
export function openMindSession(world: TrainWorld, items: number, negatives: number): WorldSession {
  const { model } = modelVariant('mind');
  return openWorldSession(world, plainSpec({ ...model, sequenceLength, negatives }, items));
}

const noTimeline: PopularityTimeline = {
  dayOf: () => 0,
  isKnown: () => true,
  featuresOn: () => new Float32Array(0),
  writeFeatures: () => undefined,
};
