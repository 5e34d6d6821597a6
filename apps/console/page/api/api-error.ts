/** The APIs behind the console, as in its addresses `/api/<name>/`. */
export type ApiName = 'serving' | 'collector' | 'sink' | 'trainer' | 'indexer';

interface Facts {
  /** The HTTP status; 0 if the console itself did not respond. */
  readonly status: number;
  readonly code: string;
  readonly remedy?: string | undefined;
  readonly retryAfterMs?: number | undefined;
}

/** A failed request. `code` and `remedy` come from the API. */
export class ApiError extends Error {
  readonly status: number;
  readonly code: string;
  readonly remedy: string | undefined;
  readonly retryAfterMs: number | undefined;

  constructor(message: string, { status, code, remedy, retryAfterMs }: Facts) {
    super(message);
    this.name = 'ApiError';
    this.status = status;
    this.code = code;
    this.remedy = remedy;
    this.retryAfterMs = retryAfterMs;
  }

  /** Whether no process responded. */
  get isUnreachable(): boolean {
    return this.status === 0 || this.code === 'API_UNREACHABLE';
  }

  /** Whether the API rejected the request because of overload. */
  get isOverload(): boolean {
    return this.status === 429 || this.status === 503;
  }

  /** Whether the same request may succeed later without a change. */
  get isTemporary(): boolean {
    return this.status === 0 || this.status === 429 || this.status >= 500;
  }
}

/** Returns the error of a response that is not a success. */
export async function errorOf(response: Response): Promise<ApiError> {
  const body: unknown = await response.json().catch(() => undefined);
  const problem = typeof body === 'object' && body !== null ? (body as Record<string, unknown>) : {};
  const text = (name: string): string | undefined =>
    typeof problem[name] === 'string' ? (problem[name] as string) : undefined;
  const seconds = Number(response.headers.get('retry-after') ?? Number.NaN);
  return new ApiError(text('message') ?? `The response has the status ${response.status}.`, {
    status: response.status,
    code: text('code') ?? 'UNKNOWN',
    remedy: text('remedy'),
    retryAfterMs: Number.isFinite(seconds) ? seconds * 1000 : undefined,
  });
}
