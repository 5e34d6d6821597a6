/** How the HTTP APIs of Facet describe what went wrong. */
export interface Problem {
  readonly statusCode: number;
  /** Stable, such as `RATE_LIMITED`: test this, not the message. */
  readonly code: string;
  readonly message: string;
  readonly remedy?: string;
  readonly field?: string;
}

export interface ClientErrorOptions {
  readonly code: string;
  readonly retryable: boolean;
  readonly problem?: Problem;
  readonly cause?: unknown;
}

/** A request that was not answered with success, after all attempts. */
export class ClientError extends Error {
  /** The code of the server's problem, `CLIENT_UNREACHABLE`, or `CLIENT_ANSWER_UNREADABLE`. */
  readonly code: string;
  /** Whether the same call may succeed later, unchanged. */
  readonly retryable: boolean;
  /** What the server said, where it said something. */
  readonly problem: Problem | undefined;
  /** The field of the request at fault, as a path with dots. */
  readonly field: string | undefined;
  /** What to do about it. */
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
 * Some records were not acknowledged. They may have arrived all the same: sent again as they are here, with the ids they
 * were given, they count once.
 */
export class UnacknowledgedError<T> extends ClientError {
  readonly unacknowledged: readonly T[];

  constructor(unacknowledged: readonly T[], cause: ClientError) {
    super(`${unacknowledged.length} records were not acknowledged: ${cause.message}`, {
      code: cause.code,
      retryable: cause.retryable,
      ...(cause.problem === undefined ? {} : { problem: cause.problem }),
      cause,
    });
    this.name = 'UnacknowledgedError';
    this.unacknowledged = unacknowledged;
  }
}
