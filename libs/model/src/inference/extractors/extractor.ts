import type { BehaviorRows } from '@facet/features';
import type { ExtractorConfig, ExtractorKind, ModelSpec } from '../../config.ts';
import type { Weights } from '../../weights.ts';
import type { ItemTable } from '../item-table.ts';

/** The input for one user: n behaviors without padding. The next user reuses the arrays. */
export interface ExtractorInput {
  /** The user's row in the table of user vectors, or `unknownUser`. */
  readonly userRow: number;
  /** One behavior row and its first slot with a behavior: n = L − first. */
  readonly rows: BehaviorRows;
  readonly first: number;
  readonly n: number;
  /** [n, D] embedding of each behavior: of its item, plus that of its age. */
  readonly behaviors: Float32Array;
  /** [n] weight of each behavior: 1 in the papers, otherwise its recency weight. */
  readonly weights: Float32Array;
}

/** An extractor of the user tower on typed arrays. */
export interface Extractor {
  /** [K, D] capsules of the last user. */
  readonly capsules: Float32Array;
  /** [K, n] weight of each behavior in each capsule. */
  readonly shares: Float32Array;
  /**
   * The behaviors that a capsule sums by their shares; default: those of the input. The rows [n, D] of interest k begin at k · `stride`.
   */
  readonly projection?: { readonly rows: Float32Array; readonly stride: number };
  /** Writes capsules and shares for K interests of a user. */
  extract(K: number, input: ExtractorInput): void;
}

export interface ExtractorParts {
  readonly spec: ModelSpec;
  readonly weights: Weights;
  readonly items: ItemTable;
}

export type CreateExtractor<Kind extends ExtractorKind> = (
  config: ExtractorConfig<Kind>,
  parts: ExtractorParts,
) => Extractor;
