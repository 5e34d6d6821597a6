import { createRandom } from '@facet/features';
import { initializeWeights, modelVariant } from '@facet/model';
import { createTrainingSession } from '@facet/model/training';
import type { TrainingSession } from '@facet/model/training';
import { sequenceLength } from './train-world.ts';
import type { TrainWorld } from './train-world.ts';

/** The model of the paper over a world: random logits and a sampled softmax, so that every step has chance in it. */
export function openMindSession({ sequences }: TrainWorld, items: number, negatives: number): TrainingSession {
  const { model } = modelVariant('mind');
  const spec = {
    config: { ...model, sequenceLength, negatives },
    itemCount: items,
    itemFeatures: [],
    userFeatures: [],
  };
  return createTrainingSession({
    spec,
    initialWeights: initializeWeights(spec, createRandom(1)),
    itemFeatures: [],
    trainedCount: items,
    data: {
      sequences,
      profiles: [],
      // The variant has no popularity prior, and so never asks.
      timeline: { dayOf: () => 0, isKnown: () => true, featuresOn: () => new Float32Array(0) },
      candidates: Int32Array.from({ length: items }, (_, each) => each + 1),
    },
  });
}
