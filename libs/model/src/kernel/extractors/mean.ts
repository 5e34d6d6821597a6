import { addWeightedRows } from '../rows.ts';
import type { CreateExtractorKernel } from './extractor-kernel.ts';

/** See layers/extractors/mean.ts. */
export const createMeanKernel: CreateExtractorKernel<'mean'> = (_config, { spec }) => {
  const { embeddingDim: D, sequenceLength: L } = spec.config;
  const capsules = new Float32Array(D);
  const shares = new Float32Array(L);
  return {
    capsules,
    shares,
    extract(_K, { n, behaviors, weights }) {
      let total = 0;
      for (let row = 0; row < n; row++) total += weights[row]!;
      for (let row = 0; row < n; row++) shares[row] = weights[row]! / total;
      capsules.fill(0);
      addWeightedRows(capsules, 0, behaviors, 0, D, shares, 0, n);
    },
  };
};
