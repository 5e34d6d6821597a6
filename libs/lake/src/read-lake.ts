import type { DuckDBConnection, DuckDBVector } from '@duckdb/node-api';
import type { DuckDbOptions } from './duckdb.ts';
import { defineEvents } from './define-events.ts';
import type { LakeEvent, LakeWindow } from './lake-event.ts';
import { openLakeSnapshot } from './lake-snapshot.ts';
import type { LakeSnapshot } from './lake-snapshot.ts';
import { streamChunks } from './stream-chunks.ts';

/**
 * Reads the events of a window, ordered by user, then `occurredAt`, then `eventId` (text by its UTF-8 bytes). Of events with
 * one `eventId` inside the window only the one received first is there. The same files give the same rows.
 *
 * An anonymous event belongs to the user of the next `identify` of its session, else of the last one before it, as far as the
 * end of the window knows of it; without any, to `session:<sessionId>`. `identify` events themselves are left out, and so is
 * what an erasure is about, whether it has been carried out on the files or not.
 *
 * @throws AppError `EVENTS_LAKE_DAMAGED` for a file that is not whole, `EVENTS_LAKE_SNAPSHOT_EXPIRED` when reading took longer
 * than replaced files are kept.
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

/** As {@link readLake}, in chunks, for windows that are not to be held whole. */
export async function* streamLake(
  lake: string | LakeSnapshot,
  window: LakeWindow = {},
  options: DuckDbOptions = {},
): AsyncGenerator<LakeEvent[]> {
  const snapshot = typeof lake === 'string' ? await openLakeSnapshot(lake) : lake;
  const share = createSharer();
  const prepare = async (connection: DuckDBConnection): Promise<string | undefined> =>
    (await defineEvents(connection, snapshot, window)) && orderedEvents;
  for await (const chunk of streamChunks(snapshot, prepare, options)) {
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
