import { inputError } from '../input-error.ts';
import { guessDelimiter, readDelimited } from './delimited.ts';
import type { Dialect } from './delimited.ts';
import { readLines } from './lines.ts';
import type { LineBlock } from './lines.ts';
import { uncompressedName } from './formats.ts';
import type { tableFormats } from './formats.ts';
import { startingWith } from './table.ts';
import type { BrokenLine, Table, TableChunk, TableColumn, TableRow } from './table.ts';

/**
 * Opens a CSV, TSV or RecBole atomic file, or a file of MovieLens 1M, compressed or not. The first record names the columns, except in
 * MovieLens and with `options.header`, which names the columns of a CSV or TSV file without a header line.
 *
 * @throws AppError `EVENTS_COLUMN_MISSING` if `options.header` names more columns than the first record has, `EVENTS_FORMAT_UNKNOWN` (no file of MovieLens), `EVENTS_FILE_EMPTY`, `EVENTS_HEADER_AMBIGUOUS` (a repeated column name), `EVENTS_FILE_NOT_TEXT`, `EVENTS_FILE_DAMAGED`.
 */
export async function openDelimitedTable(
  path: string,
  format: 'csv' | 'tsv' | 'recbole' | 'movielens',
  bytes: AsyncIterable<Buffer>,
  header: readonly string[] | undefined,
): Promise<Pick<Table, 'columns' | 'chunks'>> {
  const isMovieLens = format === 'movielens';
  const named = isMovieLens ? movieLensColumnsOf(path) : format === 'recbole' ? undefined : header;
  // MovieLens 1M is Latin-1; MovieLens 10M has the same names and is UTF-8.
  const blocks = readLines(bytes, path, { fallback: isMovieLens ? 'latin1' : undefined });
  const first = await blocks.next();
  if (first.done === true) {
    throw inputError('EVENTS_FILE_EMPTY', `${path} is empty.`, 'Download the file again, or leave it out.', { path });
  }
  const { block, declared } = withoutSeparatorLine(first.value);
  if (block.faults.get(0) === 'not-utf8') {
    throw inputError(
      'EVENTS_FILE_NOT_TEXT',
      `The first line of ${path} is not UTF-8.`,
      'Set the encoding in facet.yaml, for example: mapping: { encoding: windows-1252 }.',
      { path },
    );
  }

  const delimiter = declared ?? (isMovieLens ? '::' : format === 'csv' ? guessDelimiter(block.lines[0] ?? '') : '\t');
  const quoting: Dialect['quoting'] = format === 'csv' ? 'csv' : format === 'tsv' ? 'tsv' : 'none';
  const records = readDelimited(startingWith(block, blocks), { delimiter, quoting });
  const firstRecords = await records.next();
  const firstRow = firstRecords.done === true ? undefined : firstRecords.value.rows[0];
  if (firstRecords.done === true || firstRow === undefined) {
    const remedy = 'Add a first line with the column names.';
    throw inputError('EVENTS_FILE_EMPTY', `${path} has no header line.`, remedy, { path });
  }

  const cells = firstRow.cells as string[];
  if (named !== undefined && !isMovieLens && named.length > cells.length) {
    throw inputError(
      'EVENTS_COLUMN_MISSING',
      `The setting columns in facet.yaml has ${named.length} names, but the first line of ${path} has ${cells.length} columns: ${cells.join(', ')}.`,
      'Write one name per column of the file, in order.',
      { path, names: named },
    );
  }
  const names = named === undefined || isMovieLens ? (named ?? cells) : cells.map((_, index) => named[index] ?? '');
  const columns = names.map((cell, index) => {
    if (cell.trim() === '') return { name: `column ${index + 1}`, kind: 'text' } as const;
    return format === 'recbole' ? recboleColumn(cell) : plainColumn(cell);
  });
  // The first line of a file without a header can repeat a value. The required columns are then missing, which says more.
  if (!isData(columns)) refuseRepeatedNames(path, columns);
  const { rows, broken } = firstRecords.value;
  const body = { rows: named === undefined ? rows.slice(1) : rows, broken };
  return { columns, chunks: withWidth(startingWith(body, records), columns.length) };
}

/** The columns of the files of MovieLens, which have no header. */
const movieLensColumns: Readonly<Record<keyof typeof tableFormats.movielens.endings, readonly string[]>> = {
  'ratings.dat': ['userId', 'itemId', 'rating', 'timestamp'],
  'movies.dat': ['itemId', 'title', 'genres'],
  'users.dat': ['userId', 'gender', 'age', 'occupation', 'zipCode'],
};

function movieLensColumnsOf(path: string): readonly string[] {
  const found = Object.entries(movieLensColumns).find(([name]) => name === uncompressedName(path));
  if (found !== undefined) return found[1];
  throw inputError(
    'EVENTS_FORMAT_UNKNOWN',
    `${path} is not named as a file of MovieLens.`,
    `Rename the file to one of ${Object.keys(movieLensColumns).join(', ')}, or choose another format.`,
    { path },
  );
}

/** Drops the line `sep=;` with which Excel declares the delimiter. */
function withoutSeparatorLine(block: LineBlock): { readonly block: LineBlock; readonly declared?: string } {
  const declared = /^"?sep=(.)"?$/i.exec(block.lines[0] ?? '')?.[1];
  if (declared === undefined) return { block };
  const faults = new Map([...block.faults].map(([index, fault]) => [index - 1, fault]));
  return { block: { firstLine: block.firstLine + 1, lines: block.lines.slice(1), faults }, declared };
}

/** Passes on the rows as wide as the header. Empty cells beyond the header are trailing delimiters. */
async function* withWidth(records: AsyncIterable<TableChunk>, width: number): AsyncGenerator<TableChunk> {
  for await (const chunk of records) {
    const hasWidth = (row: TableRow): boolean =>
      row.cells.length === width || (row.cells.length > width && row.cells.slice(width).every((cell) => cell === ''));
    if (chunk.rows.every((row) => row.cells.length === width)) {
      yield chunk;
      continue;
    }
    const odd = chunk.rows
      .filter((row) => !hasWidth(row))
      .map(({ line, raw }): BrokenLine => ({ line, raw, reason: 'wrong-column-count' }));
    const broken = [...chunk.broken, ...odd].sort((a, b) => a.line - b.line);
    yield { rows: chunk.rows.filter(hasWidth), broken };
  }
}

/** Returns whether the names of columns look like values, because the file has no header: names are rarely numbers, times or addresses. */
export function isData(columns: readonly Pick<TableColumn, 'name'>[]): boolean {
  return columns.some(({ name }) => /^(-?\d[\d.:TZ -]*|https?:\/\/.*|[[{].*)$/.test(name.trim()));
}

function refuseRepeatedNames(path: string, columns: readonly TableColumn[]): void {
  const names = columns.map(({ name }) => name);
  const name = names.find((each, index) => names.indexOf(each) !== index);
  if (name === undefined) return;
  const problem = `${path} has two columns with the name "${name}".`;
  throw inputError('EVENTS_HEADER_AMBIGUOUS', problem, 'Give each column a distinct name.', { path, name });
}

const recboleKinds: Readonly<Record<string, Omit<TableColumn, 'name'>>> = {
  token: { kind: 'text' },
  token_seq: { kind: 'list', separator: ' ' },
  float: { kind: 'number' },
  float_seq: { kind: 'list', separator: ' ' },
};

/** Parses a column of a RecBole atomic file: `name:type`, with the type token, token_seq, float or float_seq. */
function recboleColumn(header: string): TableColumn {
  const colon = header.lastIndexOf(':');
  const kind = colon === -1 ? undefined : recboleKinds[header.slice(colon + 1)];
  return kind === undefined ? { name: header, kind: 'text' } : { name: header.slice(0, colon), ...kind };
}

/** Columns whose plural name implies several values. MovieLens and many exports separate them by `|`. */
const pluralNames = new Set(['genres', 'categories', 'tags', 'keywords']);

/**
 * Parses a column of a CSV or TSV file. A header such as `attributes(brand|categories)` declares a list separated by `|`. The
 * names in parentheses are ignored: real files often omit the first value, so a position does not identify a name.
 */
function plainColumn(header: string): TableColumn {
  const name = header.trim();
  const annotated = /^(.*\S)\s*\([^()|]+(?:\|[^()|]+)+\)$/.exec(name);
  if (annotated !== null) return { name: annotated[1] as string, kind: 'list', separator: '|' };
  if (pluralNames.has(name.toLowerCase())) return { name, kind: 'list', separator: '|' };
  return { name, kind: 'text' };
}
