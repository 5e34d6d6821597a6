import { weightedSoftmaxEpsilon } from '../epsilon.ts';

/** The n values from `offset` on become w_i exp(l_i) / Σ_j w_j exp(l_j): see layers/weighted-softmax.ts. */
export function weightedSoftmax(values: Float32Array, offset: number, weights: Float32Array, n: number): void {
  let highest = Number.NEGATIVE_INFINITY;
  for (let row = 0; row < n; row++) highest = Math.max(highest, values[offset + row]!);
  let total = 0;
  for (let row = 0; row < n; row++) {
    total += values[offset + row] = weights[row]! * Math.exp(values[offset + row]! - highest);
  }
  const scale = 1 / Math.max(total, weightedSoftmaxEpsilon);
  for (let row = 0; row < n; row++) values[offset + row]! *= scale;
}
