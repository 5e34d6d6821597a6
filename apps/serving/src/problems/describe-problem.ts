import { isAppError } from '@facet/platform';
import { isProblemCode, problemError, problemStatus } from './problem.ts';
import type { Problem, ProblemCode } from './problem.ts';

interface Words {
  readonly code: ProblemCode;
  readonly message: string;
  readonly remedy: string;
}

const notJson: Words = {
  code: 'BODY_NOT_JSON',
  message: 'The body is not valid JSON.',
  remedy: 'Send one JSON object in UTF-8.',
};

/** Fastify's own errors, in the words of this API. */
const wordsOfFastify: Readonly<Record<string, Words>> = {
  FST_ERR_CTP_INVALID_JSON_BODY: notJson,
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: { ...notJson, message: 'The body is not as long as Content-Length says.' },
  FST_ERR_CTP_EMPTY_JSON_BODY: {
    ...notJson,
    message: 'The body is empty.',
    remedy: 'Send a JSON object, at least {}.',
  },
  FST_ERR_CTP_BODY_TOO_LARGE: {
    code: 'BODY_TOO_LARGE',
    message: 'The body is larger than this API reads.',
    remedy: 'Send fewer behaviors: the model reads the newest ones only.',
  },
  FST_ERR_CTP_INVALID_MEDIA_TYPE: {
    code: 'BODY_TYPE_UNSUPPORTED',
    message: 'The body is not declared as JSON.',
    remedy: 'Send the header Content-Type: application/json.',
  },
  FST_ERR_BAD_URL: { code: 'REQUEST_INVALID', message: 'The URL is malformed.', remedy: 'Encode it as RFC 3986 says.' },
  FST_ERR_HANDLER_TIMEOUT: {
    code: 'ANSWER_TIMED_OUT',
    message: 'The answer took too long and was given up.',
    remedy: 'Try again later.',
  },
};

/**
 * What the caller is told of an error. Whatever is not known to be the caller's affair is masked: the log has it, under
 * the id of the request.
 */
export function describeProblem(error: unknown, requestId: string): Problem {
  if (isAppError(error) && isProblemCode(error.code)) {
    const { field } = error.context;
    return {
      statusCode: problemStatus[error.code],
      code: error.code,
      message: error.message,
      ...(error.remedy === undefined ? {} : { remedy: error.remedy }),
      ...(typeof field === 'string' ? { field } : {}),
    };
  }
  const { code, statusCode } = readFastifyError(error);
  const words = wordsOfFastify[code];
  if (words !== undefined) return { statusCode: problemStatus[words.code], ...words };
  // Any other refusal of Fastify or a plugin is the caller's affair as well.
  if (error instanceof Error && statusCode !== undefined && statusCode >= 400 && statusCode < 500) {
    return { statusCode, code: 'REQUEST_INVALID', message: error.message };
  }
  return describeProblem(
    problemError('INTERNAL', 'The request failed for a reason that is not yours.', {
      remedy: `Look for the request ${requestId} in the log of the server.`,
    }),
    requestId,
  );
}

function readFastifyError(error: unknown): { code: string; statusCode: number | undefined } {
  const { code, statusCode } = (typeof error === 'object' && error !== null ? error : {}) as Record<string, unknown>;
  return { code: String(code), statusCode: typeof statusCode === 'number' ? statusCode : undefined };
}
