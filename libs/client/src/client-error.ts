import type { Problem } from './serving/serving-api.ts';

export interface ClientErrorOptions {
  readonly code: string;
  readonly retryable: boolean;
  readonly problem?: Problem;
  readonly cause?: unknown;
}

/** A request that failed after all attempts. */
export class ClientError extends Error {
  /** The code of the server's problem, `CLIENT_UNREACHABLE`, or `CLIENT_RESPONSE_UNREADABLE`. */
  readonly code: string;
  /** Whether the same call may succeed later, unchanged. */
  readonly retryable: boolean;
  /** The problem in the response, if it has one. */
  readonly problem: Problem | undefined;
  /** The invalid field of the request, as a path with dots. */
  readonly field: string | undefined;
  /** How to fix the problem. */
  readonly remedy: string | undefined;

  constructor(message: string, { code, retryable, problem, cause }: ClientErrorOptions) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = 'ClientError';
    this.code = code;
    this.retryable = retryable;
    this.problem = problem;
    this.field = problem?.field;
    this.remedy = problem?.remedy;
  }
}

/**
 * Some records were not acknowledged, but may have arrived. Send `unacknowledged` again: its events have their ids, so they
 * count once.
 */
export class UnacknowledgedError<T> extends ClientError {
  readonly unacknowledged: readonly T[];

  constructor(unacknowledged: readonly T[], cause: ClientError) {
    super(`${unacknowledged.length} records were not acknowledged: ${cause.message}`, { ...cause, cause });
    this.name = 'UnacknowledgedError';
    this.unacknowledged = unacknowledged;
  }
}
