/** Exit code of a process and HTTP status of a response for each category of error. docs/configuration.md has the table. */
const categories = {
  /** A bug, or a failure that has no better category. */
  internal: { exitCode: 1, httpStatus: 500 },
  /** Wrong options, settings or requests. */
  usage: { exitCode: 2, httpStatus: 400 },
  /** Data that cannot be used. */
  input: { exitCode: 3, httpStatus: 400 },
  /** A run, dead letter or recorded response that does not exist. */
  'not-found': { exitCode: 3, httpStatus: 404 },
  /** Data whose state does not permit the operation. */
  precondition: { exitCode: 3, httpStatus: 409 },
  /** Stored data that is damaged or incompatible. */
  artifact: { exitCode: 4, httpStatus: 409 },
  /** A bundle, model or dataset that does not exist. */
  'artifact-missing': { exitCode: 4, httpStatus: 404 },
  /** Another process holds or has changed the resource. */
  conflict: { exitCode: 5, httpStatus: 409 },
  /** A server, disk or port that cannot be used now. */
  unavailable: { exitCode: 5, httpStatus: 503 },
  /** The gate rejects a bundle. */
  rejected: { exitCode: 6, httpStatus: 409 },
  /** A loop of the process ended and cannot restart inside the process. */
  crashed: { exitCode: 6, httpStatus: 503 },
} as const;

export type ErrorCategory = keyof typeof categories;
export const errorCategories = Object.keys(categories) as ErrorCategory[];

export interface AppErrorOptions {
  /** Stable, upper case, prefixed by the library: `EVENTS_COLUMN_MISSING`. Callers test the code, never the message. */
  readonly code: string;
  /** Decides the exit code and the HTTP status. */
  readonly category: ErrorCategory;
  /** An imperative sentence that tells the reader how to fix the problem. */
  readonly remedy?: string | undefined;
  /** The facts: file names, ids, offending values. */
  readonly context?: Readonly<Record<string, unknown>>;
  /** Whether the same call may succeed later, unchanged. */
  readonly retryable?: boolean;
  readonly cause?: unknown;
}

/** An expected failure: bad input, a missing file, an unreachable server. Any other thrown value is a programming error. */
export class AppError extends Error {
  readonly code: string;
  readonly category: ErrorCategory;
  readonly remedy: string | undefined;
  readonly context: Readonly<Record<string, unknown>>;
  readonly retryable: boolean;

  constructor(message: string, options: AppErrorOptions) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'AppError';
    this.code = options.code;
    this.category = options.category;
    this.remedy = options.remedy;
    this.context = options.context ?? {};
    this.retryable = options.retryable ?? false;
  }
}

/** Returns true for an {@link AppError}; with `code`, only for an error of that code. */
export function isAppError(error: unknown, code?: string): error is AppError {
  return error instanceof AppError && (code === undefined || error.code === code);
}

/** Returns the exit code of a process that ends with `error`. */
export function exitCodeOf(error: unknown): number {
  return categories[isAppError(error) ? error.category : 'internal'].exitCode;
}

/** Returns the HTTP status of a request that fails with `error`. */
export function httpStatusOf(error: unknown): number {
  return categories[isAppError(error) ? error.category : 'internal'].httpStatus;
}

/** Returns message and remedy as one line, for any thrown value. */
export function describeError(error: unknown): string {
  if (isAppError(error)) return error.remedy === undefined ? error.message : `${error.message} ${error.remedy}`;
  return error instanceof Error ? error.message : String(error);
}
