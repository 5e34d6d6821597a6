import { AppError } from '@facet/platform';
import type { ErrorCategory } from '@facet/platform';
import { Type } from 'typebox';
import type { Static } from 'typebox';

/** The form of every response that is not a success. */
export const Problem = Type.Object(
  {
    statusCode: Type.Integer({ description: 'The HTTP status.' }),
    code: Type.String({ description: 'A stable code. Test it instead of the message.' }),
    message: Type.String(),
    remedy: Type.Optional(Type.String({ description: 'What the caller can do.' })),
    field: Type.Optional(Type.String({ description: 'The wrong field of the body, as a path with dots.' })),
  },
  { title: 'Problem', description: 'Why the request failed, and what to do.' },
);
export type Problem = Static<typeof Problem>;

interface ProblemKind {
  /** The HTTP status, which overrides the status of the error's category. */
  readonly status: number;
  /** The remedy for an error that has no remedy. */
  readonly remedy?: string;
}

/** The errors that an app or a route reveals to its callers, by code. For other errors, callers see at most the code. */
export type ProblemCatalog = Readonly<Record<string, ProblemKind>>;

/** The errors that every app can return. */
export const httpProblems = {
  REQUEST_INVALID: { status: 400 },
  BODY_NOT_JSON: { status: 400, remedy: 'Send JSON in UTF-8.' },
  UNAUTHORIZED: { status: 401, remedy: 'Send a key in the header x-api-key, or as Authorization: Bearer.' },
  FORBIDDEN: { status: 403 },
  NOT_FOUND: { status: 404 },
  METHOD_NOT_ALLOWED: { status: 405 },
  REQUEST_TIMED_OUT: { status: 408 },
  LENGTH_REQUIRED: { status: 411, remedy: 'Send the header Content-Length.' },
  BODY_TOO_LARGE: { status: 413, remedy: 'Send a smaller body.' },
  BODY_TYPE_UNSUPPORTED: { status: 415, remedy: 'Send the header Content-Type: application/json.' },
  RATE_LIMITED: { status: 429, remedy: 'Retry after the seconds in Retry-After.' },
  HEADERS_TOO_LARGE: { status: 431 },
  INTERNAL: { status: 500 },
  NOT_READY: { status: 503, remedy: 'Retry when /readyz returns 200.' },
  OVERLOADED: { status: 503, remedy: 'Retry after the seconds in Retry-After, or add a server.' },
  CLOSING: { status: 503, remedy: 'Send the request to another server.' },
  RESPONSE_TIMED_OUT: { status: 503, remedy: 'Retry later.' },
} as const satisfies ProblemCatalog;
export type HttpProblemCode = keyof typeof httpProblems;

interface ProblemDetails {
  readonly remedy?: string;
  /** The wrong field of the body, as a path with dots. */
  readonly field?: string;
  /** When the caller may retry. Default for 429 and 503: 1 second. */
  readonly retryAfterSeconds?: number;
  readonly cause?: unknown;
}

/** Creates one of the {@link httpProblems}. Callers see it unmasked. */
export function problemError(code: HttpProblemCode, message: string, details?: ProblemDetails): AppError {
  return declaredError(httpProblems, code, message, details);
}

/** Whether the same request may succeed later. */
export function isOfLoad(status: number): boolean {
  return status === 429 || status === 503;
}

/** Creates an error of a catalog. Callers see it unmasked if the route or its app declares it. */
export function declaredError<Catalog extends ProblemCatalog>(
  catalog: Catalog,
  code: keyof Catalog & string,
  message: string,
  { remedy, field, retryAfterSeconds, cause }: ProblemDetails = {},
): AppError {
  const status = catalog[code]!.status;
  return new AppError(message, {
    code,
    category: categoryOfStatus(status),
    retryable: isOfLoad(status),
    remedy,
    // Logs and callers see the keys of the context.
    context: {
      ...(field === undefined ? {} : { field }),
      ...(retryAfterSeconds === undefined ? {} : { retryAfterSeconds }),
    },
    cause,
  });
}

function categoryOfStatus(status: number): ErrorCategory {
  if (isOfLoad(status)) return 'unavailable';
  return status >= 500 ? 'internal' : 'usage';
}

const s3Errors = { S3_REFUSED: { status: 503 }, S3_UNREACHABLE: { status: 503 } };

/** The errors of a route that reads the lake. */
export const lakeErrors = {
  ...s3Errors,
  EVENTS_LAKE_COPIES_FULL: { status: 503 },
  EVENTS_LAKE_DAMAGED: { status: 409 },
  EVENTS_LAKE_HAS_LOCAL: { status: 409 },
  EVENTS_LAKE_NOT_CONFIGURED: { status: 503 },
  EVENTS_LAKE_SNAPSHOT_EXPIRED: { status: 503 },
  EVENTS_LAKE_UNREADABLE: { status: 503 },
} as const satisfies ProblemCatalog;

/** The errors of a route that reads artifacts. */
export const artifactErrors = {
  ...s3Errors,
  ARTIFACT_COPIES_FULL: { status: 503 },
  ARTIFACT_CORRUPT: { status: 409 },
} as const satisfies ProblemCatalog;
