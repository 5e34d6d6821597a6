/** What every error of Facet carries, so that a person knows what to do and a program need not read the message. */
export interface AppErrorOptions {
  /** Stable, upper case, prefixed by the lib: `EVENTS_COLUMN_MISSING`. Callers test this, never the message. */
  readonly code: string;
  /** What the reader can do about it, as an imperative sentence. */
  readonly remedy?: string;
  /** The facts: file names, ids, offending values. */
  readonly context?: Readonly<Record<string, unknown>>;
  /** Whether the same call may succeed later, unchanged. */
  readonly retryable?: boolean;
  readonly cause?: unknown;
}

/** An expected failure: bad input, a missing file, a dead server. Anything else that is thrown is a programming error. */
export class AppError extends Error {
  readonly code: string;
  readonly remedy: string | undefined;
  readonly context: Readonly<Record<string, unknown>>;
  readonly retryable: boolean;

  constructor(message: string, options: AppErrorOptions) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'AppError';
    this.code = options.code;
    this.remedy = options.remedy;
    this.context = options.context ?? {};
    this.retryable = options.retryable ?? false;
  }
}

/** True for an {@link AppError}, and with `code` only for one of that code. */
export function isAppError(error: unknown, code?: string): error is AppError {
  return error instanceof AppError && (code === undefined || error.code === code);
}

/** One line a person can read, for any thrown value: message, then remedy. */
export function describeError(error: unknown): string {
  if (isAppError(error)) return error.remedy === undefined ? error.message : `${error.message} ${error.remedy}`;
  return error instanceof Error ? error.message : String(error);
}
