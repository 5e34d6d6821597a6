import type { ModelVariant } from '../config.ts';
import { mindModel, mindRouting, mindTraining } from './mind.ts';

/** MIND with a bilinear map for each interest (`bilinear_type` 1 of public code): interests differ by their maps, so logits are zero. */
export const mindMapPerInterest: ModelVariant = {
  model: { ...mindModel, extractor: { ...mindRouting, map: 'per-interest', sigma: 0, trainingLogits: 'fixed' } },
  training: mindTraining,
};
