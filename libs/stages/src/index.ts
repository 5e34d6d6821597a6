/*
 * Contains the stages dataset, train, evaluate and index as plain functions. Each stage runs once for the same inputs.
 * Start with `datasetStage`, `trainStage` and `indexStage`. `@facet/stages/training` has the functions that load TensorFlow.
 * Imports no `@facet/gate` and no `@facet/refresh`: these libs use the stages.
 */
export { buildTables, filterInteractions } from './dataset/build-dataset.ts';
export { openDataset, putDataset, readDatasetInfo } from './dataset/dataset-artifact.ts';
export { readCatalog, readCutInteractions, rebuildDataset } from './dataset/dataset-from-lake.ts';
export { behaviorsBetween, describeExcluded, encodeTables, excludedEventsOf, tieSeed } from './dataset/dataset.ts';
export type { Dataset, DatasetInfo, ExcludedEvents, ModelData } from './dataset/dataset.ts';
export { publishDelta } from './delta/publish-delta.ts';
export type { DeltaResult } from './delta/publish-delta.ts';
export { eraseFromArtifacts, findUserInArtifacts } from './erasures.ts';
export type { ArtifactWithUsers, DamagedArtifact } from './erasures.ts';
export { checkTrainingMemory, estimateMemory, estimateTrainingMemory, sizeOf } from './estimate/estimate-memory.ts';
export type { ByteEstimate, DataSize, MemoryEstimate } from './estimate/estimate-memory.ts';
export { buildBundle } from './indexing/build-bundle.ts';
export { fitChoiceOf, openModel, readModelInfo } from './model/model-artifact.ts';
export type { FitChoice, Model } from './model/model-artifact.ts';
export { embedCatalog, modelSpecOf } from './model/model-spec.ts';
export { rankTestWindow } from './ranking/evaluate.ts';
export type { EvaluatedMethod, EvaluationReport } from './ranking/evaluate.ts';
export { createBundleScorer, createModelScorer, reportInterests } from './ranking/model-scorer.ts';
export type { InterestReport } from './ranking/model-scorer.ts';
export { createBlockScorer } from './ranking/score-blocks.ts';
export {
  blendedCf,
  bm25Cf,
  candidatesOnly,
  chooseSettings,
  cosineCf,
  fitChosen,
  interactionsBefore,
  ownHistoryMethod,
  ownItemsOf,
  popularityMethod,
  recentPopularity,
  tfIdfMethod,
} from './ranking/simple-methods.ts';
export type { DisposableRanker, FitOptions, FittedRankers, SimpleMethod } from './ranking/simple-methods.ts';
export {
  evaluateAndDispose,
  forTasks,
  heldOutCold,
  heldOutLast,
  heldOutUserParts,
  heldOutWindow,
  rankTasks,
  sampleUsers,
  taskTitles,
} from './ranking/tasks.ts';
export type {
  CatalogData,
  Evaluations,
  HeldOut,
  HeldOutParts,
  HeldOutSequenceUser,
  Task,
  TaskEvaluations,
  TaskOptions,
} from './ranking/tasks.ts';
export { createStageContext, hashJson, runCachedStage } from './stage.ts';
export type { StageContext, StageWatch } from './stage.ts';
export {
  datasetStage,
  evaluateStage,
  exportTraining,
  headlineMetrics,
  importTraining,
  indexStage,
  stageVersions,
  trainStage,
  wouldRepeat,
} from './stages.ts';
export { startBatchThread } from './training/batch-thread.ts';
export { bestScore, canTrainPrior, countTrainings, noPriorNote, withTrainablePrior } from './training/compare-fits.ts';
export { trainingProgress } from './training/training-progress.ts';
