import { withDuckDb } from '../duckdb.ts';
import type { DuckDbOptions } from '../duckdb.ts';
import { lakeUnreadable } from '../transaction-log/snapshot.ts';
import type { LakeSnapshot, LakeWindow } from '../transaction-log/snapshot.ts';
import { countRows, defineEvents } from './define-events.ts';

/** Counts the events of a window. @throws AppError as `readLake`. */
export async function countEvents(
  snapshot: LakeSnapshot,
  window: LakeWindow,
  options: DuckDbOptions = {},
): Promise<number> {
  try {
    return await withDuckDb(options, async (connection) => {
      const defined = await defineEvents(connection, snapshot, window);
      return defined === undefined ? 0 : countRows(connection, 'events');
    });
  } catch (error) {
    throw await lakeUnreadable(snapshot, error);
  }
}
