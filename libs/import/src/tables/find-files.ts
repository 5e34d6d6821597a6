import { stat } from 'node:fs/promises';
import { isAbsolute } from 'node:path';
import { AppError } from '@facet/platform';
import { glob, isDynamicPattern } from 'tinyglobby';
import { isTableFile, tableExtensions } from './open-table.ts';
import type { FileKind } from './table.ts';

/** Returns the files that each of the paths names: see {@link findFiles}. */
export async function findAllFiles(paths: readonly string[], kind: FileKind): Promise<string[]> {
  return (await Promise.all(paths.map((path) => findFiles(path, kind)))).flat();
}

/**
 * Returns the files that `path` names: itself, the files of a table format in a folder and its subfolders, or the matches of a
 * pattern such as `2026-*.csv.gz`. Leaves out the files of MovieLens and RecBole in a folder that have another kind. Folders and patterns
 * give files in the order of their names.
 *
 * @throws AppError `EVENTS_FILE_UNREADABLE` when a folder or a pattern gives no file.
 */
export async function findFiles(path: string, kind: FileKind): Promise<string[]> {
  const facts = await stat(path).catch(() => undefined);
  if (facts === undefined ? !isDynamicPattern(path) : !facts.isDirectory()) return [path];
  if (facts === undefined) {
    const found = await glob(path, { absolute: isAbsolute(path), expandDirectories: false });
    if (found.length > 0) return found.sort();
    throw noFile(path, '', 'Correct the pattern.');
  }
  const inside = await glob('**/*', { cwd: path, absolute: true });
  const found = inside.filter((file) => isTableFile(file, kind));
  if (found.length > 0) return found.sort();
  const others = kinds.filter((other) => inside.some((file) => isTableFile(file, other))).join(' and ');
  if (others !== '') {
    throw noFile(path, ` of ${kind}, but of ${others}`, `Name a file of ${kind}, or use this folder for ${others}.`);
  }
  const endings = tableExtensions.join(' ');
  throw noFile(
    path,
    ' of a known format',
    `Name the files with an ending such as ${endings}, optionally with .gz or .zst.`,
  );
}

const kinds: readonly FileKind[] = ['events', 'items', 'users'];

function noFile(path: string, which: string, remedy: string): AppError {
  return new AppError(`${path} contains no file${which}.`, {
    code: 'EVENTS_FILE_UNREADABLE',
    category: 'input',
    remedy,
    context: { path },
  });
}
