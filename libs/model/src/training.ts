export { carryState, stateVersion } from './training/carry-state.ts';
export type { CarriedModel, ReceivingModel } from './training/carry-state.ts';
export { trainingExamples } from './training/examples.ts';
export { trainLoop } from './training/loop.ts';
export type { EpochReport, LoopProgress, LoopStep } from './training/loop.ts';
export { createTrainingSession } from './training/session.ts';
export type { TrainingSession } from './training/session.ts';
export type { TrainingData } from './training/batch.ts';
export type { TrainingState } from './training/training-state.ts';
