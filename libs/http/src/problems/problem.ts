import { AppError } from '@facet/platform';
import type { ErrorCategory } from '@facet/platform';
import { Type } from 'typebox';
import type { Static } from 'typebox';

/** The one form of every answer that is not a success. */
export const Problem = Type.Object(
  {
    statusCode: Type.Integer({ description: 'The HTTP status.' }),
    code: Type.String({ description: 'Stable; test this, not the message.' }),
    message: Type.String(),
    remedy: Type.Optional(Type.String({ description: 'What to do about it.' })),
    field: Type.Optional(Type.String({ description: 'The field of the body at fault, as a path with dots.' })),
  },
  { title: 'Problem', description: 'Why the request was not answered, and what to do.' },
);
export type Problem = Static<typeof Problem>;

const examplesOf = (...problems: readonly Problem[]) => ({
  'x-examples': Object.fromEntries(problems.map((value) => [value.code, { value }])),
});

/** What every route may answer beside success, with examples for its docs. */
export const problemAnswers = {
  '4xx': {
    ...Problem,
    ...examplesOf(
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
    ...examplesOf({
      statusCode: 503,
      code: 'OVERLOADED',
      message: 'This server has more to do than it can.',
      remedy: 'Try again after the seconds in Retry-After, or add a server.',
    }),
  },
} as const;

/** What callers are told of one code. */
export interface ProblemKind {
  /** The HTTP status; by default the one of the error's category. */
  readonly status?: number;
  /** What to do about it, where the error itself does not say. */
  readonly remedy?: string;
}

/** The codes that an app tells its callers; an `AppError` of any other code is masked. */
export type ProblemCatalog = Readonly<Record<string, ProblemKind>>;

/** The problems that every app has. */
export const httpProblems = {
  REQUEST_INVALID: { status: 400 },
  BODY_NOT_JSON: { status: 400, remedy: 'Send JSON in UTF-8.' },
  UNAUTHORIZED: { status: 401, remedy: 'Send a key in the header x-api-key, or as Authorization: Bearer.' },
  FORBIDDEN: { status: 403 },
  NOT_FOUND: { status: 404 },
  METHOD_NOT_ALLOWED: { status: 405 },
  REQUEST_TIMED_OUT: { status: 408 },
  LENGTH_REQUIRED: { status: 411, remedy: 'Send the header Content-Length.' },
  BODY_TOO_LARGE: { status: 413, remedy: 'Send less at a time.' },
  BODY_TYPE_UNSUPPORTED: { status: 415, remedy: 'Send the header Content-Type: application/json.' },
  RATE_LIMITED: { status: 429, remedy: 'Try again after the seconds in Retry-After.' },
  HEADERS_TOO_LARGE: { status: 431 },
  INTERNAL: { status: 500 },
  NOT_READY: { status: 503, remedy: 'Try again when /readyz says 200.' },
  OVERLOADED: { status: 503, remedy: 'Try again after the seconds in Retry-After, or add a server.' },
  CLOSING: { status: 503, remedy: 'Ask another one.' },
  ANSWER_TIMED_OUT: { status: 503, remedy: 'Try again later.' },
} as const satisfies ProblemCatalog;
export type HttpProblemCode = keyof typeof httpProblems;

export interface ProblemDetails {
  readonly remedy?: string;
  /** The field of the body at fault, as a path with dots. */
  readonly field?: string;
  /** When the caller may try again; 1 for every 429 and 503 that does not say. */
  readonly retryAfterSeconds?: number;
  readonly cause?: unknown;
}

/** An error that is told to the caller as it is. */
export function problemError(code: HttpProblemCode, message: string, details: ProblemDetails = {}): AppError {
  return makeError(httpProblems[code], code, message, details);
}

/** The problems of one app: those of every app and its own. */
export interface Problems<Code extends string = string> {
  readonly catalog: ProblemCatalog;
  /** An error that is told to the caller as it is. */
  error(code: Code, message: string, details?: ProblemDetails): AppError;
}

/** @param own further codes, and other remedies for those of {@link httpProblems}. */
export function createProblems<Own extends ProblemCatalog>(own: Own): Problems<HttpProblemCode | (keyof Own & string)> {
  const catalog: Readonly<Record<HttpProblemCode | keyof Own, ProblemKind>> = { ...httpProblems, ...own };
  return {
    catalog,
    error: (code, message, details = {}) => makeError(catalog[code], code, message, details),
  };
}

/** Whether the same request may succeed later. */
export function isOfLoad(status: number): boolean {
  return status === 429 || status === 503;
}

function makeError({ status = 500 }: ProblemKind, code: string, message: string, details: ProblemDetails): AppError {
  const { remedy, field, retryAfterSeconds, cause } = details;
  return new AppError(message, {
    code,
    category: categoryOfStatus(status),
    retryable: isOfLoad(status),
    ...(remedy === undefined ? {} : { remedy }),
    context: {
      ...(field === undefined ? {} : { field }),
      ...(retryAfterSeconds === undefined ? {} : { retryAfterSeconds }),
    },
    ...(cause === undefined ? {} : { cause }),
  });
}

function categoryOfStatus(status: number): ErrorCategory {
  if (isOfLoad(status)) return 'unavailable';
  return status >= 500 ? 'internal' : 'usage';
}
