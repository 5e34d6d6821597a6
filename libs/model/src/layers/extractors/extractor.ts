import type { Tensor2D, Tensor3D, Variable } from '../../tf.ts';
import type { ExtractorConfig, ExtractorKind } from '../../config.ts';
import type { UserBatch } from '../user-batch.ts';

/** What an extractor makes capsules of. */
export interface ExtractorInput {
  /** [B, L, D] what each behavior is: its item's embedding and that of its age; zero where padded. */
  readonly behaviors: Tensor3D;
  /** [B, L] weight of each behavior: 0 for padding, 1 in the papers, its recency weight otherwise. */
  readonly weights: Tensor2D;
  readonly users: UserBatch;
}

/** Behaviors → capsules [B, K, D]. Those of inactive interests may hold anything finite. */
export type Extractor<Kind extends ExtractorKind> = (
  variables: Readonly<Record<string, Variable>>,
  config: ExtractorConfig<Kind>,
  input: ExtractorInput,
) => Tensor3D;
