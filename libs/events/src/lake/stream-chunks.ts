import type { DuckDBDataChunk } from '@duckdb/node-api';
import { openDuckDb } from '../duckdb.ts';
import type { DuckDbOptions } from '../duckdb.ts';
import { lakeUnreadable } from './lake-snapshot.ts';
import type { LakeSnapshot } from './lake-snapshot.ts';

/**
 * The rows of a query over the files of a snapshot, on a database of its own.
 *
 * @throws AppError `EVENTS_LAKE_DAMAGED`, `EVENTS_LAKE_SNAPSHOT_EXPIRED`
 */
export async function* streamChunks(
  snapshot: LakeSnapshot,
  query: string,
  options: DuckDbOptions,
): AsyncGenerator<DuckDBDataChunk> {
  const database = await openDuckDb(options);
  try {
    const result = await database.connection.stream(query);
    for (;;) {
      const chunk = await result.fetchChunk();
      if (chunk === null || chunk.rowCount === 0) return;
      yield chunk;
    }
  } catch (error) {
    throw await lakeUnreadable(snapshot, error);
  } finally {
    await database.close();
  }
}
