/* What batches of a training are made by: without TensorFlow, for a thread of its own. */
export type { TrainingData } from './training/batch.ts';
export type { BatchArrays } from './training/batch-arrays.ts';
export { createBatchSource } from './training/epoch-batches.ts';
export type { BatchSource, EpochBatches } from './training/epoch-batches.ts';
export { createStepArrays, defaultDenseRowsMax, stepLayout } from './training/step-arrays.ts';
export type { StepArraysOptions } from './training/step-arrays.ts';
