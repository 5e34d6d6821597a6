import { userVectorTable } from '../../weights.ts';
import type { CreateExtractorKernel } from './extractor-kernel.ts';

/** See layers/extractors/user-vectors.ts. No behavior has a share in such a capsule. */
export const createUserVectorsKernel: CreateExtractorKernel<'user-vectors'> = (_config, { spec, weights }) => {
  const { embeddingDim: D, interests: K, sequenceLength: L } = spec.config;
  const vectors = weights[userVectorTable]!.data;
  const capsules = new Float32Array(K * D);
  return {
    capsules,
    shares: new Float32Array(K * L),
    extract(_K, { userRow }) {
      const start = userRow * K * D;
      for (let cell = 0; cell < K * D; cell++) capsules[cell] = vectors[start + cell]!;
    },
  };
};
