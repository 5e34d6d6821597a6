import type { ErrorCategory } from '../errors.ts';

/** An error as one process sends it to another. */
export interface SentError {
  readonly message: string;
  readonly code: string;
  readonly category: ErrorCategory;
  readonly remedy?: string | undefined;
  readonly retryable: boolean;
}

/** A message from a child process to its parent. */
export type ChildMessage<Result, Progress> =
  | { readonly type: 'ready' }
  | { readonly type: 'progress'; readonly progress: Progress }
  | { readonly type: 'done'; readonly result: Result }
  | { readonly type: 'failed'; readonly error: SentError };
