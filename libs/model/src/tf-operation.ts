import { tf } from './tf.ts';
import type { Tensor } from './tf.ts';

/** An operation of float32 tensors that TensorFlow.js has no function for. @param flags its attributes that are true or false */
export function operation(
  op: string,
  inputs: readonly Tensor[],
  flags: Readonly<Record<string, boolean>> = {},
): Tensor {
  const backend = tf.backend() as unknown as OperationBackend;
  const { TF_ATTR_TYPE, TF_ATTR_BOOL } = backend.binding;
  const attributes = [
    { name: 'T', type: TF_ATTR_TYPE, value: backend.getDTypeInteger('float32') },
    ...Object.entries(flags).map(([name, value]) => ({ name, type: TF_ATTR_BOOL, value })),
  ];
  return backend.executeSingleOutput(op, attributes, inputs);
}

interface OperationBackend {
  executeSingleOutput(op: string, attributes: readonly object[], inputs: readonly Tensor[]): Tensor;
  getDTypeInteger(dtype: string): number;
  readonly binding: { readonly TF_ATTR_TYPE: number; readonly TF_ATTR_BOOL: number };
}
