import type { RefreshOutputs, RefreshStage, StageProgress } from '@facet/pipeline/runs';
import type { ErrorCategory } from '@facet/platform';

/** Whose catalog and current bundle to compare. */
export interface DeltaOrder {
  /** The data home. */
  readonly home: string;
  /** `facet.yaml`. */
  readonly configFile: string;
}

/** What a stage process is told to do. */
export interface StageOrder extends DeltaOrder {
  readonly runId: string;
  readonly stage: RefreshStage;
  /** Of the stages before. */
  readonly outputs: RefreshOutputs;
}

/** An error on its way from one process to another. */
export interface SentError {
  readonly message: string;
  readonly code: string;
  readonly category: ErrorCategory;
  readonly remedy?: string;
  readonly retryable: boolean;
}

/** What a child process says. */
export type ChildMessage<Result> =
  | { readonly type: 'ready' }
  | { readonly type: 'progress'; readonly progress: StageProgress }
  | { readonly type: 'done'; readonly result: Result }
  | { readonly type: 'failed'; readonly error: SentError };
