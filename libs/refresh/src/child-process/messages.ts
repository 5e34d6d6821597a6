import type { RefreshOutputs, RefreshStage, StageProgress } from '@facet/pipeline/runs';
import type { ErrorCategory } from '@facet/platform';

/** The task of a delta process. */
export interface DeltaOrder {
  /** The data home. */
  readonly home: string;
  /** The path of `facet.yaml`. */
  readonly configFile: string;
}

/** The task of a stage process. */
export interface StageOrder extends DeltaOrder {
  readonly runId: string;
  readonly stage: RefreshStage;
  /** Outputs of the earlier stages. */
  readonly outputs: RefreshOutputs;
}

/** An error as one process sends it to another. */
export interface SentError {
  readonly message: string;
  readonly code: string;
  readonly category: ErrorCategory;
  readonly remedy?: string | undefined;
  readonly retryable: boolean;
}

/** A message from a child process to its parent. */
export type ChildMessage<Result> =
  | { readonly type: 'ready' }
  | { readonly type: 'progress'; readonly progress: StageProgress }
  | { readonly type: 'done'; readonly result: Result }
  | { readonly type: 'failed'; readonly error: SentError };
