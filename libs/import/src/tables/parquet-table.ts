import { openDuckDb, queryChunks, selectRows, sqlName, sqlText } from '@facet/lake';
import type { DuckDb } from '@facet/lake';
import type { AppError } from '@facet/platform';
import { inputError } from '../input-error.ts';
import type { ReadBytesOptions } from './byte-source.ts';
import type { ColumnKind, Table, TableChunk, TableColumn, TableRow } from './table.ts';

/** Rows per chunk. DuckDB returns 2,048 rows at a time. */
const chunkRows = 16_384;

/**
 * Opens a Parquet file. Times become epoch milliseconds. 64-bit integers and decimals become text. Paths of the options, such as
 * `user.id`, become columns.
 *
 * @throws AppError `EVENTS_FILE_DAMAGED` when the file is not valid Parquet, `EVENTS_FILE_TOO_LARGE` when DuckDB runs out of memory.
 */
export async function openParquetTable(
  path: string,
  bytes: number,
  options: Pick<ReadBytesOptions, 'onBytes'> & { readonly nestedPaths?: readonly string[] | undefined },
): Promise<Table> {
  const database = await openDuckDb({});
  const { connection } = database;
  try {
    const source = `read_parquet(${sqlText(path)}, hive_partitioning = false)`;
    const describe = async (selected: string): Promise<ParquetField[]> => {
      const described = await selectRows<{ column_name: string; column_type: string }>(
        connection,
        `DESCRIBE SELECT ${selected} FROM ${source}`,
      );
      return described.map((row) => fieldOf(row.column_name, row.column_type));
    };
    const fields = await describe('*');
    for (const nestedPath of options.nestedPaths ?? []) {
      if (fields.some(({ column }) => column.name === nestedPath)) continue;
      const value = nestedPath.split('.').map(sqlName).join('.');
      // A path that the file does not have is a missing column of the mapping.
      const [field] = await describe(`${value} AS ${sqlName(nestedPath)}`).catch(() => []);
      if (field !== undefined) fields.push({ ...field, sql: field.sql.replace(sqlName(nestedPath), () => value) });
    }
    const columns = fields.map((field) => field.column);
    const [count] = await selectRows<{ rows: number }>(connection, `SELECT count(*)::DOUBLE AS rows FROM ${source}`);
    const sql = `SELECT ${fields.map((field) => field.sql).join(', ')} FROM ${source}`;
    const onRows = (done: number): void =>
      options.onBytes?.(Math.round((bytes * done) / Math.max(count?.rows ?? 0, 1)));
    const chunks = readChunks(database, { path, sql, fields }, onRows);
    return { path, format: 'parquet', bytes, columns, chunks, close: database.close };
  } catch (error) {
    await database.close();
    throw damaged(path, error);
  }
}

interface ParquetQuery {
  readonly path: string;
  readonly sql: string;
  readonly fields: readonly ParquetField[];
}

async function* readChunks(
  { connection }: DuckDb,
  { path, sql, fields }: ParquetQuery,
  onRows: (done: number) => void,
): AsyncGenerator<TableChunk> {
  const result = queryChunks(connection, sql);
  const next = async () =>
    result.next().catch((error: unknown) => {
      throw damaged(path, error);
    });
  let line = 1;
  let rows: TableRow[] = [];
  for (let chunk = await next(); chunk.done !== true; chunk = await next()) {
    const { value } = chunk;
    const vectors = fields.map((_, index) => value.getColumnVector(index));
    for (let row = 0; row < value.rowCount; row++) {
      rows.push({ line: line++, cells: vectors.map((vector, at) => cellOf(vector.getItem(row), fields[at]!)) });
    }
    if (rows.length < chunkRows) continue;
    onRows(line - 1);
    yield { rows, broken: [] };
    rows = [];
  }
  if (rows.length === 0) return;
  onRows(line - 1);
  yield { rows, broken: [] };
}

/** Converts DuckDB lists to arrays, and JSON text to its value. Other values are plain already. */
function cellOf(value: unknown, { column, isJson }: ParquetField): unknown {
  if (value === null) return value;
  if (isJson === true) return JSON.parse(value as string);
  if (column.kind !== 'any') return value;
  return (value as { items: readonly unknown[] }).items.filter((item) => item !== null);
}

interface ParquetField {
  readonly column: TableColumn;
  readonly sql: string;
  /** The query returns the value as JSON text. */
  readonly isJson?: boolean;
}

function fieldOf(name: string, type: string): ParquetField {
  const id = sqlName(name);
  const field = (kind: ColumnKind, sql: string): ParquetField => ({ column: { name, kind }, sql });
  if (/^(TIMESTAMP|DATE)/.test(type) && !type.endsWith(']')) {
    const isLocalTime = !type.endsWith('WITH TIME ZONE');
    return { column: { name, kind: 'time', isLocalTime }, sql: `epoch_ms(${id}::TIMESTAMP)::DOUBLE` };
  }
  if (type === 'BOOLEAN') return field('boolean', id);
  if (/^(U?TINYINT|U?SMALLINT|U?INTEGER|FLOAT|DOUBLE)$/.test(type)) return field('number', `${id}::DOUBLE`);
  // Text keeps all digits of ids above 2^53. The kind `number` still lets an attribute become a number.
  if (/^(U?BIGINT|U?HUGEINT|DECIMAL)/.test(type) && !type.endsWith(']')) return field('number', `${id}::VARCHAR`);
  if (type.endsWith('[]') && !type.endsWith('[][]') && !type.startsWith('STRUCT')) {
    return field('any', `${id}::VARCHAR[]`);
  }
  if (/^(STRUCT|MAP|UNION)/.test(type) || type.endsWith(']')) {
    return { ...field('any', `to_json(${id})::VARCHAR`), isJson: true };
  }
  return field('text', `${id}::VARCHAR`);
}

function damaged(path: string, error: unknown): AppError {
  if (/^out of memory/i.test((error as Error).message)) {
    return inputError(
      'EVENTS_FILE_TOO_LARGE',
      `${path} needs too much memory.`,
      'Write the file with smaller row groups, or read it on a machine with more memory.',
      { path },
      error,
    );
  }
  return inputError(
    'EVENTS_FILE_DAMAGED',
    `Cannot read ${path} as Parquet: ${(error as Error).message.split('\n')[0]}.`,
    'Download or write the file again.',
    { path },
    error,
  );
}
