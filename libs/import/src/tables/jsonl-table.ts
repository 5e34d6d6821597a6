import { isPlainObject } from '@facet/schemas';
import { inputError } from '../input-error.ts';
import { isNested, pathsInside } from '../mapping/cell-values.ts';
import { readLines } from './lines.ts';
import type { LineBlock } from './lines.ts';
import { startingWith } from './table.ts';
import type { BrokenLine, Table, TableChunk, TableColumn, TableRow } from './table.ts';

/** How many rows tell which paths the objects of a file have. */
const sampleRows = 100;

/**
 * Opens a file with one JSON object, or Python dict, per line, compressed or not. Keys become columns in the order of their appearance, after the
 * columns of `nestedPaths`.
 *
 * @throws AppError `EVENTS_FILE_EMPTY`, `EVENTS_FILE_NOT_TEXT`, `EVENTS_FILE_DAMAGED`, `EVENTS_JSON_ARRAY`, `EVENTS_FORMAT_UNKNOWN` if no
 * line of the first ones is an object.
 */
export async function openJsonlTable(
  path: string,
  bytes: AsyncIterable<Buffer>,
  mappedPaths: readonly string[] = [],
): Promise<Pick<Table, 'columns' | 'nestedPaths' | 'nestedList' | 'chunks'>> {
  const emptyFile = () =>
    inputError('EVENTS_FILE_EMPTY', `${path} is empty.`, 'Write one JSON object per line.', { path });
  const blocks = readLines(bytes, path);
  const block = await blocks.next();
  if (block.done === true) throw emptyFile();
  // A path that no row has is a mistake in the mapping, like a missing column.
  const nestedPaths = pathsIn(block.value.lines, mappedPaths);
  const columns = nestedPaths.map((name): TableColumn => ({ name, kind: 'any' }));
  const chunks = parseBlocks(startingWith(block.value, blocks), { columns, nestedPaths, path });
  // Mappings are resolved against the keys of the first chunk.
  const first = await chunks.next();
  if (first.done === true) throw emptyFile();
  if (first.value.rows.length === 0 && first.value.broken.length > 0) {
    throw inputError(
      'EVENTS_FORMAT_UNKNOWN',
      `The first lines of ${path} are not JSON objects.`,
      'Write one JSON object per line, or import the file with facet import --format.',
      { path },
    );
  }
  const sample = first.value.rows.slice(0, sampleRows);
  return {
    columns,
    nestedPaths: pathsOf(sample, columns),
    nestedList: columns.find((_, index) => sample.some(({ cells }) => isListOfObjects(cells[index])))?.name,
    chunks: startingWith(first.value, chunks),
  };
}

function isListOfObjects(cell: unknown): boolean {
  return Array.isArray(cell) && cell.length > 0 && cell.every(isPlainObject);
}

async function* parseBlocks(
  blocks: AsyncIterable<LineBlock>,
  table: { readonly columns: TableColumn[]; readonly nestedPaths: readonly string[]; readonly path: string },
): AsyncGenerator<TableChunk> {
  const { columns, path } = table;
  const nested = table.nestedPaths.map((name) => name.split('.'));
  const indexes = new Map(table.nestedPaths.map((name, index) => [name, index]));
  for await (const block of blocks) {
    if (block.firstLine === 1) refuseArray(block.lines, path);
    const rows: TableRow[] = [];
    const broken: BrokenLine[] = [];
    for (let index = 0; index < block.lines.length; index++) {
      const line = block.firstLine + index;
      const text = block.lines[index] as string;
      const fault = block.faults.get(index);
      if (fault !== undefined) {
        broken.push({ line, reason: fault });
      } else if (text.trim() !== '') {
        const value = parseJson(text);
        if (isPlainObject(value)) rows.push({ line, raw: text, cells: cellsOf(value, { columns, nested, indexes }) });
        else if (value === undefined) broken.push({ line, raw: text, reason: 'not-json' });
        else broken.push({ line, raw: text, reason: 'not-an-object' });
      }
    }
    yield { rows, broken };
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(/\d{16}/.test(text) ? quoteLargeIntegers(text) : text);
  } catch {
    return text.startsWith('{') ? parsePythonDict(text) : undefined;
  }
}

/** Turns integers above 2^53 into text, because `JSON.parse` would round them: two ids could become equal. */
function quoteLargeIntegers(json: string): string {
  return json.replaceAll(/"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g, (token) =>
    /^-?\d{16,}$/.test(token) && !Number.isSafeInteger(Number(token)) ? `"${token}"` : token,
  );
}

const pythonToken = /[ubr]{0,2}(?:'([^'\\]*(?:\\.[^'\\]*)*)'|"([^"\\]*(?:\\.[^"\\]*)*)")|\b(?:None|True|False|nan)\b/g;
const pythonWords: Readonly<Record<string, string>> = { None: 'null', True: 'true', False: 'false', nan: 'null' };
const pythonEscape = /\\(?:x([\dA-Fa-f]{2})|u([\dA-Fa-f]{4})|U([\dA-Fa-f]{8})|(.))/g;
const pythonEscapes: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t', '\\': '\\', "'": "'", '"': '"' };

/** Parses a dict that Python printed, as in the product files of Amazon (2014) and Steam. Returns `undefined` for any other text. */
function parsePythonDict(text: string): unknown {
  const stringOf = (quoted: string): string =>
    quoted.replaceAll(pythonEscape, (escape, x?: string, u?: string, wide?: string, character: string = '') => {
      const hex = x ?? u ?? wide;
      return hex === undefined ? (pythonEscapes[character] ?? escape) : String.fromCodePoint(Number.parseInt(hex, 16));
    });
  try {
    const json = text.replaceAll(pythonToken, (word, single?: string, double?: string) => {
      const quoted = single ?? double;
      return quoted === undefined ? pythonWords[word]! : JSON.stringify(stringOf(quoted));
    });
    return JSON.parse(json);
  } catch {
    return undefined;
  }
}

function cellsOf(
  record: Record<string, unknown>,
  table: {
    readonly columns: TableColumn[];
    readonly nested: readonly (readonly string[])[];
    readonly indexes: Map<string, number>;
  },
): unknown[] {
  const { columns, nested, indexes } = table;
  const cells: unknown[] = new Array(columns.length).fill(undefined);
  for (const [index, keys] of nested.entries()) cells[index] = valueAt(record, keys);
  for (const name of Object.keys(record)) {
    let index = indexes.get(name);
    if (index === undefined) {
      index = columns.push({ name, kind: 'any' }) - 1;
      indexes.set(name, index);
    }
    cells[index] = record[name];
  }
  return cells;
}

function pathsOf(rows: readonly TableRow[], columns: readonly TableColumn[]): string[] {
  return [
    ...new Set(
      rows.flatMap(({ cells }) =>
        cells.flatMap((cell, index) => (isNested(cell) ? pathsInside(columns[index]!.name, cell) : [])),
      ),
    ),
  ];
}

/** Returns the paths that have a value in one of the lines. */
function pathsIn(lines: readonly string[], paths: readonly string[]): string[] {
  const missing = new Set(paths);
  for (const line of lines) {
    if (missing.size === 0) break;
    const value = parseJson(line);
    if (!isPlainObject(value)) continue;
    for (const path of missing) if (valueAt(value, path.split('.')) !== undefined) missing.delete(path);
  }
  return paths.filter((path) => !missing.has(path));
}

function valueAt(record: Record<string, unknown>, keys: readonly string[]): unknown {
  let value: unknown = record;
  for (const key of keys) value = isPlainObject(value) && Object.hasOwn(value, key) ? value[key] : undefined;
  return value;
}

function refuseArray(lines: readonly string[], path: string): void {
  const first = lines.find((line) => line.trim() !== '');
  if (first?.trimStart().startsWith('[') !== true) return;
  throw inputError(
    'EVENTS_JSON_ARRAY',
    `${path} is a single JSON array.`,
    'Convert the file to one object per line, for example with "jq -c .[]".',
    { path },
  );
}
