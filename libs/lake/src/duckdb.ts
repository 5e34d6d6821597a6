import { randomUUID } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import type { DuckDBConnection } from '@duckdb/node-api';

export interface DuckDbOptions {
  /** Beyond this DuckDB spills to the temporary folder. DuckDB's own words: `2GB`. */
  readonly memoryLimit?: string;
  readonly threads?: number;
}

/**
 * Runs `work` on an in-memory database of its own, with bounded memory and no way to install extensions. Times are UTC.
 */
export async function withDuckDb<Result>(
  options: DuckDbOptions,
  work: (connection: DuckDBConnection) => Promise<Result>,
): Promise<Result> {
  const database = await openDuckDb(options);
  try {
    return await work(database.connection);
  } finally {
    await database.close();
  }
}

export interface DuckDb {
  readonly connection: DuckDBConnection;
  /** Ends it; a second time does nothing. */
  close(): Promise<void>;
}

/** As {@link withDuckDb}, for a caller whose work has no single function. */
export async function openDuckDb(options: DuckDbOptions): Promise<DuckDb> {
  const spillFolder = join(tmpdir(), `facet-duckdb-${randomUUID()}`);
  const instance = await DuckDBInstance.create(':memory:', {
    memory_limit: options.memoryLimit ?? '2GB',
    threads: String(options.threads ?? 2),
    temp_directory: spillFolder,
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
      await rm(spillFolder, { recursive: true, force: true });
    },
  };
}

/** The rows of a query, by the names of its columns. Cast whole numbers to DOUBLE: others come as bigint. */
export async function selectRows<Row>(connection: DuckDBConnection, sql: string): Promise<Row[]> {
  return (await connection.runAndReadAll(sql)).getRowObjectsJS() as unknown as Row[];
}

/** A text as an SQL literal. */
export function sqlText(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}

/** A name as an SQL identifier. */
export function sqlName(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}
