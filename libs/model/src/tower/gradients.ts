import { operation } from '@facet/tf-graph';
import { tf } from '@facet/tf-graph/tensorflow';
import type { Tensor } from '@facet/tf-graph/tensorflow';

/*
 * Gradients with fewer passes over large tensors than those of TensorFlow.js. They are registered for the TensorFlow.js kernels,
 * so that layers use plain operations.
 */

/** @param kept The tensors that the kernel saved for its gradient. */
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

/** dy where y > 0. */
replaceGradient('Relu', { outputs: [true] }, (dy, [y]) => ({ x: () => operation('ReluGrad', [dy, y!]) }));

/** y (dy − Σ dy·y), with the sum before the product with y. */
replaceGradient('Softmax', { outputs: [true] }, (dy, [y]) => ({
  logits: () => tf.mul(tf.sub(dy, tf.sum(tf.mul(dy, y!), -1, true)), y!),
}));

replaceGradient('Square', { inputs: ['x'] }, (dy, [x]) => ({ x: () => tf.mul(tf.mul(dy, 2), x!) }));
