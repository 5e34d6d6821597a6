import { tf } from './tensorflow.ts';
import type { Tensor } from './tensorflow.ts';

/**
 * Runs a TensorFlow operation for which TensorFlow.js has no function, such as `Cholesky`.
 *
 * @param attributes Types of tensors, and flags. `T: 'float32'` by default.
 */
export function operation(
  op: string,
  inputs: readonly Tensor[],
  attributes: Readonly<Record<string, 'float32' | 'int32' | boolean>> = { T: 'float32' },
): Tensor {
  const backend = tf.backend() as unknown as OperationBackend;
  const { TF_ATTR_TYPE, TF_ATTR_BOOL } = backend.binding;
  const given = Object.entries(attributes).map(([name, value]) =>
    typeof value === 'boolean'
      ? { name, type: TF_ATTR_BOOL, value }
      : { name, type: TF_ATTR_TYPE, value: backend.getDTypeInteger(value) },
  );
  return backend.executeSingleOutput(op, given, inputs);
}

interface OperationBackend {
  executeSingleOutput(op: string, attributes: readonly object[], inputs: readonly Tensor[]): Tensor;
  getDTypeInteger(dtype: string): number;
  readonly binding: { readonly TF_ATTR_TYPE: number; readonly TF_ATTR_BOOL: number };
}

/** Returns the values of the float32 tensor that `compute` makes. Disposes of the tensor and of all intermediate tensors. */
export function valuesOf(compute: () => Tensor): Float32Array {
  const tensor = tf.tidy(compute);
  // Outside tidy, which would search the values for tensors.
  const values = tensor.dataSync() as Float32Array;
  tensor.dispose();
  return values;
}

/** Returns the number of undisposed tensors in this process, for leak checks. */
export const liveTensors = (): number => tf.memory().numTensors;
