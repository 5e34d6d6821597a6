import { readFile } from 'node:fs/promises';
import type { Static, TSchema } from 'typebox';
import { parse } from 'yaml';
import { AppError } from './errors.ts';
import { parseWith } from './parse.ts';

/**
 * Reads a YAML file and parses it by a schema. A missing or empty file means all defaults.
 *
 * @throws AppError `CONFIG_UNREADABLE` for a file that cannot be read or is not YAML, `CONFIG_INVALID` for wrong fields.
 */
export async function readConfigFile<Schema extends TSchema>(schema: Schema, path: string): Promise<Static<Schema>> {
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return '';
    throw new AppError(`${path} cannot be read: ${error.message}.`, {
      code: 'CONFIG_UNREADABLE',
      category: 'usage',
      remedy: 'Check the path and the permissions of the file.',
      cause: error,
    });
  });
  let value: unknown;
  try {
    value = parse(text) ?? {};
  } catch (error) {
    throw new AppError(`${path} is not valid YAML: ${(error as Error).message}`, {
      code: 'CONFIG_UNREADABLE',
      category: 'usage',
      remedy: 'Correct the line named in the message.',
      cause: error,
    });
  }
  return parseWith(schema, value, { source: path });
}
