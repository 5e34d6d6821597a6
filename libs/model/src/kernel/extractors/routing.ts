import { squashEpsilon } from '../../epsilon.ts';
import { addWeightedRows, dot, lengthOf, multiplyByRows, writeLengths } from '../rows.ts';
import type { CreateExtractorKernel } from './extractor-kernel.ts';
import { createProjection } from './projection.ts';

/** Dynamic routing: see layers/extractors/routing.ts. */
export const createRoutingKernel: CreateExtractorKernel<'routing'> = (config, parts) => {
  const { embeddingDim: D, interests: maxInterests, sequenceLength: L } = parts.spec.config;
  const logits = parts.weights['routing/logits']!.data;
  const { rows: projected, stride, project } = createProjection(config.map, parts);
  const cosine = config.cosineAgreement;
  /** Of each projected behavior, [n] or [K, n]. */
  const lengths = new Float32Array(stride === 0 ? L : maxInterests * L);
  const b = new Float32Array(maxInterests * L);
  const agreement = new Float32Array(maxInterests * L);
  const capsules = new Float32Array(maxInterests * D);
  const shares = new Float32Array(maxInterests * L);

  function measureLengths(K: number, n: number): void {
    for (let map = 0; map < (stride === 0 ? 1 : K); map++) {
      writeLengths(lengths, map * n, projected, map * stride, n, D);
    }
  }

  function addAgreement(K: number, n: number): void {
    if (stride === 0) multiplyByRows(agreement, 0, capsules, 0, K, projected, 0, n, D);
    else for (let k = 0; k < K; k++) multiplyByRows(agreement, k * n, capsules, k * D, 1, projected, k * stride, n, D);
    for (let k = 0; k < K; k++) {
      const scale = cosine === 0 ? 1 : cosine / lengthOf(capsules, k * D, D);
      const lengthsOf = stride === 0 ? 0 : k * n;
      for (let row = 0; row < n; row++) {
        const product = agreement[k * n + row]! * scale;
        b[k * n + row]! += cosine === 0 ? product : product / lengths[lengthsOf + row]!;
      }
    }
  }

  return {
    capsules,
    shares,
    extract(K, input) {
      const { n, first, weights } = input;
      project(K, input);
      if (cosine > 0) measureLengths(K, n);
      for (let k = 0; k < K; k++) for (let row = 0; row < n; row++) b[k * n + row] = logits[k * L + first + row]!;
      for (let iteration = 0; iteration < config.iterations; iteration++) {
        softmaxOverInterests(b, shares, K, n);
        capsules.fill(0);
        for (let k = 0; k < K; k++) {
          for (let row = 0; row < n; row++) shares[k * n + row]! *= weights[row]!;
          addWeightedRows(capsules, k * D, projected, k * stride, D, shares, k * n, n);
          squashRow(capsules, k * D, D);
        }
        if (iteration < config.iterations - 1) addAgreement(K, n);
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
