import type { Static, TObject, TSchema } from 'typebox';
import { Compile } from 'typebox/compile';
import type { TLocalizedValidationError } from 'typebox/error';
import { Value } from 'typebox/value';
import { invalidConfig } from './config-problem.ts';
import type { ConfigProblem, FieldPath } from './config-problem.ts';
import { nearestName } from './nearest-name.ts';

interface ParseOptions {
  /** The file or place of the value, for messages. */
  readonly source: string;
  /** The path of the value in `source`. Default: the value is the whole document. */
  readonly at?: FieldPath;
  /** Converts text to numbers and booleans where the schema requires them, as for environment variables. */
  readonly coerce?: boolean;
}

/**
 * Parses external data: fills in the defaults of the schema, checks the value, and reports all wrong fields together.
 *
 * @throws AppError `CONFIG_INVALID` naming `source` and each wrong field.
 */
export function parseWith<Schema extends TSchema>(
  schema: Schema,
  value: unknown,
  { source, at = [], coerce = false }: ParseOptions,
): Static<Schema> {
  const filled = Value.Default(schema, Value.Clone(value));
  const parsed = coerce ? Value.Convert(schema, filled) : filled;
  const check = Compile(schema);
  if (check.Check(parsed)) return parsed as Static<Schema>;
  const problems = findProblems(check.Errors(parsed), schema);
  throw invalidConfig(
    source,
    problems.map((each) => ({ ...each, path: [...at, ...each.path] })),
  );
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

/** Returns one problem per field, however many rules it breaks. Names unknown and missing fields. */
function findProblems(errors: readonly TLocalizedValidationError[], schema: TSchema): ConfigProblem[] {
  const problems = new Map<string, Set<string>>();
  const report = (pointer: string, problem: string): void => {
    problems.set(pointer, (problems.get(pointer) ?? new Set()).add(problem));
  };
  for (const error of errors) {
    const { keyword, instancePath, params } = error;
    if (keyword === 'required') {
      for (const name of params.requiredProperties) report(`${instancePath}/${escapePointer(name)}`, 'is missing');
    } else if (keyword === 'additionalProperties') {
      for (const name of params.additionalProperties) {
        const nearest = nearestName(name, namesAt(schema, parsePointer(instancePath)));
        const hint = nearest === undefined ? '' : ` (did you mean ${nearest}?)`;
        report(`${instancePath}/${escapePointer(name)}`, `is not a known field${hint}`);
      }
    } else if (keyword === 'const') {
      report(instancePath, `must be ${JSON.stringify(params.allowedValue)}`);
    } else if (keyword !== 'anyOf' && keyword !== 'boolean') {
      report(instancePath, error.message);
    }
  }
  return [...problems].map(([pointer, texts]) => ({ path: parsePointer(pointer), problem: [...texts].join(' or ') }));
}

/** Returns the names of the fields of an object in the schema. Empty where the schema has alternatives. */
function namesAt(schema: unknown, path: readonly string[]): string[] {
  const { properties, items } = (schema ?? {}) as { properties?: Record<string, unknown>; items?: unknown };
  const [name, ...rest] = path;
  if (name === undefined) return Object.keys(properties ?? {});
  return namesAt(items ?? properties?.[name], rest);
}

function escapePointer(name: string): string {
  return name.replaceAll('~', '~0').replaceAll('/', '~1');
}

function parsePointer(pointer: string): string[] {
  return pointer
    .split('/')
    .slice(1)
    .map((name) => name.replaceAll('~1', '/').replaceAll('~0', '~'));
}
