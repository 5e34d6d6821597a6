/* The preparation of batches. Loads no TensorFlow, so that a worker thread can prepare them. */
export { buffersOf } from './batch.ts';
export type { BatchArrays } from './batch.ts';
export { poolItemRows } from './tower/item-rows.ts';
export { maxLabels } from './training/example-rows.ts';
export type { TrainingData } from './training/example-rows.ts';
export {
  createBatchBuilder,
  createBatchSource,
  defaultDenseRowsMax,
  noExamples,
  sharedItems,
  countEpochs,
  trainingExamples,
} from './training/training-batches.ts';
export type { BatchOptions, BatchSource, EpochBatches } from './training/training-batches.ts';
export { scalarScale } from './weights.ts';
