export {
  facetModel,
  facetTraining,
  mindModel,
  mindTraining,
  ModelConfig,
  ModelSpec,
  modelVariant,
  modelVariants,
  TrainingConfig,
} from './config.ts';
export { activeInterestCount } from './kernel/active-interests.ts';
export { bestInterest } from './kernel/best-interest.ts';
export { embedItems, indexDim, indexVectors, popularityPrior } from './kernel/item-embeddings.ts';
export { createUserKernel } from './kernel/user-kernel.ts';
export type { Interests, UserKernel } from './kernel/user-kernel.ts';
export type { ItemRows } from './layers/item-rows.ts';
export { initializeWeights } from './weights.ts';
export type { Weight, Weights } from './weights.ts';
