import type { FastifySchemaCompiler } from 'fastify';
import { nearestName } from '@facet/platform';
import type { TSchema } from 'typebox';
import { Compile } from 'typebox/compile';
import { problemError } from './problem.ts';

type SchemaError = ReturnType<ReturnType<typeof Compile>['Errors']>[number];

/**
 * Compiles a validator that coerces nothing, removes nothing, and accepts unknown fields. If the schema has a field `strict`, a body
 * with `strict: true` or a URL query with `strict=true` must not contain unknown fields.
 */
export const compileValidator: FastifySchemaCompiler<TSchema> = ({ schema }) => {
  const check = Compile(schema);
  const { strict } = (schema as Shape).properties ?? {};
  return (value: unknown) => {
    if (!check.Check(value)) return { error: describeFault(check.Errors(value), schema) };
    const isStrict = strict !== undefined && String((value as { readonly strict?: unknown }).strict) === 'true';
    const unknown = isStrict ? findUnknownField(schema, value, []) : undefined;
    return unknown === undefined ? { value } : { error: describeUnknown(unknown) };
  };
};

/** The parts of a JSON Schema that name fields. */
interface Shape {
  readonly type?: string;
  readonly properties?: Readonly<Record<string, Shape>>;
  readonly items?: Shape;
  readonly anyOf?: readonly Shape[];
}

interface UnknownField {
  readonly path: readonly string[];
  /** The fields that the schema names in its place. */
  readonly known: readonly string[];
}

function findUnknownField(
  { properties, items, anyOf }: Shape,
  value: unknown,
  path: string[],
): UnknownField | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  if (anyOf !== undefined) {
    const kind = Array.isArray(value) ? 'array' : 'object';
    const found = anyOf.filter(({ type }) => type === kind).map((shape) => findUnknownField(shape, value, path));
    return found.includes(undefined) ? undefined : found[0];
  }
  if (Array.isArray(value)) {
    if (items === undefined) return undefined;
    return firstOf(value, (entry, index) => findUnknownField(items, entry, [...path, String(index)]));
  }
  if (properties === undefined) return undefined;
  return firstOf(Object.entries(value), ([name, field]) => {
    const shape = Object.hasOwn(properties, name) ? properties[name] : undefined;
    if (shape === undefined) return { path: [...path, name], known: Object.keys(properties) };
    return findUnknownField(shape, field, [...path, name]);
  });
}

function firstOf<Value, Found>(
  values: readonly Value[],
  find: (value: Value, index: number) => Found | undefined,
): Found | undefined {
  for (const [index, value] of values.entries()) {
    const found = find(value, index);
    if (found !== undefined) return found;
  }
  return undefined;
}

function describeUnknown({ path, known }: UnknownField): Error {
  const nearest = nearestName(path.at(-1)!, known);
  const remedy = nearest === undefined ? `The known fields are ${known.join(', ')}.` : `Did you mean ${nearest}?`;
  const field = path.join('.');
  return problemError('REQUEST_INVALID', `${field} is not a known field, and the request is strict.`, {
    field,
    remedy,
  });
}

/**
 * Describes the most deeply nested fault of the body: among the alternatives of a field, the caller probably meant that one.
 * Among several faults there, a wrong type is the least informative.
 */
function describeFault(errors: readonly SchemaError[], schema: TSchema): Error {
  const faults = errors
    .filter((error) => error.keyword !== 'anyOf')
    .map((error) => ({ keyword: error.keyword, path: pathOf(error), text: textOf(error), at: error.schemaPath }));
  const depth = Math.max(...faults.map(({ path }) => path.length));
  const field = faults.find(({ path }) => path.length === depth)!.path.join('.');
  if (field === '') {
    return problemError('REQUEST_INVALID', 'The body must be a JSON object.', { remedy: 'Send at least {}.' });
  }
  const here = faults.filter(({ path }) => path.join('.') === field);
  const telling = here.filter(({ keyword }) => keyword !== 'type');
  const texts = (telling.length > 0 ? telling : here).map(({ text }) => text);
  const isTime = telling.some(({ keyword }) => keyword === 'format');
  // A time is text or a number.
  if (isTime && here.some(({ text }) => text === 'must be integer')) texts.push('must be epoch milliseconds');
  const [first] = telling;
  const described = first?.keyword === 'pattern' ? descriptionAt(schema, first.at) : undefined;
  const remedy = described === undefined ? {} : { remedy: `${field}: ${described}` };
  return problemError('REQUEST_INVALID', `${field} ${[...new Set(texts)].join(', or ')}.`, { field, ...remedy });
}

/** Returns the description of the schema at a JSON pointer, which says what a pattern means. */
function descriptionAt(schema: unknown, pointer: string): string | undefined {
  let found = schema;
  for (const part of pointer.split('/').slice(1).map(unescapePointer)) {
    found = (found as Readonly<Record<string, unknown>> | undefined)?.[part];
  }
  return (found as { readonly description?: string } | undefined)?.description;
}

function pathOf(error: SchemaError): string[] {
  const path = error.instancePath.split('/').slice(1).map(unescapePointer);
  return error.keyword === 'required' ? [...path, ...error.params.requiredProperties.slice(0, 1)] : path;
}

function textOf(error: SchemaError): string {
  if (error.keyword === 'required') return 'is missing';
  if (error.keyword === 'const') return `must be ${JSON.stringify(error.params.allowedValue)}`;
  if (error.keyword === 'enum') {
    return `must be ${error.params.allowedValues.map((value) => JSON.stringify(value)).join(' or ')}`;
  }
  if (error.keyword === 'format') {
    return error.params.format === 'date' ? 'must be a calendar day in the form YYYY-MM-DD' : 'must be RFC 3339 text';
  }
  return error.message;
}

/** RFC 6901. */
function unescapePointer(part: string): string {
  return part.replaceAll('~1', '/').replaceAll('~0', '~');
}
