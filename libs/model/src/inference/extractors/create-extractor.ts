import { userVectorTable } from '../../weights.ts';
import { addWeightedRows } from '../matrix.ts';
import type { CreateExtractor, Extractor, ExtractorParts } from './extractor.ts';
import { createRouting } from './routing.ts';
import { createSelfAttention } from './self-attention.ts';
import { createTransformer } from './transformer.ts';

/** Creates the model's extractor. */
export function createExtractor(parts: ExtractorParts): Extractor {
  const { extractor } = parts.spec.config;
  switch (extractor.kind) {
    case 'routing':
      return createRouting(extractor, parts);
    case 'mean':
      return createMean(extractor, parts);
    case 'self-attention':
      return createSelfAttention(extractor, parts);
    case 'transformer':
      return createTransformer(extractor, parts);
    case 'user-vectors':
      return createUserVectors(extractor, parts);
  }
}

/** `extractMean` of the tower. */
const createMean: CreateExtractor<'mean'> = (_config, { spec }) => {
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

/** `extractUserVectors` of the tower. Behaviors have no share in these capsules. */
const createUserVectors: CreateExtractor<'user-vectors'> = (_config, { spec, weights }) => {
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
