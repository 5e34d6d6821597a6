import { squashEpsilon } from '../../epsilon.ts';
import { createRowProjection } from '../projected-rows.ts';
import { addWeightedRows, dot, lengthOf, multiplyByRows } from '../rows.ts';
import type { CreateExtractorKernel, KernelInput } from './extractor-kernel.ts';

/** B2I routing: see layers/extractors/routing.ts. */
export const createRoutingKernel: CreateExtractorKernel<'routing'> = (config, { spec, weights, items }) => {
  const { embeddingDim: D, interests: maxInterests, sequenceLength: L, recency } = spec.config;
  const S = weights['routing/S']!.data;
  const logits = weights['routing/logits']!.data;
  const project = createRowProjection(S, D, items.rowCount - 1);
  const ages = recency ? weights['behavior/age']!.data : undefined;
  const projectedAges = new Float32Array(ages?.length ?? 0);
  if (ages !== undefined) multiplyByRows(projectedAges, ages, ages.length / D, S, D, D);

  const projected = new Float32Array(L * D);
  const lengths = new Float32Array(L);
  const b = new Float32Array(maxInterests * L);
  const agreement = new Float32Array(maxInterests * L);
  const capsules = new Float32Array(maxInterests * D);
  const shares = new Float32Array(maxInterests * L);

  /** [n, D] S·e_i: of the item, which may be kept, and of the age. */
  function projectBehaviors({ rows, first, n }: KernelInput): void {
    for (let row = 0; row < n; row++) {
      const item = rows.items[first + row]!;
      project(items.arrayOf(item), items.offsetOf(item), item, projected, row * D);
      if (ages === undefined) continue;
      const age = rows.ages[first + row]! * D;
      for (let d = 0; d < D; d++) projected[row * D + d]! += projectedAges[age + d]!;
    }
  }

  return {
    capsules,
    shares,
    extract(K, input) {
      const { n, first, weights: behaviorWeights } = input;
      projectBehaviors(input);
      for (let k = 0; k < K; k++) b.set(logits.subarray(k * L + first, (k + 1) * L), k * n);
      const cosine = config.cosineAgreement;
      for (let row = 0; row < n; row++) lengths[row] = lengthOf(projected, row * D, D);
      for (let iteration = 0; iteration < config.iterations; iteration++) {
        softmaxOverInterests(b, shares, K, n);
        for (let k = 0; k < K; k++) for (let row = 0; row < n; row++) shares[k * n + row]! *= behaviorWeights[row]!;
        capsules.fill(0);
        for (let k = 0; k < K; k++) {
          addWeightedRows(capsules, k * D, projected, D, shares, k * n, n);
          squashRow(capsules, k * D, D);
        }
        if (iteration === config.iterations - 1) break;
        multiplyByRows(agreement, capsules, K, projected, n, D);
        for (let k = 0; k < K; k++) {
          const capsuleLength = lengthOf(capsules, k * D, D);
          for (let row = 0; row < n; row++) {
            const product = agreement[k * n + row]!;
            b[k * n + row]! += cosine === 0 ? product : (cosine * product) / (capsuleLength * lengths[row]!);
          }
        }
      }
    },
  };
};

function softmaxOverInterests(b: Float32Array, weights: Float32Array, K: number, n: number): void {
  for (let row = 0; row < n; row++) {
    let highest = Number.NEGATIVE_INFINITY;
    for (let k = 0; k < K; k++) highest = Math.max(highest, b[k * n + row]!);
    let total = 0;
    for (let k = 0; k < K; k++) total += weights[k * n + row] = Math.exp(b[k * n + row]! - highest);
    for (let k = 0; k < K; k++) weights[k * n + row]! /= total;
  }
}

function squashRow(values: Float32Array, offset: number, D: number): void {
  const squaredNorm = dot(values, offset, values, offset, D);
  const factor = Math.sqrt(squaredNorm + squashEpsilon) / (1 + squaredNorm);
  for (let d = 0; d < D; d++) values[offset + d]! *= factor;
}
