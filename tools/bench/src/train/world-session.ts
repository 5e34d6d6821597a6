import { buildPopularityTimeline, createRandom } from '@facet/features';
import type { Random } from '@facet/features';
import { initializeWeights, modelVariant } from '@facet/model';
import type { ModelConfig, ModelSpec } from '@facet/model';
import { createBatchBuilder, sharedItems } from '@facet/model/batches';
import { createTrainingSession } from '@facet/model/training';
import type { TrainingSession } from '@facet/model/training';
import { allItems, sequenceLength } from './train-world.ts';
import type { TrainWorld } from './train-world.ts';

/** Returns the spec of a model without item and user features. */
export function plainSpec(config: ModelConfig, items: number): ModelSpec {
  return { config, itemCount: items, itemFeatures: [], userFeatures: [] };
}

/** A training session whose steps run on selected examples. */
export interface WorldSession extends TrainingSession {
  /** Trains on the examples at the positions `chosen`. Returns the loss before the step. */
  stepOn(chosen: Int32Array, learningRate: number, random: Random): number;
}

/** Opens a session of the paper's model on generated data, with random logits and a sampled softmax in every step. */
export function openMindSession({ sequences, examples }: TrainWorld, items: number, negatives: number): WorldSession {
  const { model, training } = modelVariant('mind');
  const spec = plainSpec({ ...model, sequenceLength, negatives }, items);
  const candidates = allItems(items);
  const ofItems = { spec, itemFeatures: [], trainedCount: items };
  const timeline = buildPopularityTimeline(sequences, items, Number.MAX_SAFE_INTEGER);
  const build = createBatchBuilder({ ...ofItems, data: { sequences, profiles: [], timeline, candidates }, training });
  const initialWeights = initializeWeights(spec, createRandom(1));
  const session = createTrainingSession({ spec, initialWeights, sharedItems: sharedItems(ofItems, candidates) });
  return {
    ...session,
    stepOn: (chosen, learningRate, random) => session.step(build(examples, chosen, random)!, learningRate),
  };
}
