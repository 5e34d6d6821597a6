import { addWeightedRows, multiplyByRows, transposed, weightedSoftmaxInPlace } from '../matrix.ts';
import type { CreateExtractor } from './extractor.ts';

/** ComiRec-SA, `extractBySelfAttention` of the tower. */
export const createSelfAttention: CreateExtractor<'self-attention'> = ({ units }, { spec, weights }) => {
  const { embeddingDim: D, interests: maxInterests, sequenceLength: L } = spec.config;
  const positions = weights['attention/positions']!.data;
  const W1 = transposed(weights['attention/W1']!.data, D); // [units, D]
  const W2 = transposed(weights['attention/W2']!.data, units); // [K, units]
  const placed = new Float32Array(L * D);
  const hidden = new Float32Array(L * units);
  const capsules = new Float32Array(maxInterests * D);
  const shares = new Float32Array(maxInterests * L);
  return {
    capsules,
    shares,
    extract(K, { first, n, behaviors, weights: behaviorWeights }) {
      for (let cell = 0; cell < n * D; cell++) placed[cell] = behaviors[cell]! + positions[first * D + cell]!;
      multiplyByRows(hidden, 0, placed, 0, n, W1, 0, units, D);
      for (let cell = 0; cell < n * units; cell++) hidden[cell] = Math.tanh(hidden[cell]!);
      multiplyByRows(shares, 0, W2, 0, K, hidden, 0, n, units);
      capsules.fill(0);
      for (let k = 0; k < K; k++) {
        weightedSoftmaxInPlace(shares, k * n, behaviorWeights, n);
        addWeightedRows(capsules, k * D, behaviors, 0, D, shares, k * n, n);
      }
    },
  };
};
