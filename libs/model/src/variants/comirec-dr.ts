import type { ModelVariant } from '../config.ts';
import { comirecModel } from './comirec.ts';
import { mindRouting, mindTraining } from './mind.ts';

/**
 * ComiRec-DR (Cen et al., KDD 2020, §3.2; `bilinear_type` 2 of public code): dynamic routing with a map for each place and interest,
 * and logits of zero. The authors train it at 5e-3.
 */
export const comirecDr: ModelVariant = {
  model: { ...comirecModel, extractor: { ...mindRouting, map: 'per-position', sigma: 0, trainingLogits: 'fixed' } },
  training: { ...mindTraining, learningRate: 5e-3 },
};
