import type { BehaviorRows } from '@facet/features';
import type { ExtractorConfig, ExtractorKind, ModelSpec } from '../../config.ts';
import type { Weights } from '../../weights.ts';
import type { ItemTable } from '../item-table.ts';

/** What the kernel of an extractor reads of one user; n behaviors without padding, in arrays that are used again for the next. */
export interface KernelInput {
  /** The user's row in the table of user vectors; `unknownUser` for others. */
  readonly userRow: number;
  /** One row, and its first slot that holds a behavior: n = L − first. */
  readonly rows: BehaviorRows;
  readonly first: number;
  readonly n: number;
  /** [n, D] what each behavior is: its item's embedding and that of its age. */
  readonly behaviors: Float32Array;
  /** [n] weight of each behavior: 1 in the papers, its recency weight otherwise. */
  readonly weights: Float32Array;
}

/** The same function as the extractor's layer, on typed arrays. */
export interface ExtractorKernel {
  /** [K, D] of the last user, and [K, n] the weight with which each behavior went into each capsule. */
  readonly capsules: Float32Array;
  readonly shares: Float32Array;
  /** Writes both for K interests of a user. */
  extract(K: number, input: KernelInput): void;
}

/** What kernels are made of. */
export interface KernelParts {
  readonly spec: ModelSpec;
  readonly weights: Weights;
  readonly items: ItemTable;
}

export type CreateExtractorKernel<Kind extends ExtractorKind> = (
  config: ExtractorConfig<Kind>,
  parts: KernelParts,
) => ExtractorKernel;
