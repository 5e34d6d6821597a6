import type { Static, TObject, TSchema } from 'typebox';
import { Compile } from 'typebox/compile';
import type { TLocalizedValidationError } from 'typebox/error';
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
  const problems = describeProblems(check.Errors(parsed));
  throw new AppError(`${options.source} is not valid: ${problems.join('; ')}.`, {
    code: 'CONFIG_INVALID',
    category: 'usage',
    remedy: `Correct the named fields in ${options.source}.`,
    context: { source: options.source, problems },
  });
}

/**
 * Parses the variables of the environment that `schema` names. One that is set to nothing counts as absent, as Compose
 * files leave them.
 *
 * @throws AppError `CONFIG_INVALID` naming each wrong variable.
 */
export function parseEnvironment<Schema extends TObject>(
  schema: Schema,
  environment: NodeJS.ProcessEnv,
): Static<Schema> {
  const given = Object.keys(schema.properties)
    .filter((name) => (environment[name] ?? '') !== '')
    .map((name) => [name, environment[name]]);
  return parseWith(schema, Object.fromEntries(given), { source: 'the environment', coerce: true });
}

/** One sentence a field, however many rules it breaks; unknown and missing fields by their names. */
function describeProblems(errors: readonly TLocalizedValidationError[]): string[] {
  const complaints = new Map<string, Set<string>>();
  const complain = (path: string, complaint: string): void => {
    const field = path === '' ? 'the whole' : path.slice(1).replaceAll('/', '.');
    complaints.set(field, (complaints.get(field) ?? new Set()).add(complaint));
  };
  for (const error of errors) {
    const { keyword, instancePath, params } = error;
    if (keyword === 'required') {
      for (const name of params.requiredProperties) complain(`${instancePath}/${name}`, 'is missing');
    } else if (keyword === 'additionalProperties') {
      for (const name of params.additionalProperties) complain(`${instancePath}/${name}`, 'is not a known field');
    } else if (keyword === 'const') {
      complain(instancePath, `must be ${JSON.stringify(params.allowedValue)}`);
    } else if (keyword !== 'anyOf' && keyword !== 'boolean') {
      complain(instancePath, error.message);
    }
  }
  return [...complaints].map(([field, said]) => `${field}: ${[...said].join(' or ')}`);
}
