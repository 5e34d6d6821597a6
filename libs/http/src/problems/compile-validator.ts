import type { FastifySchemaCompiler } from 'fastify';
import type { TSchema } from 'typebox';
import { Compile } from 'typebox/compile';
import { problemError } from './problem.ts';

type SchemaError = ReturnType<ReturnType<typeof Compile>['Errors']>[number];

/** Compiles a validator that coerces nothing, removes nothing, and accepts unknown fields. */
export const compileValidator: FastifySchemaCompiler<TSchema> = ({ schema }) => {
  const check = Compile(schema);
  return (value: unknown) => (check.Check(value) ? { value } : { error: describeFault(check.Errors(value)) });
};

/**
 * Describes the most deeply nested fault of the body: among the alternatives of a field, the caller probably meant that one.
 * Among several faults there, a wrong type is the least informative.
 */
function describeFault(errors: readonly SchemaError[]): Error {
  const faults = errors
    .filter((error) => error.keyword !== 'anyOf')
    .map((error) => ({ keyword: error.keyword, path: pathOf(error), text: textOf(error) }));
  const depth = Math.max(...faults.map(({ path }) => path.length));
  const field = faults.find(({ path }) => path.length === depth)!.path.join('.');
  if (field === '') {
    return problemError('REQUEST_INVALID', 'The body must be a JSON object.', { remedy: 'Send at least {}.' });
  }
  const here = faults.filter(({ path }) => path.join('.') === field);
  const telling = here.filter(({ keyword }) => keyword !== 'type');
  const texts = (telling.length > 0 ? telling : here).map(({ text }) => text);
  return problemError('REQUEST_INVALID', `${field} ${[...new Set(texts)].join(', or ')}.`, { field });
}

function pathOf(error: SchemaError): string[] {
  const path = error.instancePath.split('/').slice(1).map(unescapePointer);
  return error.keyword === 'required' ? [...path, ...error.params.requiredProperties.slice(0, 1)] : path;
}

function textOf(error: SchemaError): string {
  if (error.keyword === 'required') return 'is missing';
  if (error.keyword === 'const') return `must be ${JSON.stringify(error.params.allowedValue)}`;
  if (error.keyword === 'format') return 'must be RFC 3339 text or epoch milliseconds';
  return error.message;
}

/** RFC 6901. */
function unescapePointer(part: string): string {
  return part.replaceAll('~1', '/').replaceAll('~0', '~');
}
