/* The preparation of batches. Loads no TensorFlow, so that a worker thread can prepare them. */
export { buffersOf } from './batch.ts';
export type { BatchArrays } from './batch.ts';
export type { TrainingData } from './training/example-rows.ts';
export {
  createBatchBuilder,
  createBatchSource,
  defaultDenseRowsMax,
  sharedItems,
} from './training/training-batches.ts';
export type { BatchOptions, BatchSource, EpochBatches } from './training/training-batches.ts';
