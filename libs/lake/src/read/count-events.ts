import { withDuckDb } from '../duckdb.ts';
import type { DuckDbOptions } from '../duckdb.ts';
import { filesToRead, lakeUnreadable, withFiles } from '../transaction-log/snapshot.ts';
import type { LakeSnapshot, LakeWindow } from '../transaction-log/snapshot.ts';
import { countRows, createTables, eventTables } from './event-tables.ts';

/** Counts the events of a window. @throws AppError as `readLake`. */
export async function countEvents(
  snapshot: LakeSnapshot,
  window: LakeWindow,
  options: DuckDbOptions = {},
): Promise<number> {
  try {
    return await withFiles(snapshot, filesToRead(snapshot, window), (opened) =>
      withDuckDb(options, async (connection) => {
        await createTables(connection, eventTables(opened, window));
        return countRows(connection, 'events');
      }),
    );
  } catch (error) {
    throw await lakeUnreadable(snapshot, error);
  }
}
