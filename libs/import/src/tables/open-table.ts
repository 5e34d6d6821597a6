import { stat } from 'node:fs/promises';
import { isAbsolute } from 'node:path';
import type { AppError } from '@facet/platform';
import { glob, isDynamicPattern } from 'tinyglobby';
import { inputError } from '../input-error.ts';
import { inspectFile, readBytes } from './byte-source.ts';
import type { ReadBytesOptions } from './byte-source.ts';
import { openDelimitedTable } from './delimited-table.ts';
import { extensionOf, fileKinds, formatEndings, impliedFormat } from './formats.ts';
import type { FileKind, TableFormat } from './formats.ts';
import { openJsonlTable } from './jsonl-table.ts';
import { openParquetTable } from './parquet-table.ts';
import type { Table } from './table.ts';

/** Endings of files that are tables only if they are named themselves: a folder may contain a README.txt. */
const looseExtensions: ReadonlySet<string> = new Set(['.txt', '.dat']);

export interface OpenTableOptions extends ReadBytesOptions {
  /** Overrides the format that the file name implies. */
  readonly format?: TableFormat | undefined;
  /** Paths into nested objects of JSON Lines and Parquet, such as `user.id`. Each becomes a column. */
  readonly nestedPaths?: readonly string[] | undefined;
  /** Names of the columns of a CSV or TSV file without a header line. */
  readonly header?: readonly string[] | undefined;
}

/**
 * Opens a file of rows in one of the `tableFormats`. All formats except Parquet can be compressed with gzip or zstd. Streams the rows. A
 * chunk reports its broken lines, which do not stop the read.
 *
 * @throws AppError `EVENTS_FILE_UNREADABLE`, `EVENTS_FORMAT_UNKNOWN`, `EVENTS_FILE_EMPTY`, `EVENTS_FILE_NOT_TEXT`,
 * `EVENTS_FILE_DAMAGED`, `EVENTS_HEADER_AMBIGUOUS`, `EVENTS_JSON_ARRAY`.
 */
export async function openTable(path: string, options: OpenTableOptions = {}): Promise<Table> {
  const facts = await inspectFile(path);
  if (facts.container === 'zip') {
    throw inputError(
      'EVENTS_FORMAT_UNKNOWN',
      `${path} is a zip archive or an Excel workbook.`,
      'Unpack the archive, or save the sheet as CSV.',
      { path },
    );
  }
  const format = facts.container === 'parquet' ? 'parquet' : (options.format ?? formatOf(path));
  if (format === 'parquet') return openParquetTable(path, facts.bytes, options);
  const bytes = readBytes(path, facts, options);
  const close = async (): Promise<void> => {
    await bytes.return(undefined);
  };
  try {
    const opened =
      format === 'jsonl'
        ? await openJsonlTable(path, bytes, options.nestedPaths)
        : await openDelimitedTable(path, format, bytes, options.header);
    return { path, format, bytes: facts.bytes, ...opened, close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** Returns whether the name of a file implies a table format, and does not imply another kind, as names of MovieLens and RecBole can. */
export function isTableFile(path: string, kind: FileKind): boolean {
  return impliedFormat(path)?.kinds.includes(kind) === true;
}

function formatOf(path: string): TableFormat {
  const format = impliedFormat(path)?.format ?? (looseExtensions.has(extensionOf(path)) ? 'csv' : undefined);
  if (format !== undefined) return format;
  throw inputError(
    'EVENTS_FORMAT_UNKNOWN',
    `Cannot tell the format of ${path} from its name.`,
    `Rename the file to one of ${formatEndings.join(' ')}, optionally with .gz or .zst, or import it with facet import --format.`,
    { path },
  );
}

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
  const others = fileKinds.filter((other) => inside.some((file) => isTableFile(file, other))).join(' and ');
  if (others !== '') {
    throw noFile(path, ` of ${kind}, but of ${others}`, `Name a file of ${kind}, or use this folder for ${others}.`);
  }
  const endings = formatEndings.join(' ');
  throw noFile(
    path,
    ' of a known format',
    `Name the files with an ending such as ${endings}, optionally with .gz or .zst.`,
  );
}

function noFile(path: string, which: string, remedy: string): AppError {
  return inputError('EVENTS_FILE_UNREADABLE', `${path} contains no file${which}.`, remedy, { path });
}
