import { tf } from '../tf.ts';
import type { Tensor } from '../tf.ts';
import { operation } from '../tf-operation.ts';

/*
 * Gradients of TensorFlow.js that take many passes over large tensors, said again in fewer. They are registered for the kernels
 * themselves, so that layers are written in plain operations.
 */

/** What a gradient function is given: dy and what its kernel kept. */
type GradientOf = (dy: Tensor, kept: Tensor[]) => Record<string, () => Tensor>;

function replaceGradient(
  kernelName: string,
  keeps: { inputs?: string[]; outputs?: boolean[] },
  gradient: GradientOf,
): void {
  tf.unregisterGradient(kernelName);
  tf.registerGradient({
    kernelName,
    inputsToSave: keeps.inputs ?? [],
    outputsToSave: keeps.outputs ?? [],
    gradFunc: (dy, kept) => gradient(dy as Tensor, kept),
  });
}

/** dy where y > 0, by the operation that TensorFlow has for it. */
replaceGradient('Relu', { outputs: [true] }, (dy, [y]) => ({ x: () => operation('ReluGrad', [dy, y!]) }));

/** y (dy − Σ dy·y): the sum is taken before the product with y. */
replaceGradient('Softmax', { outputs: [true] }, (dy, [y]) => ({
  logits: () => tf.mul(tf.sub(dy, tf.sum(tf.mul(dy, y!), -1, true)), y!),
}));

replaceGradient('Square', { inputs: ['x'] }, (dy, [x]) => ({ x: () => tf.mul(tf.mul(dy, 2), x!) }));
