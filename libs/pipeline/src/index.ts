export { createStageContext } from './stage.ts';
export type { StageContext } from './stage.ts';
export { openDataset } from './dataset/dataset-artifact.ts';
export type { Dataset, DatasetCut, DatasetInfo } from './dataset/dataset.ts';
export { describeExcluded, excludedEventsOf } from './dataset/dataset.ts';
export { rebuildDataset } from './dataset/dataset-from-lake.ts';
export { publishDelta } from './delta/publish-delta.ts';
export type { DeltaResult } from './delta/publish-delta.ts';
export { estimateMemory, estimateTrainingMemory } from './estimate/estimate-memory.ts';
export type { ByteEstimate, DataSize, MemoryEstimate } from './estimate/estimate-memory.ts';
export { rankTestWindow } from './evaluation/evaluate.ts';
export type { EvaluatedMethod, EvaluationReport } from './evaluation/evaluate.ts';
export { taskTitles } from './evaluation/tasks.ts';
export type { Task, TaskEvaluations } from './evaluation/tasks.ts';
export { executeRun, executeStage } from './execution/execute-run.ts';
export { readGateReport } from './gate/gate-report.ts';
export type { GateCheck, GateReport } from './gate/gate-report.ts';
export { runGate } from './gate/run-gate.ts';
export { sampleRequests } from './gate/bundle-checks.ts';
export { buildBundle } from './indexing/build-bundle.ts';
export { openModel } from './model/model-artifact.ts';
export type { Model, TrainingStart } from './model/model-artifact.ts';
export {
  datasetStage,
  evaluateStage,
  gateStage,
  headlineMetrics,
  importTraining,
  indexStage,
  exportTraining,
  trainStage,
} from './stages.ts';
export { trainingPhaseNames } from './training/training-progress.ts';
