import type { ModelVariant } from '../config.ts';
import { mindModel, mindRouting, mindTraining } from './mind.ts';

/** MIND without stop-gradient: every iteration of the routing carries gradients, not only the last. */
export const mindAllGradients: ModelVariant = {
  model: { ...mindModel, extractor: { ...mindRouting, gradient: 'all' } },
  training: mindTraining,
};
