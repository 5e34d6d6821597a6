import type { DuckDBConnection, DuckDBDataChunk, DuckDBVector } from '@duckdb/node-api';
import { openDuckDb, queryChunks } from '../duckdb.ts';
import type { DuckDbOptions } from '../duckdb.ts';
import { createTables, eventTables } from './event-tables.ts';
import { filesToRead, lakeUnreadable, openFiles, openLakeSnapshot } from '../transaction-log/snapshot.ts';
import type { LakeSnapshot, LakeWindow } from '../transaction-log/snapshot.ts';

/** One event of the lake, as training and reports read it. Times are whole epoch milliseconds. */
export interface LakeEvent {
  readonly eventId: string;
  readonly type: string;
  /** The user of an anonymous event is the user of its session, or `session:<sessionId>` when unknown. */
  readonly userId: string;
  readonly itemId: string;
  readonly occurredAt: number;
  readonly receivedAt: number;
  readonly value?: number;
}

/**
 * Reads the events of a window, ordered by user, then `occurredAt`, then `eventId` (texts by their UTF-8 bytes). Among events
 * with the same `eventId`, only the first received is returned. The same files give the same rows.
 *
 * An anonymous event belongs to the user of the next `identify` of its session, or else of the last one before the event.
 * Only `identify` events known at the end of the window count. Without any, the event belongs to `session:<sessionId>`.
 * `identify` events and erased events are left out, also before a compaction has removed erased rows from the files.
 *
 * @throws AppError `EVENTS_LAKE_DAMAGED` for a damaged file, `EVENTS_LAKE_UNREADABLE` (retryable), `EVENTS_LAKE_SNAPSHOT_EXPIRED` when the
 * read took longer than the grace period of replaced files. For a lake on S3, also `S3_REFUSED`, `S3_UNREACHABLE` (retryable), and
 * `EVENTS_LAKE_COPIES_FULL` when the files exceed `cacheBytesMax`. As `openLakeSnapshot`.
 */
export async function readLake(
  lake: string | LakeSnapshot,
  window: LakeWindow = {},
  options: DuckDbOptions = {},
): Promise<LakeEvent[]> {
  const events: LakeEvent[] = [];
  for await (const chunk of streamLake(lake, window, options)) for (const event of chunk) events.push(event);
  return events;
}

/** Streams the events of {@link readLake} in chunks, for windows that do not fit into memory. */
export async function* streamLake(
  lake: string | LakeSnapshot,
  window: LakeWindow = {},
  options: DuckDbOptions = {},
): AsyncGenerator<LakeEvent[]> {
  const snapshot = typeof lake === 'string' ? await openLakeSnapshot(lake) : lake;
  const share = createStringPool();
  const prepare = async (opened: LakeSnapshot, connection: DuckDBConnection): Promise<string> => {
    await createTables(connection, eventTables(opened, window));
    return orderedEvents;
  };
  for await (const chunk of streamChunks(snapshot, window, prepare, options)) {
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
}

const orderedEvents =
  'SELECT eventId, type, owner, itemId, epoch_ms(occurredAt)::DOUBLE, epoch_ms(receivedAt)::DOUBLE, value ' +
  'FROM events ORDER BY owner, occurredAt, eventId';

/** Returns a function that maps equal texts to one string object, because ids recur on most rows. Its memory is bounded. */
function createStringPool(): (text: string) => string {
  const known = new Map<string, string>();
  return (text) => {
    const shared = known.get(text);
    if (shared !== undefined) return shared;
    if (known.size < 4_000_000) known.set(text, text);
    return text;
  };
}

/**
 * Streams the rows of a query over the files of a window, on a new database. Without a query from `prepare` there are no rows.
 *
 * @throws AppError as {@link readLake}
 */
export async function* streamChunks(
  snapshot: LakeSnapshot,
  window: LakeWindow,
  prepare: (opened: LakeSnapshot, connection: DuckDBConnection) => Promise<string | undefined>,
  options: DuckDbOptions,
): AsyncGenerator<DuckDBDataChunk> {
  const opened = await openFiles(snapshot, filesToRead(snapshot, window));
  try {
    const database = await openDuckDb(options);
    try {
      const query = await prepare(opened.snapshot, database.connection);
      if (query !== undefined) yield* queryChunks(database.connection, query);
    } finally {
      await database.close();
    }
  } catch (error) {
    throw await lakeUnreadable(snapshot, error);
  } finally {
    await opened.close();
  }
}
