export { trainingExamples } from './training/examples.ts';
export { trainLoop } from './training/loop.ts';
export type { EpochReport, LoopProgress } from './training/loop.ts';
export { createTrainingSession } from './training/session.ts';
export type { TrainingSession, TrainingState } from './training/session.ts';
export type { TrainingData } from './training/batch.ts';
