export { FacetConfig, readFacetConfig, resolveModel } from './config.ts';
export { openDataset } from './dataset/dataset-artifact.ts';
export type { Dataset, DatasetInfo } from './dataset/dataset.ts';
export type { EvaluatedMethod, EvaluationReport, InterestReport, MethodMetrics } from './evaluation/evaluate.ts';
export { homePaths } from './home.ts';
export type { HomePaths } from './home.ts';
export type { StageResult } from './stage.ts';
export {
  createStageContext,
  datasetStage,
  evaluateStage,
  headlineMetrics,
  indexStage,
  trainStage,
} from './stages.ts';
export type { StageContext } from './stages.ts';
export { openModel } from './training/model-artifact.ts';
export type { Model, ModelInfo } from './training/model-artifact.ts';
export type { TrainProgress } from './training/train.ts';
