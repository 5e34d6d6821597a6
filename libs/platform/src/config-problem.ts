import { AppError, isAppError } from './errors.ts';

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
  return new AppError(`${source} is not valid: ${problems.map(describeProblem).join('; ')}.`, {
    code: 'CONFIG_INVALID',
    category: 'usage',
    remedy: `Correct ${problems.length === 1 ? 'this field' : 'these fields'} in ${source}.`,
    context: { source, problems },
  });
}

/** Returns field, problem and remedy on one line, without the final period. */
export function describeProblem({ line, problem, remedy, ...field }: ConfigProblem): string {
  const place = line === undefined ? '' : `line ${line}, `;
  const text = remedy === undefined ? problem : `${problem}. ${remedy}`;
  return `${place}${fieldOf(field)}: ${text.replace(/\.$/, '')}`;
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
