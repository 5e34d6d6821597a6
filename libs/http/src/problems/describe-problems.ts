import { httpProblems, Problem } from './problem.ts';
import type { ProblemCatalog } from './problem.ts';

const createExamples = (...problems: readonly Problem[]) => ({
  'x-examples': Object.fromEntries(problems.map((value) => [value.code, { value }])),
});

/** The failure responses of every route. */
const ofEveryRoute = {
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
};

/**
 * Returns the failure responses of a route for the API document: one for each status of its declared errors, and those of every route.
 *
 * @param errors the errors of the route and of its app
 */
export function describeProblems(errors: ProblemCatalog) {
  const own = Object.entries(errors).filter(([code]) => !Object.hasOwn(httpProblems, code));
  const statuses = new Set(own.map(([, { status }]) => status));
  const describe = (statusCode: number) => {
    const codes = own.flatMap(([code, { status }]) => (status === statusCode ? [code] : []));
    return {
      ...Problem,
      'x-response-description': `${codes.join(', ')}, or an error that every route can return.`,
      ...createExamples({ statusCode, code: codes[0]!, message: 'The reason.', remedy: 'What to do.' }),
    };
  };
  return { ...Object.fromEntries([...statuses].map((status) => [status, describe(status)])), ...ofEveryRoute };
}
