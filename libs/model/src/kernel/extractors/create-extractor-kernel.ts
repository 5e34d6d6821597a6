import type { ExtractorKernel, KernelParts } from './extractor-kernel.ts';
import { createMeanKernel } from './mean.ts';
import { createRoutingKernel } from './routing.ts';
import { createSelfAttentionKernel } from './self-attention.ts';
import { createTransformerKernel } from './transformer.ts';
import { createUserVectorsKernel } from './user-vectors.ts';

/** The kernel of the model's extractor. */
export function createExtractorKernel(parts: KernelParts): ExtractorKernel {
  const { extractor } = parts.spec.config;
  switch (extractor.kind) {
    case 'routing':
      return createRoutingKernel(extractor, parts);
    case 'mean':
      return createMeanKernel(extractor, parts);
    case 'self-attention':
      return createSelfAttentionKernel(extractor, parts);
    case 'transformer':
      return createTransformerKernel(extractor, parts);
    case 'user-vectors':
      return createUserVectorsKernel(extractor, parts);
  }
}
