import type { ModelVariant } from '../config.ts';
import { mindModel, mindTraining } from './mind.ts';

/** MIND with K interests for everybody, instead of K'u by the number of behaviors (paper, Eq. 8), as public code has it. */
export const mindFixedK: ModelVariant = {
  model: { ...mindModel, adaptiveInterests: false },
  training: mindTraining,
};
