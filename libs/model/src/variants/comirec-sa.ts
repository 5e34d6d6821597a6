import type { ModelVariant } from '../config.ts';
import { comirecModel } from './comirec.ts';
import { mindTraining } from './mind.ts';

/** ComiRec-SA (Cen et al., KDD 2020, §3.2): self-attention instead of routing, with a hidden layer of 4 · D units. */
export const comirecSa: ModelVariant = {
  model: { ...comirecModel, extractor: { kind: 'self-attention', units: 256 } },
  training: mindTraining,
};
