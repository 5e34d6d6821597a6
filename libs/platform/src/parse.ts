import type { Static, TObject, TSchema } from 'typebox';
import { Compile } from 'typebox/compile';
import type { Validator } from 'typebox/compile';
import type { TLocalizedValidationError } from 'typebox/error';
import { Settings } from 'typebox/system';
import { Value } from 'typebox/value';
import { AppError, isAppError } from './errors.ts';
import { nearestName } from './nearest-name.ts';

/** The path of a field in a document, such as `['experiments', '0', 'arms']`. */
export type FieldPath = readonly string[];

/** One mistake in a configuration. */
export interface ConfigProblem {
  /** Empty: the whole document. */
  readonly path: FieldPath;
  /** Completes a sentence that begins with the field. */
  readonly problem: string;
  readonly remedy?: string | undefined;
  /** The other fields of a contradiction. */
  readonly related?: readonly FieldPath[];
  /** The line in the file, from 1. */
  readonly line?: number | undefined;
}

/** Returns the field of a problem, as messages name it. */
export function fieldOf({ path }: Pick<ConfigProblem, 'path'>): string {
  return path.length === 0 ? 'the document' : path.join('.');
}

/** Returns the error `CONFIG_INVALID` for problems of a file or of another source. `context.problems` contains them. */
export function invalidConfig(source: string, problems: readonly ConfigProblem[]): AppError {
  return new AppError(`${source} is not valid: ${problems.map(describeConfigProblem).join('; ')}.`, {
    code: 'CONFIG_INVALID',
    category: 'usage',
    remedy: `Correct ${problems.length === 1 ? 'this field' : 'these fields'} in ${source}.`,
    context: { source, problems },
  });
}

/** Returns field, problem and remedy on one line, without the final period. */
export function describeConfigProblem({ line, problem, remedy, ...field }: ConfigProblem): string {
  const inLine = line === undefined ? '' : `line ${line}, `;
  const text = remedy === undefined ? problem : `${problem}. ${remedy}`;
  return `${inLine}${fieldOf(field)}: ${text.replace(/\.$/, '')}`;
}

/**
 * Runs a check and returns the problems of its `AppError`.
 *
 * @param path the field of an error that names none
 */
export function problemsOf(check: () => unknown, path: FieldPath): ConfigProblem[] {
  try {
    check();
    return [];
  } catch (error) {
    if (!isAppError(error)) throw error;
    const { problems } = error.context as { readonly problems?: readonly ConfigProblem[] };
    return problems === undefined
      ? [{ path, problem: error.message.replace(/\.$/, ''), remedy: error.remedy }]
      : [...problems];
  }
}

interface ParseOptions {
  /** The source of the value, such as a file, for messages. */
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
  if (check.Check(parsed)) return parsed;
  const problems = findProblems(allErrors(check, parsed), { schema, value: parsed });
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

/** typebox returns at most 8 errors by default. */
function allErrors(check: Validator, value: unknown): readonly TLocalizedValidationError[] {
  const { maxErrors } = Settings.Get();
  Settings.Set({ maxErrors: Infinity });
  try {
    return check.Errors(value);
  } finally {
    Settings.Set({ maxErrors });
  }
}

/** Returns one problem per field, however many rules it breaks. Names unknown and missing fields, and probable names and values. */
function findProblems(
  errors: readonly TLocalizedValidationError[],
  { schema, value }: { readonly schema: TSchema; readonly value: unknown },
): ConfigProblem[] {
  const problems = new Map<string, Set<string>>();
  const allowed = new Map<string, unknown[]>();
  const report = (pointer: string, problem: string): void => {
    problems.set(pointer, (problems.get(pointer) ?? new Set()).add(problem));
  };
  for (const error of errors) {
    const { keyword, instancePath, params } = error;
    if (keyword === 'required') {
      for (const name of params.requiredProperties) report(`${instancePath}/${escapePointer(name)}`, 'is missing');
    } else if (keyword === 'additionalProperties') {
      for (const name of params.additionalProperties) {
        const names = namesAt(schema, parsePointer(instancePath));
        report(`${instancePath}/${escapePointer(name)}`, `is not a known field${suggest(name, names)}`);
      }
    } else if (keyword === 'const') {
      allowed.set(instancePath, [...(allowed.get(instancePath) ?? []), params.allowedValue]);
    } else if (keyword === 'enum') {
      allowed.set(instancePath, [...(allowed.get(instancePath) ?? []), ...params.allowedValues]);
    } else if (keyword === 'pattern') {
      const { description } = schemaAt(schema, parsePointer(instancePath));
      report(instancePath, description === undefined ? error.message : `${error.message}: ${description}`);
    } else if (keyword !== 'anyOf' && keyword !== 'boolean') {
      report(instancePath, error.message);
    }
  }
  for (const [pointer, values] of allowed) {
    const texts = values.map((one) => JSON.stringify(one));
    const given = valueAt(value, parsePointer(pointer));
    const names = values.filter((one) => typeof one === 'string');
    const nearest = typeof given === 'string' ? nearestName(given, names) : undefined;
    const hint = nearest === undefined ? '' : ` (did you mean ${nearest}?)`;
    report(pointer, `must be ${texts.join(' or ')}${hint}`);
  }
  // A field with a wrong field in it also fails the other alternatives of its schema, which the user did not choose.
  const hasInner = (pointer: string): boolean => [...problems.keys()].some((other) => other.startsWith(`${pointer}/`));
  return [...problems]
    .filter(([pointer]) => !hasInner(pointer))
    .map(([pointer, texts]) => ({ path: parsePointer(pointer), problem: [...texts].join(' or ') }));
}

/** At most this many names are listed. */
const namesMax = 20;

function suggest(name: string, names: readonly string[]): string {
  const nearest = nearestName(name, names);
  if (nearest !== undefined) return ` (did you mean ${nearest}?)`;
  return names.length === 0 || names.length > namesMax ? '' : ` (the known fields are ${names.join(', ')})`;
}

interface Shape {
  readonly description?: string;
  readonly properties?: Readonly<Record<string, Shape>>;
  readonly patternProperties?: Readonly<Record<string, Shape>>;
  readonly items?: Shape;
  readonly anyOf?: readonly Shape[];
}

/** Returns the names of the fields of an object in the schema, also of its alternatives. */
function namesAt(schema: TSchema, path: readonly string[]): string[] {
  const { properties = {}, anyOf = [] } = schemaAt(schema, path);
  return [properties, ...anyOf.map((one) => one.properties ?? {})].flatMap((fields) => Object.keys(fields));
}

/** Returns the schema of a field. Empty if it is below alternatives. */
function schemaAt(schema: TSchema, path: readonly string[]): Shape {
  return path.reduce<Shape>(
    ({ properties, items, patternProperties = {} }, name) =>
      items ?? properties?.[name] ?? Object.values(patternProperties)[0] ?? {},
    schema as Shape,
  );
}

function valueAt(value: unknown, path: readonly string[]): unknown {
  return path.reduce((found, name) => (found as Readonly<Record<string, unknown>> | undefined)?.[name], value);
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

/** Returns the value of JSON text, or undefined for other text. */
export function parseJsonIfValid(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
