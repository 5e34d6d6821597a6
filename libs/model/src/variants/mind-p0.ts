import type { ModelVariant } from '../config.ts';
import { mindModel, mindTraining } from './mind.ts';

/** MIND with p = 0 (paper, Figure 3): every interest answers for a label alike. */
export const mindP0: ModelVariant = {
  model: { ...mindModel, readout: { kind: 'label-aware', power: 0 } },
  training: mindTraining,
};
