import { DuckDBDataChunk, DuckDBInstance } from '@duckdb/node-api';
import type { DuckDBAppender, DuckDBConnection, DuckDBType, DuckDBValue } from '@duckdb/node-api';
import { createTemporaryFolder } from '@facet/platform';

export interface DuckDbOptions {
  /** Above this size DuckDB spills to the temporary folder. In DuckDB's notation, such as `2GB`. */
  readonly memoryLimit?: string;
  readonly threads?: number;
  /** Ends the queries of `withDuckDb`. */
  readonly signal?: AbortSignal | undefined;
}

/** DuckDB did not open: for example, it got no folder for temporary files, or no thread. It has not read any data. */
export class OpenDuckDbError extends Error {
  constructor(cause: unknown) {
    super(`DuckDB did not open: ${(cause as Error).message}`, { cause });
  }
}

const interruptEveryMs = 50;

/**
 * Runs `work` on a new in-memory database with bounded memory. DuckDB cannot install extensions. Times are UTC.
 *
 * @throws {@link OpenDuckDbError}; the reason of the signal when it aborts.
 */
export async function withDuckDb<Result>(
  options: DuckDbOptions,
  work: (connection: DuckDBConnection) => Promise<Result>,
): Promise<Result> {
  const { signal } = options;
  const database = await openDuckDb(options);
  let repeated: NodeJS.Timeout | undefined;
  // An interrupt ends only a query that is running.
  const interrupt = (): void => {
    database.connection.interrupt();
    repeated = setTimeout(interrupt, interruptEveryMs);
  };
  signal?.addEventListener('abort', interrupt, { once: true });
  try {
    signal?.throwIfAborted();
    return await work(database.connection);
  } catch (error) {
    signal?.throwIfAborted();
    throw error;
  } finally {
    signal?.removeEventListener('abort', interrupt);
    clearTimeout(repeated);
    await database.close();
  }
}

export interface DuckDb {
  readonly connection: DuckDBConnection;
  /** Closes the database. Further calls do nothing. */
  close(): Promise<void>;
}

/** Opens a database as {@link withDuckDb} does. The caller closes it. @throws {@link OpenDuckDbError} */
export async function openDuckDb(options: DuckDbOptions): Promise<DuckDb> {
  const spillFolder = await createTemporaryFolder('duckdb').catch((error: unknown) => {
    throw new OpenDuckDbError(error);
  });
  const { instance, connection } = await connect(options, spillFolder.path).catch(async (error: unknown) => {
    await spillFolder.remove().catch(() => undefined);
    throw new OpenDuckDbError(error);
  });
  let isOpen = true;
  return {
    connection,
    close: async () => {
      if (!isOpen) return;
      isOpen = false;
      connection.closeSync();
      instance.closeSync();
      await spillFolder.remove();
    },
  };
}

async function connect(
  options: DuckDbOptions,
  spillFolder: string,
): Promise<{ readonly instance: DuckDBInstance; readonly connection: DuckDBConnection }> {
  const instance = await DuckDBInstance.create(':memory:', {
    memory_limit: options.memoryLimit ?? '2GB',
    threads: String(options.threads ?? 2),
    temp_directory: spillFolder,
    autoinstall_known_extensions: 'false',
    autoload_known_extensions: 'false',
  });
  const connection = await instance.connect();
  await connection.run(`SET TimeZone = 'UTC'`);
  for (const macro of sparkFunctions) await connection.run(`CREATE MACRO ${macro}`);
  return { instance, connection };
}

/** Functions of Spark that DuckDB lacks. With them, one text of a query is valid in both. */
const sparkFunctions = [
  'unix_millis(moment) AS epoch_ms(moment)',
  'timestamp_micros(microseconds) AS make_timestamp(microseconds)::TIMESTAMPTZ',
  'shiftleft(number, bits) AS number << bits',
  // Other numbers than in Spark, but queries compare hashes only with each other.
  'xxhash64(value) AS hash(value)',
];

/** Returns the rows of a query as objects. Cast whole numbers to DOUBLE, or they are returned as bigint. */
export async function selectRows<Row>(connection: DuckDBConnection, sql: string): Promise<Row[]> {
  return (await connection.runAndReadAll(sql)).getRowObjectsJS() as unknown as Row[];
}

/** Counts the rows of a FROM clause, such as a table or a join. */
export async function countRows(connection: DuckDBConnection, table: string): Promise<number> {
  const [row] = await selectRows<{ rows: number }>(connection, `SELECT count(*)::DOUBLE AS rows FROM ${table}`);
  return row?.rows ?? 0;
}

/** Streams the rows of a query in chunks, before the query has finished. */
export async function* queryChunks(connection: DuckDBConnection, sql: string): AsyncGenerator<DuckDBDataChunk> {
  const result = await connection.stream(sql);
  for (;;) {
    const chunk = await result.fetchChunk();
    if (chunk === null || chunk.rowCount === 0) return;
    yield chunk;
  }
}

/** Rows of a DuckDB data chunk. */
const chunkRows = 2048;

/** Appends rows to a table with these columns in chunks, which costs less than a call for each value. */
export function appendRows<Row, Column extends { readonly type: DuckDBType }>(
  appender: DuckDBAppender,
  columns: readonly Column[],
  rows: readonly Row[],
  valueOf: (column: Column, row: Row) => DuckDBValue,
): void {
  const types = columns.map(({ type }) => type);
  for (let start = 0; start < rows.length; start += chunkRows) {
    const end = Math.min(rows.length, start + chunkRows);
    const chunk = DuckDBDataChunk.create(types, end - start);
    columns.forEach((column, index) => {
      const vector = chunk.getColumnVector(index);
      for (let row = start; row < end; row++) vector.setItem(row - start, valueOf(column, rows[row] as Row));
      vector.flush();
    });
    appender.appendDataChunk(chunk);
  }
}

/** Quotes a text as an SQL literal. */
export function sqlText(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}

/** Quotes a name as an SQL identifier. */
export function sqlName(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}
