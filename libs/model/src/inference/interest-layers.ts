import type { ModelSpec } from '../config.ts';
import type { Weights } from '../weights.ts';
import { addWeightedRows, multiplyByRows, transposed } from './matrix.ts';

/** The layers that turn capsules into interests, `interestLayers` of the tower. */
export interface InterestLayers {
  /** [K, D] interests of the last run. The next run overwrites them. */
  readonly output: Float32Array;
  /** Computes the interests of the first `count` capsules [K, D], with the context [D] (may be empty) and the vector of the user features [P]. */
  run(capsules: Float32Array, count: number, context: Float32Array, userFeatures: Float32Array): void;
}

export function createInterestLayers(spec: ModelSpec, weights: Weights): InterestLayers {
  return spec.config.layers === 'hidden' ? createHiddenLayers(spec, weights) : createPlainLayers(spec, weights);
}

function createHiddenLayers(spec: ModelSpec, weights: Weights): InterestLayers {
  const { embeddingDim: D, hiddenUnits, interests: K, outputActivation } = spec.config;
  const layers = [...hiddenUnits, D].map((units, layer) => {
    const kernel = weights[`hidden/${layer}/kernel`]!.data;
    // The rows of context and user features are applied once per user.
    const ofCapsule = layer === 0 ? kernel.subarray(0, D * units) : kernel;
    return {
      kernel: transposed(ofCapsule, ofCapsule.length / units), // [units, width]
      bias: weights[`hidden/${layer}/bias`]!.data,
      relu: layer < hiddenUnits.length || outputActivation === 'relu',
      output: new Float32Array(K * units),
    };
  });
  const firstKernel = weights['hidden/0/kernel']!.data;
  const firstBias = layers[0]!.bias;
  const units = firstBias.length;
  const shared = new Float32Array(units);
  return {
    output: layers.at(-1)!.output,
    run(capsules, count, context, userFeatures) {
      for (let unit = 0; unit < units; unit++) shared[unit] = firstBias[unit]!;
      addWeightedRows(shared, 0, firstKernel, D * units, units, context, 0, context.length);
      addWeightedRows(
        shared,
        0,
        firstKernel,
        (D + context.length) * units,
        units,
        userFeatures,
        0,
        userFeatures.length,
      );
      let input = capsules;
      let width = D;
      for (let layer = 0; layer < layers.length; layer++) {
        const { kernel, bias, relu, output } = layers[layer]!;
        multiplyByRows(output, 0, input, 0, count, kernel, 0, bias.length, width);
        addToRows(output, layer === 0 ? shared : bias, count);
        if (relu) rectify(output, count * bias.length);
        input = output;
        width = bias.length;
      }
    },
  };
}

/** Adds the mapped user features to the capsules, followed by one ReLU layer or nothing. */
function createPlainLayers(spec: ModelSpec, weights: Weights): InterestLayers {
  const { embeddingDim: D, interests: K, layers } = spec.config;
  const map = weights['profileMap/kernel']?.data ?? new Float32Array(0);
  const kernel = transposed(weights['relu/kernel']?.data ?? new Float32Array(0), D);
  const shared = new Float32Array(D);
  const sum = new Float32Array(K * D);
  const rectified = new Float32Array(K * D);
  return {
    output: layers === 'none' ? sum : rectified,
    run(capsules, count, _context, userFeatures) {
      shared.fill(0);
      addWeightedRows(shared, 0, map, 0, D, userFeatures, 0, userFeatures.length);
      for (let cell = 0; cell < count * D; cell++) sum[cell] = capsules[cell]!;
      addToRows(sum, shared, count);
      if (layers === 'none') return;
      multiplyByRows(rectified, 0, sum, 0, count, kernel, 0, D, D);
      rectify(rectified, count * D);
    },
  };
}

/** Adds a vector to each of the first `count` rows of its length. */
function addToRows(rows: Float32Array, vector: Float32Array, count: number): void {
  const width = vector.length;
  for (let row = 0; row < count; row++) {
    for (let cell = 0; cell < width; cell++) rows[row * width + cell]! += vector[cell]!;
  }
}

function rectify(values: Float32Array, count: number): void {
  for (let cell = 0; cell < count; cell++) if (values[cell]! < 0) values[cell] = 0;
}
