import { addWeightedRows, dot } from '../rows.ts';
import { weightedSoftmax } from '../weighted-softmax.ts';
import type { CreateExtractorKernel } from './extractor-kernel.ts';

/** See layers/extractors/self-attention.ts. */
export const createSelfAttentionKernel: CreateExtractorKernel<'self-attention'> = ({ units }, { spec, weights }) => {
  const { embeddingDim: D, interests: maxInterests, sequenceLength: L } = spec.config;
  const positions = weights['attention/positions']!.data;
  const W1 = weights['attention/W1']!.data; // [D, units]
  const W2 = transposed(weights['attention/W2']!.data, units); // [K, units]
  const placed = new Float32Array(D);
  const hidden = new Float32Array(units);
  const capsules = new Float32Array(maxInterests * D);
  const shares = new Float32Array(maxInterests * L);
  return {
    capsules,
    shares,
    extract(K, { first, n, behaviors, weights: behaviorWeights }) {
      for (let row = 0; row < n; row++) {
        const place = (first + row) * D;
        for (let d = 0; d < D; d++) placed[d] = behaviors[row * D + d]! + positions[place + d]!;
        hidden.fill(0);
        addWeightedRows(hidden, 0, W1, 0, units, placed, 0, D);
        for (let unit = 0; unit < units; unit++) hidden[unit] = Math.tanh(hidden[unit]!);
        for (let k = 0; k < K; k++) shares[k * n + row] = dot(hidden, 0, W2, k * units, units);
      }
      capsules.fill(0);
      for (let k = 0; k < K; k++) {
        weightedSoftmax(shares, k * n, behaviorWeights, n);
        addWeightedRows(capsules, k * D, behaviors, 0, D, shares, k * n, n);
      }
    },
  };
};

/** A matrix [rows, columns] with the columns as rows. */
function transposed(matrix: Float32Array, rows: number): Float32Array {
  const columns = matrix.length / rows;
  return Float32Array.from(matrix, (_, cell) => matrix[(cell % rows) * columns + Math.floor(cell / rows)]!);
}
