import { AppError, isAppError } from '../errors.ts';
import type { ErrorCategory } from '../errors.ts';

/** An error as one process sends it to another. A message cannot carry an instance. */
export interface SentError {
  readonly message: string;
  readonly code: string;
  readonly category: ErrorCategory;
  readonly remedy?: string | undefined;
  readonly retryable: boolean;
  /** The stack trace in the sending process. */
  readonly stack?: string | undefined;
}

/** A message from a child process to its parent. */
export type ChildMessage<Result, Progress> =
  | { readonly type: 'ready' }
  | { readonly type: 'progress'; readonly progress: Progress }
  | { readonly type: 'done'; readonly result: Result }
  | { readonly type: 'failed'; readonly error: SentError };

export function toSentError(error: unknown): SentError {
  if (isAppError(error)) {
    const { message, code, category, remedy, retryable, stack } = error;
    return { message, code, category, remedy, retryable, stack };
  }
  const { message = String(error), code, stack } = error as NodeJS.ErrnoException;
  // Unknown errors are retried: most of them are outages, and a bug only costs the remaining attempts.
  return { message, code: code ?? 'UNEXPECTED', category: 'internal', retryable: true, stack };
}

export function fromSentError({ message, stack, ...options }: SentError): AppError {
  const error = new AppError(message, options);
  if (stack !== undefined) error.stack = stack;
  return error;
}
