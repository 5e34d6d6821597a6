import type { TensorFlowBatches } from './model-scorer.ts';

/** TensorFlow's batches where it is installed; without it the same figures, but for rounding, take longer. */
export async function loadTensorFlowBatches(): Promise<TensorFlowBatches | undefined> {
  try {
    return await import('./tensorflow-batches.ts');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ERR_MODULE_NOT_FOUND') return undefined;
    throw error;
  }
}
