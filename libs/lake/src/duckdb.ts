import { DuckDBInstance } from '@duckdb/node-api';
import type { DuckDBConnection, DuckDBDataChunk } from '@duckdb/node-api';
import { createTemporaryFolder } from '@facet/platform';

export interface DuckDbOptions {
  /** Above this size DuckDB spills to the temporary folder. In DuckDB's notation, such as `2GB`. */
  readonly memoryLimit?: string;
  readonly threads?: number;
  /** Ends the queries of `withDuckDb`. */
  readonly signal?: AbortSignal | undefined;
}

const interruptEveryMs = 50;

/**
 * Runs `work` on a new in-memory database with bounded memory. DuckDB cannot install extensions. Times are UTC.
 *
 * @throws the reason of the signal when it aborts.
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

/** Opens a database as {@link withDuckDb} does. The caller closes it. */
export async function openDuckDb(options: DuckDbOptions): Promise<DuckDb> {
  const spillFolder = await createTemporaryFolder('duckdb');
  const instance = await DuckDBInstance.create(':memory:', {
    memory_limit: options.memoryLimit ?? '2GB',
    threads: String(options.threads ?? 2),
    temp_directory: spillFolder.path,
    autoinstall_known_extensions: 'false',
    autoload_known_extensions: 'false',
  });
  const connection = await instance.connect();
  await connection.run(`SET TimeZone = 'UTC'`);
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

/** Returns the rows of a query as objects. Cast whole numbers to DOUBLE, or they are returned as bigint. */
export async function selectRows<Row>(connection: DuckDBConnection, sql: string): Promise<Row[]> {
  return (await connection.runAndReadAll(sql)).getRowObjectsJS() as unknown as Row[];
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

/** Quotes a text as an SQL literal. */
export function sqlText(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}

/** Quotes a name as an SQL identifier. */
export function sqlName(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}
