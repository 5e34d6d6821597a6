import { countRows } from '../duckdb.ts';
import type { DuckDbOptions } from '../duckdb.ts';
import { filesToRead, queryFiles } from '../transaction-log/snapshot.ts';
import type { LakeSnapshot, LakeWindow } from '../transaction-log/snapshot.ts';
import { createTables, eventTables } from './event-tables.ts';

/** Counts the events of a window. @throws AppError as `readLake`. */
export async function countEvents(
  snapshot: LakeSnapshot,
  window: LakeWindow,
  options: DuckDbOptions = {},
): Promise<number> {
  return queryFiles(snapshot, filesToRead(snapshot, window), options, async (connection, opened) => {
    await createTables(connection, eventTables(opened, window));
    return countRows(connection, 'events');
  });
}
