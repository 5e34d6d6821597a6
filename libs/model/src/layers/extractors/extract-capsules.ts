import type { Tensor3D, Variable } from '../../tf.ts';
import type { ModelConfig } from '../../config.ts';
import type { ExtractorInput } from './extractor.ts';
import { extractMean } from './mean.ts';
import { extractByRouting } from './routing.ts';
import { extractBySelfAttention } from './self-attention.ts';
import { extractByTransformer } from './transformer.ts';
import { extractUserVectors } from './user-vectors.ts';

/** Behaviors → capsules [B, K, D] by the model's extractor. */
export function extractCapsules(
  variables: Readonly<Record<string, Variable>>,
  { extractor }: Pick<ModelConfig, 'extractor'>,
  input: ExtractorInput,
): Tensor3D {
  switch (extractor.kind) {
    case 'routing':
      return extractByRouting(variables, extractor, input);
    case 'mean':
      return extractMean(variables, extractor, input);
    case 'self-attention':
      return extractBySelfAttention(variables, extractor, input);
    case 'transformer':
      return extractByTransformer(variables, extractor, input);
    case 'user-vectors':
      return extractUserVectors(variables, extractor, input);
  }
}
