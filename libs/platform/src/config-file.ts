import { readFile } from 'node:fs/promises';
import { isAlias, isMap, isScalar, isSeq, LineCounter, parseDocument } from 'yaml';
import type { Document } from 'yaml';
import type { Static, TSchema } from 'typebox';
import { invalidConfig, problemsOf } from './parse.ts';
import type { ConfigProblem, FieldPath } from './parse.ts';
import { AppError } from './errors.ts';
import { parseWith } from './parse.ts';

/** The content of a YAML file. */
export interface YamlFile {
  /** `{}` for a missing or empty file. */
  readonly value: unknown;
  /** Adds the lines to problems: of the field, else of a related field, else of the section. */
  locate(problems: readonly ConfigProblem[]): ConfigProblem[];
}

/**
 * Reads a YAML file. A missing or empty file means all defaults.
 *
 * @throws AppError `CONFIG_UNREADABLE` for a file that cannot be read or is not YAML.
 */
export async function readYamlFile(path: string): Promise<YamlFile> {
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return '';
    throw new AppError(`${path} cannot be read: ${error.message}.`, {
      code: 'CONFIG_UNREADABLE',
      category: 'usage',
      remedy: 'Check the path and the permissions of the file.',
      cause: error,
    });
  });
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines });
  let value: unknown;
  try {
    const [error] = document.errors;
    if (error !== undefined) throw error;
    value = document.toJS();
  } catch (error) {
    throw new AppError(`${path} is not valid YAML: ${(error as Error).message}`, {
      code: 'CONFIG_UNREADABLE',
      category: 'usage',
      remedy: 'Correct the line named in the message.',
      cause: error,
    });
  }
  return {
    value: value ?? {},
    locate: (problems) =>
      problems.map((problem) => {
        const fields = [problem.path, ...(problem.related ?? [])].map((field) => findField(document, field));
        const { offset } = fields.find(({ isExact }) => isExact) ?? fields[0]!;
        return offset === undefined ? problem : { ...problem, line: lines.linePos(offset).line };
      }),
  };
}

/**
 * Reads a YAML file and parses it by a schema. A missing or empty file means all defaults.
 *
 * @throws AppError `CONFIG_UNREADABLE` as {@link readYamlFile}; `CONFIG_INVALID` with the line of each wrong field.
 */
export async function readConfigFile<Schema extends TSchema>(schema: Schema, path: string): Promise<Static<Schema>> {
  const { value, locate } = await readYamlFile(path);
  let parsed: Static<Schema> | undefined;
  const problems = problemsOf(() => (parsed = parseWith(schema, value, { source: path })), []);
  if (problems.length > 0) throw invalidConfig(path, locate(problems));
  return parsed!;
}

interface FoundField {
  /** Undefined if the document does not contain the first field of the path. */
  readonly offset: number | undefined;
  /** False for a section that contains the field by default only. */
  readonly isExact: boolean;
}

function findField(document: Document.Parsed, path: FieldPath): FoundField {
  let node: unknown = document.contents;
  let offset: number | undefined;
  for (const name of path) {
    if (isAlias(node)) node = node.resolve(document);
    if (isMap(node)) {
      const pair = node.items.find(({ key }) => isScalar(key) && String(key.value) === name);
      if (!isScalar(pair?.key)) return { offset, isExact: false };
      offset = pair.key.range?.[0];
      node = pair.value;
    } else if (isSeq(node)) {
      node = node.items[Number(name)];
      offset = (node as { readonly range?: readonly number[] } | undefined)?.range?.[0] ?? offset;
    } else {
      return { offset, isExact: false };
    }
  }
  return { offset, isExact: true };
}
