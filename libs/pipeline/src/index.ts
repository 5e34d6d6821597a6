export { openDataset, readDatasetInfo } from './dataset/dataset-artifact.ts';
export type { Dataset, DatasetCut, DatasetInfo } from './dataset/dataset.ts';
export { rebuildDataset } from './dataset/rebuild-dataset.ts';
export type { RebuiltDataset } from './dataset/rebuild-dataset.ts';
export { deltaStage } from './delta/delta-stage.ts';
export type { DeltaResult } from './delta/delta-stage.ts';
export { estimateMemory, estimateTrainingMemory } from './estimate/estimate-memory.ts';
export type { ByteEstimate, DataSize, MemoryEstimate } from './estimate/estimate-memory.ts';
export type { EvaluatedMethod, EvaluationReport, MethodMetrics } from './evaluation/evaluate.ts';
export type { InterestReport } from './evaluation/interest-report.ts';
export { rankTestWindow } from './evaluation/rank-test-window.ts';
export type { Task, TaskEvaluations } from './evaluation/tasks.ts';
export { compareItems } from './gate/content-checks.ts';
export { readGateReport } from './gate/gate-report.ts';
export type { GateCheck, GateReport } from './gate/gate-report.ts';
export { runGate } from './gate/run-gate.ts';
export type { GateWatch } from './gate/run-gate.ts';
export { compareAnswers, goldenUsers } from './gate/serving-checks.ts';
export type { ChangedAnswer } from './gate/serving-checks.ts';
export { runRefresh } from './refresh/run-refresh.ts';
export type { RunRefreshOptions } from './refresh/run-refresh.ts';
export { runRefreshStage } from './refresh/run-stage.ts';
export { trainingPhaseNames, trainingProgress } from './refresh/stage-progress.ts';
export type { StageProgress } from './refresh/stage-progress.ts';
export type { StageResult } from './stage.ts';
export {
  createStageContext,
  datasetStage,
  evaluateStage,
  gateStage,
  headlineMetrics,
  indexStage,
  trainStage,
} from './stages.ts';
export type { StageContext, TrainInputs } from './stages.ts';
export { openModel, readModelInfo } from './training/model-artifact.ts';
export type { Model, ModelInfo, TrainingStart } from './training/model-artifact.ts';
export type { TrainProgress } from './training/train.ts';
