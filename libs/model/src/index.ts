/*
 * Defines the models, embeds items and infers the interests of a user. `@facet/model/training` trains.
 * Start with `createInferenceEngine`, `indexVectors` and `initializeWeights`.
 * Imports no `@facet/evaluation` and no `node:fs`: the stages read the data, and evaluate and store the model.
 */
export {
  checkModel,
  ExtractorKind,
  extractorSchemas,
  fitConfigs,
  FitLabels,
  ModelConfig,
  ModelSpec,
  TrainingConfig,
} from './config.ts';
export type { ExtractorConfig, FitConfig, ModelSettings } from './config.ts';
export { couplingCoefficients, interestCohesion } from './inference/coupling.ts';
export { createInferenceEngine } from './inference/inference-engine.ts';
export type { InferenceEngine } from './inference/inference-engine.ts';
export {
  activeInterestCount,
  createItemScorer,
  mergeInterests,
  scoreOfInterests,
  interestCountOf,
  unknownUser,
} from './inference/interests.ts';
export type { Interests, ItemScore } from './inference/interests.ts';
export { contentItemsMax, embedColdItems, findNeighbors, neighborsMax } from './inference/cold-items.ts';
export type { ColdItems } from './inference/cold-items.ts';
export { embedItems, indexDim, indexVectors, popularityPrior } from './inference/item-embeddings.ts';
export { negativesOf, sampledNegatives } from './loss/negatives.ts';
export {
  defaultExtractor,
  facetModel,
  facetTraining,
  isVariant,
  mindModel,
  mindTraining,
  modelVariant,
  modelVariants,
  variantNames,
} from './variants.ts';
export type { ModelVariant } from './variants.ts';
export {
  fittedRepeatWeights,
  frozenWeights,
  initializeWeights,
  repeatFeatureCount,
  repeatFeatures,
} from './weights.ts';
export type { Weight, Weights } from './weights.ts';
