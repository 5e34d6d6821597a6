import type { Static, TSchema } from 'typebox';
import { Compile } from 'typebox/compile';
import { Value } from 'typebox/value';
import { AppError } from './errors.ts';

/**
 * Parses `value` at the edge: fills the schema's defaults, then checks it, and names every field that is wrong at once.
 * With `coerce`, text becomes numbers and booleans where the schema asks for them (environment variables).
 *
 * @throws AppError `CONFIG_INVALID` naming `source` and each offending field.
 */
export function parseWith<Schema extends TSchema>(
  schema: Schema,
  value: unknown,
  options: { source: string; coerce?: boolean },
): Static<Schema> {
  const filled = Value.Default(schema, Value.Clone(value));
  const parsed = options.coerce === true ? Value.Convert(schema, filled) : filled;
  const check = Compile(schema);
  if (check.Check(parsed)) return parsed as Static<Schema>;
  const problems = check
    .Errors(parsed)
    .map((error) => `${error.instancePath === '' ? 'the whole' : error.instancePath.slice(1).replaceAll('/', '.')}: ${error.message}`);
  throw new AppError(`${options.source} is not valid: ${[...new Set(problems)].join('; ')}.`, {
    code: 'CONFIG_INVALID',
    remedy: `Correct the named fields in ${options.source}.`,
    context: { source: options.source, problems },
  });
}
