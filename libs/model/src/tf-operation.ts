import { tf } from './tf.ts';
import type { Tensor } from './tf.ts';

/** An operation that TensorFlow.js has no function for. @param attributes types of tensors, and what is true or false; float32 by default */
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
