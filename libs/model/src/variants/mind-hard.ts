import type { ModelVariant } from '../config.ts';
import { mindModel, mindTraining } from './mind.ts';

/** MIND with p = ∞ (paper, Figure 3), the hard readout of public code: only the interest nearest to a label answers for it. */
export const mindHard: ModelVariant = {
  model: { ...mindModel, readout: { kind: 'label-aware', power: 'infinity' } },
  training: mindTraining,
};
