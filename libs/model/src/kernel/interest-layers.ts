import type { ModelSpec } from '../config.ts';
import type { Weights } from '../weights.ts';
import { addWeightedRows } from './rows.ts';

/** Makes an interest of the capsule that lies at `offset`, in an array [D] that the next run overwrites. */
type RunLayers = (capsules: Float32Array, offset: number) => Float32Array;

/**
 * The layers behind the capsules: see layers/interest-layers.ts. What context and profile give is the same for all capsules
 * of a user, and computed once.
 *
 * @returns takes the context [D], or nothing, and the profile [P] of a user
 */
export function createInterestLayers(
  spec: ModelSpec,
  weights: Weights,
): (context: Float32Array, profile: Float32Array) => RunLayers {
  return spec.config.layers === 'hidden' ? createHiddenLayers(spec, weights) : createPlainLayers(spec, weights);
}

function createHiddenLayers(
  spec: ModelSpec,
  weights: Weights,
): (context: Float32Array, profile: Float32Array) => RunLayers {
  const { embeddingDim: D, hiddenUnits, outputActivation } = spec.config;
  const layers = [...hiddenUnits, D].map((units, layer) => ({
    kernel: weights[`hidden/${layer}/kernel`]!.data,
    bias: weights[`hidden/${layer}/bias`]!.data,
    relu: layer < hiddenUnits.length || outputActivation === 'relu',
    output: new Float32Array(units),
  }));
  const { kernel: firstKernel, bias: firstBias } = layers[0]!;
  const shared = new Float32Array(firstBias.length);
  return (context, profile) => {
    const width = shared.length;
    shared.set(firstBias);
    addWeightedRows(shared, 0, firstKernel, D * width, width, context, 0, context.length);
    addWeightedRows(shared, 0, firstKernel, (D + context.length) * width, width, profile, 0, profile.length);
    return (capsules, offset) => {
      let input = capsules;
      let from = offset;
      let count = D;
      layers.forEach(({ kernel, bias, relu, output }, layer) => {
        output.set(layer === 0 ? shared : bias);
        addWeightedRows(output, 0, kernel, 0, output.length, input, from, count);
        if (relu) for (let unit = 0; unit < output.length; unit++) output[unit] = Math.max(0, output[unit]!);
        [input, from, count] = [output, 0, output.length];
      });
      return input;
    };
  };
}

/** The profile through its map is added to the capsule; then comes one ReLU layer, or nothing. */
function createPlainLayers(
  spec: ModelSpec,
  weights: Weights,
): (context: Float32Array, profile: Float32Array) => RunLayers {
  const { embeddingDim: D, layers } = spec.config;
  const map = weights['profileMap/kernel']?.data ?? new Float32Array(0);
  const kernel = weights['relu/kernel']?.data ?? new Float32Array(0);
  const shared = new Float32Array(D);
  const sum = new Float32Array(D);
  const output = new Float32Array(D);
  return (_context, profile) => {
    shared.fill(0);
    addWeightedRows(shared, 0, map, 0, D, profile, 0, profile.length);
    return (capsules, offset) => {
      for (let d = 0; d < D; d++) sum[d] = capsules[offset + d]! + shared[d]!;
      if (layers === 'none') return sum;
      output.fill(0);
      addWeightedRows(output, 0, kernel, 0, D, sum, 0, D);
      for (let d = 0; d < D; d++) output[d] = Math.max(0, output[d]!);
      return output;
    };
  };
}
