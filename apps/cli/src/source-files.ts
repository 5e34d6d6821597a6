import { createHash } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { open, readlink, realpath, rename, rm, stat } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { PassThrough } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { FacetConfig } from '@facet/config';
import { fileKinds, findAllFiles, validateFiles } from '@facet/import';
import { tableFormats } from '@facet/import/formats';
import type { FileKind, RefusedLine, SourceFile, SourceFiles, TableFormat, ValidationReport } from '@facet/import';
import { AppError, createTemporaryFolder, formatCount, formatShare, hashFile } from '@facet/platform';
import { InvalidArgumentError, Option } from 'commander';
import type { Command } from 'commander';
import { usageError } from './command.ts';
import type { CommonOptions } from './command.ts';

/** The options of commands that read files. */
export interface FileOptions extends CommonOptions {
  readonly events?: readonly string[];
  readonly items?: readonly string[];
  readonly users?: readonly string[];
  readonly format?: TableFormat;
  /** Share of the rows, 0 to 1. */
  readonly maxRefused?: number;
  /** File for the refused lines. */
  readonly refused?: string;
}

/** Adds the options that decide how files are read. */
export function addReading(command: Command): Command {
  return command
    .addOption(
      new Option('--format <format>', 'format of the files (default: by their names)').choices(
        Object.keys(tableFormats),
      ),
    )
    .addOption(
      new Option(
        '--max-refused <share>',
        'fail if a larger share of the events, items or users is refused, such as 5%',
      ).argParser(parseShare),
    )
    .option('--refused <file>', 'write the refused lines to this file, as JSON Lines');
}

function parseShare(text: string): number {
  const number = Number(text.replace(/%$/, ''));
  const share = text.endsWith('%') ? number / 100 : number;
  if (!/\d/.test(text) || !(share >= 0 && share <= 1)) {
    throw new InvalidArgumentError('Write a share such as 5% or 0.05.');
  }
  return share;
}

/**
 * Calls `read` with the files of the options: folders and patterns give the files in them, and `-` is standard input. Writes the lines
 * that `onRefused` receives to `--refused` as JSON Lines; without the option, `onRefused` is undefined.
 *
 * @throws AppError `CLI_USAGE`, `CLI_OUTPUT_UNWRITABLE`, `EVENTS_FILE_UNREADABLE`; those of `read`.
 */
export async function withSourceFiles<Result>(
  options: Pick<FileOptions, FileKind | 'format' | 'refused'>,
  read: (files: SourceFiles, onRefused: OnRefused | undefined) => Promise<Result>,
): Promise<Result> {
  const paths = fileKinds.flatMap((kind) => options[kind] ?? []);
  const input = paths.includes('-') ? await storeInput(options.format, paths) : undefined;
  const sources = async (given: readonly string[], kind: FileKind): Promise<SourceFile[]> => {
    const found = await findAllFiles(
      given.map((path) => (path === '-' ? input!.path : path)),
      kind,
    );
    return found.map((path) => ({ path, format: options.format }));
  };
  try {
    const files = {
      events: await sources(options.events ?? [], 'events'),
      items: options.items && (await sources(options.items, 'items')),
      users: options.users && (await sources(options.users, 'users')),
    };
    return await withRefusedFile(options, files, (onRefused) => read(files, onRefused));
  } finally {
    await input?.remove();
  }
}

/** Copies standard input to a file, because an import hashes a file before it reads it. */
async function storeInput(
  format: TableFormat | undefined,
  paths: readonly string[],
): Promise<{ readonly path: string; remove(): Promise<void> }> {
  if (format === undefined || paths.filter((path) => path === '-').length > 1) {
    throw format === undefined
      ? usageError('Cannot tell the format of standard input.', 'Add --format, for example --format csv.')
      : usageError('"-" is given twice.', 'Name "-" once.');
  }
  const folder = await createTemporaryFolder('input');
  const path = join(folder.path, 'standard-input');
  await pipeline(process.stdin, createWriteStream(path));
  return { path, remove: () => folder.remove() };
}

type OnRefused = (line: RefusedLine) => void;

/**
 * Writes refused lines to a file. A regular file is replaced after a successful read only, unless the result says that nothing was
 * read. Devices and pipes receive the lines immediately.
 */
async function withRefusedFile<Result>(
  options: Pick<FileOptions, FileKind | 'refused'>,
  files: SourceFiles,
  read: (onRefused: OnRefused | undefined) => Promise<Result>,
): Promise<Result> {
  const { refused: file } = options;
  if (file === undefined) return read(undefined);
  const target = await findTarget(file);
  const sources = [files.events, files.items ?? [], files.users ?? []].flat();
  for (const source of sources) {
    const path = typeof source === 'string' ? source : source.path;
    if (resolve(path) === resolve(file) || (target !== undefined && (await realpathOf(path)) === target)) {
      throw outputUnwritable(file, 'it is one of the files to read');
    }
  }
  const reader = await findReader(target ?? file, options);
  if (reader !== undefined) throw outputUnwritable(file, `the next import of ${reader} would read it`);
  const part = target === undefined ? undefined : `${target}.part`;
  const lines = new PassThrough();
  const output = createWriteStream(part ?? file, { flags: part === undefined ? 'a' : 'w' });
  const written = pipeline(lines, output).catch((error: unknown) => {
    throw outputUnwritable(file, (error as Error).message);
  });
  // The error is thrown below, after the read.
  written.catch(() => undefined);
  try {
    const result = await read((line) => void lines.write(`${JSON.stringify(line)}\n`));
    lines.end();
    await written;
    const isRead = (result as { readonly imported?: boolean } | undefined)?.imported !== false;
    if (part !== undefined && target !== undefined && isRead) await rename(part, target);
    return result;
  } finally {
    lines.end();
    await written.catch(() => undefined);
    if (part !== undefined) await rm(part, { force: true });
  }
}

/** Returns the regular file to replace, which symbolic links may lead to. Returns `undefined` for devices and pipes: they stay. */
async function findTarget(path: string): Promise<string | undefined> {
  // `/dev/stderr` may lead to a regular file that the shell has open.
  if (/^\/(?:dev|proc)\//.test(resolve(path))) return undefined;
  const found = await stat(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw outputUnwritable(path, error.message);
  });
  if (found?.isDirectory() === true) throw outputUnwritable(path, 'it is a folder');
  if (found !== undefined) return found.isFile() ? realpath(path) : undefined;
  const linked = await readlink(path).catch(() => undefined);
  if (linked !== undefined) throw outputUnwritable(path, `it is a link to ${linked}, which does not exist`);
  return path;
}

async function realpathOf(path: string): Promise<string> {
  return realpath(path).catch(() => resolve(path));
}

/** Returns the folder or pattern that finds the file `path` once it exists. Creates the file for a moment to find out. */
async function findReader(path: string, given: Pick<FileOptions, FileKind>): Promise<string | undefined> {
  const created = await open(path, 'wx').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'EEXIST') return undefined;
    throw outputUnwritable(path, error.message);
  });
  try {
    await created?.close();
    for (const kind of fileKinds) {
      for (const reader of given[kind]?.filter((one) => one !== '-') ?? []) {
        const found = await findAllFiles([reader], kind);
        if (found.some((file) => resolve(file) === resolve(path))) return reader;
      }
    }
    return undefined;
  } finally {
    if (created !== undefined) await rm(path);
  }
}

function outputUnwritable(file: string, why: string): AppError {
  return new AppError(`Cannot write ${file}: ${why}.`, {
    code: 'CLI_OUTPUT_UNWRITABLE',
    category: 'usage',
    remedy: 'Set --refused to a file in an existing folder, outside the files and folders to import.',
  });
}

/** Reads all files and refuses them when more than the share `--max-refused` of a kind is refused. */
export async function checkRefusedShare(
  files: SourceFiles,
  { maxRefused }: Pick<FileOptions, 'maxRefused'>,
  { mapping, eventTypes }: FacetConfig,
  signal: AbortSignal,
): Promise<void> {
  if (maxRefused === undefined) return;
  const { report } = await validateFiles(files, { mapping, types: eventTypes, signal });
  refuseShareAbove(maxRefused, report);
}

/** @throws AppError `EVENTS_TOO_MANY_REFUSED` when more than the share `maxRefused` of the events, items or users is refused. */
export function refuseShareAbove(maxRefused: number, report: ValidationReport): void {
  for (const kind of fileKinds) {
    const files = report.files.filter((file) => file.kind === kind);
    const rows = files.reduce((sum, file) => sum + file.rows, 0);
    const refused = rows - files.reduce((sum, file) => sum + file.accepted, 0);
    if (refused <= rows * maxRefused) continue;
    throw new AppError(
      `${formatCount(refused)} of ${formatCount(rows)} rows of ${kind} are refused (${formatShare(refused / rows)}), more than --max-refused ${formatShare(maxRefused)}.`,
      {
        code: 'EVENTS_TOO_MANY_REFUSED',
        category: 'input',
        remedy: 'Run facet validate with --refused FILE to see the refused lines and their reasons.',
      },
    );
  }
}

export const movieLensHome = join('.facet', 'movielens-100k');

/**
 * Returns the data home for given files. An event log only grows, so changed files or another mapping get a new home; the same
 * files and mapping get the home of the earlier run.
 *
 * @param reading the settings that decide how the files are read, as JSON.
 * @throws AppError `EVENTS_FILE_UNREADABLE` naming the file.
 */
export async function ownFilesHome(files: SourceFiles, reading: unknown): Promise<string> {
  const hash = createHash('sha256').update(JSON.stringify(reading ?? {}));
  for (const kind of fileKinds) {
    for (const file of files[kind] ?? []) {
      const path = resolve(typeof file === 'string' ? file : file.path);
      const { sha256 } = await hashFile(path).catch((error: unknown) => {
        const isMissing = (error as NodeJS.ErrnoException).code === 'ENOENT';
        throw new AppError(
          isMissing ? `The file ${path} does not exist.` : `${path} cannot be read: ${(error as Error).message}.`,
          {
            code: 'EVENTS_FILE_UNREADABLE',
            category: 'input',
            remedy: isMissing ? `Correct --${kind}.` : 'Check its permissions.',
            cause: error,
          },
        );
      });
      hash.update(`\n${kind} ${path} ${sha256}`);
    }
  }
  const [first] = files.events;
  const name = basename(typeof first === 'string' ? first : (first?.path ?? 'files')).replace(/(\.[a-z]+){1,2}$/i, '');
  const safe = name.replaceAll(/[^\w-]+/g, '-').slice(0, 40) || 'files';
  return join('.facet', `${safe}-${hash.digest('hex').slice(0, 8)}`);
}
