import type { DuckDBConnection, DuckDBDataChunk } from '@duckdb/node-api';
import { openDuckDb } from './duckdb.ts';
import type { DuckDbOptions } from './duckdb.ts';
import { lakeUnreadable } from './lake-snapshot.ts';
import type { LakeSnapshot } from './lake-snapshot.ts';

/**
 * The rows of a query over the files of a snapshot, on a database of its own; none when `prepare` gives no query.
 *
 * @throws AppError `EVENTS_LAKE_DAMAGED`, `EVENTS_LAKE_SNAPSHOT_EXPIRED`
 */
export async function* streamChunks(
  snapshot: LakeSnapshot,
  prepare: (connection: DuckDBConnection) => Promise<string | undefined>,
  options: DuckDbOptions,
): AsyncGenerator<DuckDBDataChunk> {
  const database = await openDuckDb(options);
  try {
    const query = await prepare(database.connection);
    if (query !== undefined) yield* queryChunks(database.connection, query);
  } catch (error) {
    throw await lakeUnreadable(snapshot, error);
  } finally {
    await database.close();
  }
}

/** The rows of a query as they come, without waiting for all of them. */
export async function* queryChunks(connection: DuckDBConnection, query: string): AsyncGenerator<DuckDBDataChunk> {
  const result = await connection.stream(query);
  for (;;) {
    const chunk = await result.fetchChunk();
    if (chunk === null || chunk.rowCount === 0) return;
    yield chunk;
  }
}
