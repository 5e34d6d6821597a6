import type { Static, TObject, TSchema } from 'typebox';
import { Compile } from 'typebox/compile';
import type { TLocalizedValidationError } from 'typebox/error';
import { Value } from 'typebox/value';
import { AppError } from './errors.ts';

/**
 * Parses external data: fills in the defaults of the schema, checks the value, and reports all wrong fields together.
 * With `coerce`, converts text to numbers and booleans where the schema requires them, as for environment variables.
 *
 * @throws AppError `CONFIG_INVALID` naming `source` and each wrong field.
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
    remedy: `Correct these fields in ${options.source}.`,
    context: { source: options.source, problems },
  });
}

/**
 * Parses the environment variables that `schema` names. Empty variables count as absent, because Compose files set them
 * so.
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

/** Returns one sentence per field, however many rules it breaks. Names unknown and missing fields. */
function describeProblems(errors: readonly TLocalizedValidationError[]): string[] {
  const problems = new Map<string, Set<string>>();
  const report = (path: string, problem: string): void => {
    const field = path === '' ? 'the document' : path.slice(1).replaceAll('/', '.');
    problems.set(field, (problems.get(field) ?? new Set()).add(problem));
  };
  for (const error of errors) {
    const { keyword, instancePath, params } = error;
    if (keyword === 'required') {
      for (const name of params.requiredProperties) report(`${instancePath}/${name}`, 'is missing');
    } else if (keyword === 'additionalProperties') {
      for (const name of params.additionalProperties) report(`${instancePath}/${name}`, 'is not a known field');
    } else if (keyword === 'const') {
      report(instancePath, `must be ${JSON.stringify(params.allowedValue)}`);
    } else if (keyword !== 'anyOf' && keyword !== 'boolean') {
      report(instancePath, error.message);
    }
  }
  return [...problems].map(([field, texts]) => `${field}: ${[...texts].join(' or ')}`);
}
