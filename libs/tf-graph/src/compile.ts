import type { Inputs } from './arrays.ts';
import { createGraphBuilder, feedsOf, typed } from './graph-builder.ts';
import { record } from './record.ts';
import { openGraphSession } from './session.ts';
import { tf } from './tensorflow.ts';
import type { Tensor } from './tensorflow.ts';

/** A function of tensors as one TensorFlow graph, until `dispose`. */
export interface CompiledFunction<T> {
  /**
   * Returns the function's result, which the caller disposes of.
   *
   * @param inputs The structure of the sample. Fixed dimensions must have the sample's sizes; named sizes may differ.
   */
  run(inputs: Inputs<T>): Tensor;
  dispose(): void;
}

/**
 * Compiles a function of tensors: runs `compute` on a sample, records its TensorFlow operations, and opens the record as a graph.
 * One call from JavaScript then runs all operations, and TensorFlow runs independent ones in parallel.
 *
 * `compute` must read all its data from `inputs`. Values that JavaScript computes from other data become constants.
 *
 * @param sample Objects and arrays, nested at will, with a tensor, a numeric array or a spec at each leaf. Named sizes in
 *   their shapes may differ from run to run.
 * @throws Error if a constant of the graph depends on the data of the sample.
 * @example
 * const scores = compile(({ users, items }: { users: Tensor2D; items: Tensor2D }) => tf.matMul(users, items, false, true), {
 *   users: { dtype: 'float32', shape: [{ name: 'B', size: 32 }, 64] },
 *   items,
 * });
 * const result = scores.run({ users: { shape: [{ name: 'B', size: 2 }, 64], data }, items });
 */
export function compile<T>(compute: (inputs: T) => Tensor, sample: Inputs<NoInfer<T>>): CompiledFunction<T> {
  const builder = createGraphBuilder();
  const recording = record((inputs: T) => ({ result: compute(inputs) }), sample);
  const { result } = builder.call(recording, builder.placeholders(sample));
  const output = builder.add('Identity', [result!], { T: typed('float32') });
  const session = openGraphSession(builder.nodes);
  return {
    run: (inputs) => tf.tidy(() => session.run(feedsOf(inputs), [output])[0]!),
    dispose: () => session.dispose(),
  };
}
