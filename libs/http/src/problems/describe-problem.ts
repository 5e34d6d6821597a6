import { httpStatusOf, isAppError } from '@facet/platform';
import type { HttpProblemCode, Problem, ProblemCatalog } from './problem.ts';

interface Words {
  readonly code: HttpProblemCode;
  readonly message: string;
  readonly remedy?: string;
}

/** Fastify's own errors, in the words of these APIs. */
const wordsOfFastify: Readonly<Record<string, Words>> = {
  FST_ERR_CTP_INVALID_JSON_BODY: { code: 'BODY_NOT_JSON', message: 'The body is not valid JSON.' },
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: {
    code: 'BODY_NOT_JSON',
    message: 'The body is not as long as Content-Length says.',
  },
  FST_ERR_CTP_EMPTY_JSON_BODY: {
    code: 'BODY_NOT_JSON',
    message: 'The body is empty.',
    remedy: 'Send JSON, at least {}.',
  },
  FST_ERR_CTP_BODY_TOO_LARGE: { code: 'BODY_TOO_LARGE', message: 'The body is larger than this API reads.' },
  FST_ERR_CTP_INVALID_MEDIA_TYPE: {
    code: 'BODY_TYPE_UNSUPPORTED',
    message: 'The body is not of a type that this API reads.',
  },
  FST_ERR_BAD_URL: { code: 'REQUEST_INVALID', message: 'The URL is malformed.', remedy: 'Encode it as RFC 3986 says.' },
};

/**
 * What the caller is told of an error. Whatever is not known to be the caller's affair is masked: the log has it, under
 * the id of the request.
 */
export function describeProblem(error: unknown, catalog: ProblemCatalog, requestId: string): Problem {
  if (isAppError(error) && Object.hasOwn(catalog, error.code)) {
    const { field } = error.context;
    const problem = problemOf(catalog, error.code, error.message, error.remedy, httpStatusOf(error));
    return typeof field === 'string' ? { ...problem, field } : problem;
  }
  const { code, statusCode } = readFastifyError(error);
  const words = wordsOfFastify[code];
  if (words !== undefined) return problemOf(catalog, words.code, words.message, words.remedy);
  // Any other refusal of Fastify or a plugin is the caller's affair as well.
  if (error instanceof Error && statusCode !== undefined && statusCode >= 400 && statusCode < 500) {
    return { statusCode, code: 'REQUEST_INVALID', message: error.message };
  }
  const remedy = `Look for the request ${requestId} in the log of the server.`;
  return problemOf(catalog, 'INTERNAL', 'The request failed for a reason that is not yours.', remedy);
}

function problemOf(
  catalog: ProblemCatalog,
  code: string,
  message: string,
  ownRemedy: string | undefined,
  status = 500,
): Problem {
  const kind = catalog[code]!;
  const remedy = ownRemedy ?? kind.remedy;
  return { statusCode: kind.status ?? status, code, message, ...(remedy === undefined ? {} : { remedy }) };
}

function readFastifyError(error: unknown): { code: string; statusCode: number | undefined } {
  const { code, statusCode } = (typeof error === 'object' && error !== null ? error : {}) as Record<string, unknown>;
  return { code: String(code), statusCode: typeof statusCode === 'number' ? statusCode : undefined };
}
