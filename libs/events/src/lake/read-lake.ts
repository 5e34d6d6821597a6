import type { DuckDBVector } from '@duckdb/node-api';
import { join } from 'node:path';
import { openDuckDb, sqlText } from '../duckdb.ts';
import type { DuckDbOptions } from '../duckdb.ts';
import type { LakeEvent, LakeWindow } from './lake-event.ts';
import { lakeDamaged } from './lake-damaged.ts';
import { listCommittedParts } from './lake-layout.ts';

/**
 * Reads the events of a window, ordered by user, then `occurredAt`, then `eventId` (text by its UTF-8 bytes). Of events with
 * one `eventId` inside the window only the one received first is there. The same files give the same rows.
 *
 * @throws AppError `EVENTS_LAKE_DAMAGED` naming the folder, for a file that is not whole.
 */
export async function readLake(
  lakeFolder: string,
  window: LakeWindow = {},
  options: DuckDbOptions = {},
): Promise<LakeEvent[]> {
  const events: LakeEvent[] = [];
  for await (const chunk of streamLake(lakeFolder, window, options)) for (const event of chunk) events.push(event);
  return events;
}

/** As {@link readLake}, in chunks, for windows that are not to be held whole. */
export async function* streamLake(
  lakeFolder: string,
  window: LakeWindow = {},
  options: DuckDbOptions = {},
): AsyncGenerator<LakeEvent[]> {
  const parts = await listCommittedParts(lakeFolder, window);
  if (parts.length === 0) return;
  const paths = parts.map((part) => join(lakeFolder, part.path));
  const database = await openDuckDb(options);
  try {
    const result = await database.connection.stream(selectStatement(paths, window));
    const share = createSharer();
    for (;;) {
      const chunk = await result.fetchChunk();
      if (chunk === null || chunk.rowCount === 0) return;
      const [eventId, type, userId, itemId, occurredAt, receivedAt, value] = Array.from({ length: 7 }, (_, index) =>
        chunk.getColumnVector(index),
      ) as [DuckDBVector, DuckDBVector, DuckDBVector, DuckDBVector, DuckDBVector, DuckDBVector, DuckDBVector];
      const events: LakeEvent[] = [];
      for (let row = 0; row < chunk.rowCount; row++) {
        const amount = value.getItem(row) as number | null;
        const event = {
          eventId: eventId.getItem(row) as string,
          type: share(type.getItem(row) as string),
          userId: share(userId.getItem(row) as string),
          itemId: share(itemId.getItem(row) as string),
          occurredAt: occurredAt.getItem(row) as number,
          receivedAt: receivedAt.getItem(row) as number,
        };
        events.push(amount === null ? event : { ...event, value: amount });
      }
      yield events;
    }
  } catch (error) {
    throw lakeDamaged(lakeFolder, error);
  } finally {
    await database.close();
  }
}

/** One string object for equal texts: ids recur on most rows. Bounded; beyond it texts are merely not shared. */
function createSharer(): (text: string) => string {
  const known = new Map<string, string>();
  return (text) => {
    const shared = known.get(text);
    if (shared !== undefined) return shared;
    if (known.size < 4_000_000) known.set(text, text);
    return text;
  };
}

function selectStatement(paths: readonly string[], window: LakeWindow): string {
  const time = (ms: number): string => `make_timestamp(${Math.trunc(ms * 1000)})::TIMESTAMPTZ`;
  const conditions = [
    ...(window.occurredFrom === undefined ? [] : [`occurredAt >= ${time(window.occurredFrom)}`]),
    ...(window.occurredBefore === undefined ? [] : [`occurredAt < ${time(window.occurredBefore)}`]),
    ...(window.receivedBefore === undefined ? [] : [`receivedAt < ${time(window.receivedBefore)}`]),
  ];
  return (
    `SELECT eventId, type, userId, itemId, epoch_ms(occurredAt)::DOUBLE, epoch_ms(receivedAt)::DOUBLE, value ` +
    `FROM read_parquet([${paths.map(sqlText).join(', ')}], hive_partitioning = false, union_by_name = true, filename = true) ` +
    (conditions.length === 0 ? '' : `WHERE ${conditions.join(' AND ')} `) +
    `QUALIFY row_number() OVER (PARTITION BY eventId ORDER BY receivedAt, logOffset, filename) = 1 ` +
    `ORDER BY userId, occurredAt, eventId`
  );
}
