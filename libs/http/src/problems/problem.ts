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

const createExamples = (...problems: readonly Problem[]) => ({
  'x-examples': Object.fromEntries(problems.map((value) => [value.code, { value }])),
});

/** The failure responses of every route, with examples for the API document. */
export const problemResponses = {
  '4xx': {
    ...Problem,
    ...createExamples(
      {
        statusCode: 400,
        code: 'REQUEST_INVALID',
        message: 'limit must be >= 1.',
        remedy: 'Correct the field; /docs describes it.',
        field: 'limit',
      },
      {
        statusCode: 401,
        code: 'UNAUTHORIZED',
        message: 'The request has no API key.',
        remedy: 'Send a key in the header x-api-key, or as Authorization: Bearer.',
      },
    ),
  },
  '5xx': {
    ...Problem,
    ...createExamples({
      statusCode: 503,
      code: 'OVERLOADED',
      message: 'This server has more requests than it can serve.',
      remedy: 'Retry after the seconds in Retry-After, or add a server.',
    }),
  },
} as const;

interface ProblemKind {
  /** The HTTP status. Default: that of the error's category. */
  readonly status?: number;
  /** The remedy of errors that have none. */
  readonly remedy?: string;
}

/** The error codes that an app reveals to its callers. Of other errors they see at most the code. */
export type ProblemCatalog = Readonly<Record<string, ProblemKind>>;

/** The problems of every app. */
const httpProblems = {
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

/** Creates an error that callers see unmasked. */
export function problemError(code: HttpProblemCode, message: string, details: ProblemDetails = {}): AppError {
  return createError(httpProblems[code], code, message, details);
}

/** The problems of one app, including those of every app. */
export interface Problems<Code extends string = string> {
  readonly catalog: ProblemCatalog;
  /** Creates an error that callers see unmasked. */
  error(code: Code, message: string, details?: ProblemDetails): AppError;
}

/** @param own additional codes, and app-specific remedies for the codes of every app. */
export function createProblems<Own extends ProblemCatalog>(own: Own): Problems<HttpProblemCode | (keyof Own & string)> {
  const catalog: Readonly<Record<HttpProblemCode | keyof Own, ProblemKind>> = { ...httpProblems, ...own };
  return {
    catalog,
    error: (code, message, details = {}) => createError(catalog[code], code, message, details),
  };
}

/** Whether the same request may succeed later. */
export function isOfLoad(status: number): boolean {
  return status === 429 || status === 503;
}

function createError({ status = 500 }: ProblemKind, code: string, message: string, details: ProblemDetails): AppError {
  const { remedy, field, retryAfterSeconds, cause } = details;
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

const s3Problems = { S3_REFUSED: {}, S3_UNREACHABLE: {} } as const satisfies ProblemCatalog;

/** The problems of an app that reads the lake. */
export const lakeProblems = {
  ...s3Problems,
  EVENTS_LAKE_COPIES_FULL: {},
  EVENTS_LAKE_DAMAGED: {},
  EVENTS_LAKE_HAS_LOCAL: {},
  EVENTS_LAKE_NOT_CONFIGURED: { status: 503 },
  EVENTS_LAKE_SNAPSHOT_EXPIRED: {},
  EVENTS_LAKE_UNREADABLE: {},
} as const satisfies ProblemCatalog;

/** The problems of an app that reads artifacts. */
export const artifactProblems = {
  ...s3Problems,
  ARTIFACT_COPIES_FULL: {},
  ARTIFACT_CORRUPT: {},
} as const satisfies ProblemCatalog;
