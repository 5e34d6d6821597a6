import type { ModelVariant } from '../config.ts';
import { mindModel, mindTraining } from './mind.ts';

/**
 * SASRec (Kang and McAuley, ICDM 2018) with the loss of the others, as the bar for single vectors: two blocks, learned positions,
 * the authors' dropout for sparse data.
 */
export const sasrec: ModelVariant = {
  model: {
    ...mindModel,
    interests: 1,
    extractor: { kind: 'transformer', blocks: 2 },
    layers: 'none',
    readout: { kind: 'max' },
    dropout: 0.5,
  },
  training: mindTraining,
};
