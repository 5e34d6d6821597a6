import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  compile,
  createGraphBuilder,
  feedsOf,
  liveTensors,
  openGraphSession,
  operation,
  record,
} from '../src/index.ts';
import type { ArraySpec, NumericArray } from '../src/arrays.ts';
import { tf } from '../src/tensorflow.ts';
import type { Tensor, Tensor2D } from '../src/tensorflow.ts';

let before = 0;
beforeEach(() => {
  before = liveTensors();
});
afterEach(() => {
  expect(liveTensors()).toBe(before);
});

const matrix = (rows: number, columns: number, first = 1): NumericArray => ({
  shape: [{ name: 'B', size: rows }, columns],
  data: Float32Array.from({ length: rows * columns }, (_, cell) => Math.sin(first + cell)),
});

function values(tensor: Tensor): number[] {
  const result = [...tensor.dataSync()];
  tensor.dispose();
  return result;
}

describe('a compiled function', () => {
  interface Model {
    readonly x: Tensor2D;
    readonly layers: readonly { readonly kernel: Tensor2D }[];
  }
  const forward = ({ x, layers }: Model): Tensor =>
    layers.reduce(
      (output, { kernel }) => tf.relu(tf.matMul(output, kernel)).reshape([output.shape[0], -1]) as Tensor2D,
      x,
    );

  it('returns what the function returns, for named sizes other than those of the sample', () => {
    const kernels = [
      tf.randomNormal([3, 4], 0, 1, 'float32', 1),
      tf.randomNormal([4, 2], 0, 1, 'float32', 2),
    ] as Tensor2D[];
    const layers = kernels.map((kernel) => ({ kernel }));
    const compiled = compile(forward, { x: matrix(2, 3), layers });
    for (const rows of [1, 2, 7]) {
      const x = matrix(rows, 3, rows);
      const expected = tf.tidy(() => [...forward({ x: tf.tensor2d(x.data, [rows, 3]), layers }).dataSync()]);
      expect(values(compiled.run({ x, layers }))).toEqual(expected);
    }
    compiled.dispose();
    tf.dispose(kernels);
  });

  it('computes constants from named sizes: a mean, ones of the shape of the batch, one more than the size', () => {
    const compute = ({ x }: { x: Tensor2D }): Tensor => {
      const [rows, columns] = x.shape;
      return tf.add(tf.div(tf.sum(x, 0, true), rows), tf.mul(tf.ones([rows, columns]), rows + 1));
    };
    const compiled = compile(compute, { x: matrix(2, 3) });
    const x = matrix(5, 3);
    const expected = tf.tidy(() => [...compute({ x: tf.tensor2d(x.data, [5, 3]) }).dataSync()]);
    values(compiled.run({ x })).forEach((value, cell) => expect(value).toBeCloseTo(expected[cell]!, 5));
    compiled.dispose();
  });

  it('contains the gradients that TensorFlow.js computes', () => {
    const gradient = ({ x }: { x: Tensor2D }): Tensor => tf.grad((input) => tf.sum(tf.square(input)))(x);
    const compiled = compile(gradient, { x: matrix(2, 3) });
    const x = matrix(4, 3);
    values(compiled.run({ x })).forEach((value, cell) => expect(value).toBeCloseTo(2 * x.data[cell]!, 5));
    compiled.dispose();
  });

  it('refuses a function that computes a constant from the data', () => {
    const compute = ({ x }: { x: Tensor2D }): Tensor => tf.mul(x, x.dataSync()[0]!);
    expect(() => compile(compute, { x: matrix(2, 3) })).toThrow('Pass its data as an input.');
  });

  it('refuses a function whose operations depend on a named size', () => {
    const compute = ({ x }: { x: Tensor2D }): Tensor => (x.shape[0] > 55 ? tf.square(x) : tf.exp(x));
    expect(() => compile(compute, { x: matrix(2, 3) })).toThrow('Exp at some sizes and Square at others');
  });

  it('refuses inputs in which one name has two sizes', () => {
    const compute = ({ x, y }: { x: Tensor2D; y: Tensor2D }): Tensor => tf.add(x, y);
    const compiled = compile(compute, { x: matrix(2, 3), y: matrix(2, 3) });
    expect(() => compiled.run({ x: matrix(2, 3), y: matrix(4, 3) })).toThrow('y has size 4 in dimension B');
    compiled.dispose();
  });

  it('restores the backend after an error', () => {
    const fail = (): Tensor => {
      throw new Error('no function');
    };
    expect(() => compile(fail, { x: matrix(2, 3) })).toThrow('no function');
    expect(Object.hasOwn(tf.backend(), 'executeSingleOutput')).toBe(false);
  });
});

describe('a graph around a recorded function', () => {
  it('keeps a variable between runs', () => {
    const spec: ArraySpec = { dtype: 'float32', shape: [2] };
    const recording = record(({ w, x }: { w: Tensor; x: Tensor }) => ({ next: tf.add(w, x) }), { w: spec, x: spec });
    const builder = createGraphBuilder();
    const float = { type: 1 };
    const variable = { dtype: float, shape: { shape: [2] }, shared_name: { string: 'w' }, container: { string: '' } };
    const handle = builder.add('VarHandleOp', [], variable, 'w');
    const inputs = builder.placeholders({ x: spec });
    const read = builder.add('ReadVariableOp', [handle], { dtype: float });
    const { next } = builder.call(recording, { ...inputs, w: read });
    const assign = builder.add('AssignVariableOp', [handle, next!], { dtype: float });
    builder.add('Identity', [next!, `^${assign}`], { T: float }, 'next');
    const zeros = builder.constant({ dtype: 'float32', shape: [2], data: new Float32Array(2) });
    const clear = builder.add('AssignVariableOp', [handle, zeros], { dtype: float });
    builder.add('Identity', [zeros, `^${clear}`], { T: float }, 'cleared');

    const session = openGraphSession(builder.nodes);
    tf.dispose(session.run({}, ['cleared']));
    const step = (): number[] =>
      tf.tidy(() => [
        ...session.run(feedsOf({ x: { shape: [2], data: Float32Array.of(1, 2) } }), ['next'])[0]!.dataSync(),
      ]);
    expect([step(), step()]).toEqual([
      [1, 2],
      [2, 4],
    ]);
    session.dispose();
  });
});

it('runs an operation for which TensorFlow.js has no function', () => {
  const root = tf.tidy(() => [...operation('Cholesky', [tf.tensor2d([4, 2, 2, 3], [2, 2])]).dataSync()]);
  [2, 0, 1, Math.SQRT2].forEach((value, cell) => expect(root[cell]).toBeCloseTo(value, 5));
});
