import type { ModelVariant } from '../config.ts';
import { mindModel, mindTraining } from './mind.ts';

/** MIND-1 (paper, §5.1.2): one interest, which is what its routing comes to then: squash(Σ S·e_i). */
export const mind1: ModelVariant = {
  model: { ...mindModel, interests: 1 },
  training: mindTraining,
};
