import type { ModelSpec } from '../config.ts';
import type { Weights } from '../weights.ts';
import { addWeightedRows } from './rows.ts';

/** The layers behind the capsules: see layers/interest-layers.ts. */
export interface InterestLayers {
  /** [D] what the last run gave; the next one overwrites it. */
  readonly output: Float32Array;
  /** Takes the context [D], or nothing, and the profile [P] of a user: what they give is the same for all capsules. */
  startUser(context: Float32Array, profile: Float32Array): void;
  /** Writes the interest that becomes of the capsule at `offset`. */
  run(capsules: Float32Array, offset: number): void;
}

export function createInterestLayers(spec: ModelSpec, weights: Weights): InterestLayers {
  return spec.config.layers === 'hidden' ? createHiddenLayers(spec, weights) : createPlainLayers(spec, weights);
}

function createHiddenLayers(spec: ModelSpec, weights: Weights): InterestLayers {
  const { embeddingDim: D, hiddenUnits, outputActivation } = spec.config;
  const layers = [...hiddenUnits, D].map((units, layer) => ({
    kernel: weights[`hidden/${layer}/kernel`]!.data,
    bias: weights[`hidden/${layer}/bias`]!.data,
    relu: layer < hiddenUnits.length || outputActivation === 'relu',
    output: new Float32Array(units),
  }));
  const { kernel: firstKernel, bias: firstBias } = layers[0]!;
  const width = firstBias.length;
  const shared = new Float32Array(width);
  return {
    output: layers.at(-1)!.output,
    startUser(context, profile) {
      copyRow(shared, firstBias);
      addWeightedRows(shared, 0, firstKernel, D * width, width, context, 0, context.length);
      addWeightedRows(shared, 0, firstKernel, (D + context.length) * width, width, profile, 0, profile.length);
    },
    run(capsules, offset) {
      let input = capsules;
      let from = offset;
      let count = D;
      for (let layer = 0; layer < layers.length; layer++) {
        const { kernel, bias, relu, output } = layers[layer]!;
        copyRow(output, layer === 0 ? shared : bias);
        addWeightedRows(output, 0, kernel, 0, output.length, input, from, count);
        if (relu) rectify(output);
        input = output;
        from = 0;
        count = output.length;
      }
    },
  };
}

/** The profile through its map is added to the capsule; then comes one ReLU layer, or nothing. */
function createPlainLayers(spec: ModelSpec, weights: Weights): InterestLayers {
  const { embeddingDim: D, layers } = spec.config;
  const map = weights['profileMap/kernel']?.data ?? new Float32Array(0);
  const kernel = weights['relu/kernel']?.data ?? new Float32Array(0);
  const shared = new Float32Array(D);
  const sum = new Float32Array(D);
  const rectified = new Float32Array(D);
  return {
    output: layers === 'none' ? sum : rectified,
    startUser(_context, profile) {
      shared.fill(0);
      addWeightedRows(shared, 0, map, 0, D, profile, 0, profile.length);
    },
    run(capsules, offset) {
      for (let d = 0; d < D; d++) sum[d] = capsules[offset + d]! + shared[d]!;
      if (layers === 'none') return;
      rectified.fill(0);
      addWeightedRows(rectified, 0, kernel, 0, D, sum, 0, D);
      rectify(rectified);
    },
  };
}

function copyRow(target: Float32Array, source: Float32Array): void {
  for (let cell = 0; cell < target.length; cell++) target[cell] = source[cell]!;
}

function rectify(values: Float32Array): void {
  for (let cell = 0; cell < values.length; cell++) if (values[cell]! < 0) values[cell] = 0;
}
