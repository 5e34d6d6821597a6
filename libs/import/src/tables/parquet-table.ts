import { AppError } from '@facet/platform';
import { openDuckDb, sqlName, sqlText } from '@facet/lake';
import type { DuckDb } from '@facet/lake';
import type { FileFacts, OnBytes } from './byte-source.ts';
import type { ColumnKind, Table, TableChunk, TableColumn, TableRow } from './table.ts';

/** Rows gathered into one chunk; DuckDB hands out 2,048 at a time. */
const chunkRows = 16_384;

/**
 * Opens a Parquet file. Times become epoch milliseconds, 64-bit whole numbers and decimals text, nested values JSON text.
 *
 * @throws AppError `EVENTS_FILE_DAMAGED` when it is not readable as Parquet.
 */
export async function openParquetTable(
  path: string,
  options: { facts: FileFacts; onBytes?: OnBytes | undefined },
): Promise<Table> {
  const database = await openDuckDb({});
  try {
    const source = `read_parquet(${sqlText(path)}, hive_partitioning = false)`;
    const described = await (await database.connection.run(`DESCRIBE SELECT * FROM ${source}`)).getRowObjectsJson();
    const fields = described.map((row) => fieldOf(String(row['column_name']), String(row['column_type'])));
    const count = await (
      await database.connection.run(`SELECT count(*)::DOUBLE AS n FROM ${source}`)
    ).getRowObjectsJson();
    const rows = Number(count[0]?.['n']);
    const sql = `SELECT ${fields.map((field) => field.sql).join(', ')} FROM ${source}`;
    const progress = (done: number): void =>
      options.onBytes?.(Math.round((options.facts.bytes * done) / Math.max(rows, 1)));
    return {
      path,
      format: 'parquet',
      bytes: options.facts.bytes,
      columns: fields.map((field) => field.column),
      chunks: readChunks(database, { path, sql, columns: fields.map((field) => field.column) }, progress),
      close: database.close,
    };
  } catch (error) {
    await database.close();
    throw damaged(path, error);
  }
}

async function* readChunks(
  database: DuckDb,
  query: { readonly path: string; readonly sql: string; readonly columns: readonly TableColumn[] },
  onRows: (done: number) => void,
): AsyncGenerator<TableChunk> {
  const result = await database.connection.stream(query.sql);
  let line = 1;
  let rows: TableRow[] = [];
  for (;;) {
    const chunk = await result.fetchChunk().catch((error: unknown) => {
      throw damaged(query.path, error);
    });
    const count = chunk?.rowCount ?? 0;
    if (chunk !== null && count > 0) {
      const vectors = query.columns.map((_, index) => chunk.getColumnVector(index));
      for (let row = 0; row < count; row++) {
        rows.push({ line: line++, cells: vectors.map((vector, at) => cellOf(vector.getItem(row), query.columns[at])) });
      }
    }
    if (rows.length >= chunkRows || (count === 0 && rows.length > 0)) {
      onRows(line - 1);
      yield { rows, broken: [] };
      rows = [];
    }
    if (count === 0) return;
  }
}

/** Lists come as an object with `items`; everything else is already a plain value. */
function cellOf(value: unknown, column: TableColumn | undefined): unknown {
  if (value === null || column?.kind !== 'any') return value;
  return (value as { items: readonly unknown[] }).items.filter((item) => item !== null);
}

interface ParquetField {
  readonly column: TableColumn;
  readonly sql: string;
}

function fieldOf(name: string, type: string): ParquetField {
  const id = sqlName(name);
  const field = (kind: ColumnKind, sql: string): ParquetField => ({ column: { name, kind }, sql });
  if (/^(TIMESTAMP|DATE)/.test(type) && !type.endsWith(']')) return field('time', `epoch_ms(${id}::TIMESTAMP)::DOUBLE`);
  if (type === 'BOOLEAN') return field('boolean', id);
  if (/^(U?TINYINT|U?SMALLINT|U?INTEGER|FLOAT|DOUBLE)$/.test(type)) return field('number', `${id}::DOUBLE`);
  // As text, so that an id beyond 2^53 keeps all its digits; the kind lets an attribute become a number.
  if (/^(U?BIGINT|U?HUGEINT|DECIMAL)/.test(type) && !type.endsWith(']')) return field('number', `${id}::VARCHAR`);
  if (type.endsWith('[]') && !type.endsWith('[][]') && !type.startsWith('STRUCT')) {
    return field('any', `${id}::VARCHAR[]`);
  }
  if (/^(STRUCT|MAP|UNION)/.test(type) || type.endsWith(']')) return field('text', `to_json(${id})::VARCHAR`);
  return field('text', `${id}::VARCHAR`);
}

function damaged(path: string, error: unknown): AppError {
  return new AppError(`${path} is not readable as Parquet: ${(error as Error).message.split('\n')[0]}.`, {
    code: 'EVENTS_FILE_DAMAGED',
    category: 'input',
    remedy: 'Fetch or write it again.',
    context: { path },
    cause: error,
  });
}
