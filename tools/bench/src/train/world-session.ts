import { createRandom } from '@facet/features';
import type { PopularityTimeline, Random } from '@facet/features';
import { initializeWeights, modelVariant } from '@facet/model';
import type { ModelConfig, ModelSpec, Weights } from '@facet/model';
import { createBatchBuilder, sharedItems } from '@facet/model/batches';
import { createTrainingSession } from '@facet/model/training';
import type { TrainingSession } from '@facet/model/training';
import { allItems, sequenceLength } from './train-world.ts';
import type { TrainWorld } from './train-world.ts';

/** Returns the spec of a model without item and user features. */
export function plainSpec(config: ModelConfig, items: number): ModelSpec {
  return { config, itemCount: items, itemFeatures: [], userFeatures: [] };
}

export interface WorldSessionOptions {
  /** Default: weights of an untrained model. */
  readonly initialWeights?: Weights;
  /** Used only by models with a popularity prior. */
  readonly timeline?: PopularityTimeline;
}

/** A training session whose steps run on selected examples. */
export interface WorldSession extends TrainingSession {
  /** Trains on the examples at the positions `chosen`. Returns the loss before the step. */
  stepOn(chosen: Int32Array, learningRate: number, random: Random): number;
}

/** Opens a training session on generated data, with all items as candidates. */
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

/** Opens a session of the paper's model, with random logits and a sampled softmax in every step. */
export function openMindSession(world: TrainWorld, items: number, negatives: number): WorldSession {
  const { model } = modelVariant('mind');
  return openWorldSession(world, plainSpec({ ...model, sequenceLength, negatives }, items));
}

const noTimeline: PopularityTimeline = {
  dayOf: () => 0,
  isKnown: () => true,
  firstDayOf: () => 0,
  featuresOn: () => new Float32Array(0),
  writeFeatures: () => undefined,
};
