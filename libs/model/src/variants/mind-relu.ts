import type { ModelVariant } from '../config.ts';
import { mindModel, mindTraining } from './mind.ts';

/** MIND with one bias-free ReLU layer behind the capsules instead of the H-layers (`relu_layer` of public code; ComiRec for Books). */
export const mindRelu: ModelVariant = {
  model: { ...mindModel, layers: 'relu' },
  training: mindTraining,
};
