import type { DuckDBVector } from '@duckdb/node-api';
import { sqlText } from './duckdb.ts';
import type { DuckDbOptions } from './duckdb.ts';
import { keptTables } from './kept-tables.ts';
import type { LakeWindow } from './lake-event.ts';
import { filesOfWindow, openLakeSnapshot } from './lake-snapshot.ts';
import type { LakeSnapshot } from './lake-snapshot.ts';
import { parquetTable, where, windowConditions } from './lake-sql.ts';
import { streamChunks } from './stream-chunks.ts';

/** What somebody did with an item that was recommended to them. */
export interface Outcome {
  readonly recommendationId: string;
  readonly itemId: string;
  readonly type: string;
  /** Epoch milliseconds. */
  readonly occurredAt: number;
}

/**
 * The events of the given types that name a recommendation, in no order: what is erased is left out, and of one `eventId` only
 * the one received first is there.
 *
 * @throws AppError as `readLake`.
 */
export async function* streamOutcomes(
  lake: string | LakeSnapshot,
  { types, ...window }: LakeWindow & { readonly types: readonly string[] },
  options: DuckDbOptions = {},
): AsyncGenerator<Outcome[]> {
  const snapshot = typeof lake === 'string' ? await openLakeSnapshot(lake) : lake;
  const query = outcomeQuery(snapshot, window, types);
  for await (const chunk of streamChunks(snapshot, async () => query, options)) {
    const [recommendationId, itemId, type, occurredAt] = [0, 1, 2, 3].map((index) => chunk.getColumnVector(index)) as [
      DuckDBVector,
      DuckDBVector,
      DuckDBVector,
      DuckDBVector,
    ];
    yield Array.from({ length: chunk.rowCount }, (_, row) => ({
      recommendationId: recommendationId.getItem(row) as string,
      itemId: itemId.getItem(row) as string,
      type: type.getItem(row) as string,
      occurredAt: occurredAt.getItem(row) as number,
    }));
  }
}

function outcomeQuery(snapshot: LakeSnapshot, window: LakeWindow, types: readonly string[]): string | undefined {
  const files = filesOfWindow(snapshot, window);
  if (files.length === 0 || types.length === 0) return undefined;
  const events = parquetTable(snapshot.lakeFolder, files);
  const conditions = [
    ...windowConditions(window, files),
    `type IN (${types.map(sqlText).join(', ')})`,
    'recommendationId IS NOT NULL',
    'itemId IS NOT NULL',
  ];
  const columns =
    'eventId, type, userId, itemId, sessionId, recommendationId, occurredAt, receivedAt, logSource, logOffset';
  const received = `SELECT ${columns} FROM ${events} ${where(conditions)}`;
  return (
    `WITH ${keptTables(snapshot, { events, received }).join(', ')} ` +
    `SELECT recommendationId, itemId, type, epoch_ms(occurredAt)::DOUBLE FROM kept`
  );
}
