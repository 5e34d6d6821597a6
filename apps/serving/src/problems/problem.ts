import { AppError } from '@facet/platform';
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

/** All codes of problems, and their HTTP status. */
export const problemStatus = {
  REQUEST_INVALID: 400,
  BODY_NOT_JSON: 400,
  UNAUTHORIZED: 401,
  NOT_FOUND: 404,
  METHOD_NOT_ALLOWED: 405,
  REQUEST_TIMED_OUT: 408,
  BODY_TOO_LARGE: 413,
  BODY_TYPE_UNSUPPORTED: 415,
  HEADERS_TOO_LARGE: 431,
  INTERNAL: 500,
  NOT_READY: 503,
  OVERLOADED: 503,
  CLOSING: 503,
  ANSWER_TIMED_OUT: 503,
} as const satisfies Record<string, number>;
export type ProblemCode = keyof typeof problemStatus;

/** Seconds after which a caller that was turned away may try again. */
export const retryAfterSeconds = 1;

/** An error that is told to the caller as it is. */
export function problemError(
  code: ProblemCode,
  message: string,
  details: { readonly remedy?: string; readonly field?: string } = {},
): AppError {
  return new AppError(message, {
    code,
    retryable: problemStatus[code] === 503,
    ...(details.remedy === undefined ? {} : { remedy: details.remedy }),
    ...(details.field === undefined ? {} : { context: { field: details.field } }),
  });
}

export function isProblemCode(code: string): code is ProblemCode {
  return Object.hasOwn(problemStatus, code);
}
