import { tf } from '../../tf.ts';
import type { Tensor } from '../../tf.ts';
import { shapeOf } from '../batch-arrays.ts';
import type { BatchArray, BatchArrays } from '../batch-arrays.ts';
import { tensorOf } from '../batch-tensors.ts';
import { nodeName, typed } from './graph-builder.ts';
import type { GraphBuilder } from './graph-builder.ts';
import type { DataType } from './graph-def.ts';
import type { Sizes } from './sizes.ts';

/** Names of the nodes that a batch is fed to. */
export const batchNodes = {
  input: (array: string): string => nodeName(`input/${array}`),
  size: (name: string): string => nodeName(`size/${name}`),
} as const;

/** Adds placeholders for the arrays and sizes of batches; returns their names. */
export function addBatchInputs(
  builder: GraphBuilder,
  { arrays, sizes }: BatchArrays,
): { arrays: Record<string, string>; sizes: Record<string, string> } {
  const named = <Value>(values: Readonly<Record<string, Value>>, add: (name: string, value: Value) => string) =>
    Object.fromEntries(Object.entries(values).map(([name, value]) => [name, add(name, value)]));
  return {
    arrays: named(arrays, (name, { shape, data }) => {
      const open = shape.map((size) => (typeof size === 'number' ? size : -1));
      return addPlaceholder(builder, batchNodes.input(name), data instanceof Int32Array ? 'int32' : 'float32', open);
    }),
    sizes: named(sizes, (name) => addPlaceholder(builder, batchNodes.size(name), 'int32', [])),
  };
}

/** @param shape −1 is a size that changes */
export function addPlaceholder(builder: GraphBuilder, name: string, dtype: DataType, shape: readonly number[]): string {
  return builder.add('Placeholder', [], { dtype: typed(dtype), shape: { shape } }, name);
}

/** Tensors of a batch of these sizes to record with, whose values do not matter. */
export function tracedTensors(arrays: Readonly<Record<string, BatchArray>>, sizes: Sizes): Record<string, Tensor> {
  return Object.fromEntries(
    Object.entries(arrays).map(([name, array]) => {
      // Zero is a place in every array; numbers that are not integers would show up if they were taken for constants.
      const shape = shapeOf(array, sizes);
      return [name, array.data instanceof Int32Array ? tf.zeros(shape, 'int32') : tf.fill(shape, 1 / sizes['B']!)];
    }),
  );
}

/** A batch as its placeholders take it. @param kept those of its arrays that are tensors already, by node */
export function batchFeeds(
  { arrays, sizes }: BatchArrays,
  kept: Readonly<Record<string, Tensor>> = {},
): Record<string, Tensor> {
  const feeds: Record<string, Tensor> = { ...kept };
  for (const [name, array] of Object.entries(arrays)) feeds[batchNodes.input(name)] ??= tensorOf(array, sizes);
  for (const [name, size] of Object.entries(sizes)) feeds[batchNodes.size(name)] = tf.scalar(size, 'int32');
  return feeds;
}
