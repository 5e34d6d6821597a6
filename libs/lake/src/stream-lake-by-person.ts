import type { DuckDBVector } from '@duckdb/node-api';
import { sqlText } from './duckdb.ts';
import type { DuckDbOptions } from './duckdb.ts';
import { identifyType } from '@facet/schemas';
import type { Event } from '@facet/schemas';
import { sessionUserPrefix } from '@facet/schemas';
import type { LakeWindow } from './lake-event.ts';
import { keptTables } from './kept-tables.ts';
import { filesOfWindow, openLakeSnapshot } from './lake-snapshot.ts';
import type { LakeSnapshot } from './lake-snapshot.ts';
import { parquetTable, where, windowConditions } from './lake-sql.ts';
import { streamChunks } from './stream-chunks.ts';

/** An event of a user, or of an anonymous session: then `person` is `session:<sessionId>`. */
export interface PersonEvent {
  readonly person: string;
  readonly event: Event;
}

/**
 * The events of a window as they were sent, for a reader that joins sessions to users by itself: a person's next to each other,
 * by time. An `identify` is there twice, with the user and with the session. Fields that only describe where an event was seen
 * are left out, and so are erased events and, but for `identify`, all that were not received first of one `eventId`.
 *
 * @throws AppError as `readLake`.
 */
export async function* streamLakeByPerson(
  lake: string | LakeSnapshot,
  window: LakeWindow = {},
  options: DuckDbOptions = {},
): AsyncGenerator<PersonEvent[]> {
  const snapshot = typeof lake === 'string' ? await openLakeSnapshot(lake) : lake;
  const query = personQuery(snapshot, window);
  for await (const chunk of streamChunks(snapshot, async () => query, options)) {
    const columns = Array.from({ length: columnCount }, (_, index) => chunk.getColumnVector(index));
    yield Array.from({ length: chunk.rowCount }, (_, row) => personEvent(columns, row));
  }
}

const columnCount = 9;

function personEvent(columns: readonly DuckDBVector[], row: number): PersonEvent {
  const [person, eventId, type, userId, itemId, sessionId, occurredAt, receivedAt, value] = columns.map((column) =>
    column.getItem(row),
  ) as [string, string, string, string | null, string | null, string | null, number, number, number | null];
  const event = {
    eventId,
    type,
    ...(userId === null ? {} : { userId }),
    ...(itemId === null ? {} : { itemId }),
    ...(sessionId === null ? {} : { sessionId }),
    occurredAt,
    receivedAt,
    ...(value === null ? {} : { value }),
  };
  return { person, event };
}

const columns = 'eventId, type, userId, itemId, sessionId, occurredAt, receivedAt, value';

function personQuery(snapshot: LakeSnapshot, window: LakeWindow): string | undefined {
  const files = filesOfWindow(snapshot, window);
  if (files.length === 0) return undefined;
  const events = parquetTable(snapshot.lakeFolder, files);
  const received = `SELECT ${columns}, logSource, logOffset FROM ${events} ${where(windowConditions(window, files))}`;
  const session = `${sqlText(sessionUserPrefix)} || sessionId`;
  return (
    `WITH ${keptTables(snapshot, { events, received }).join(', ')} ` +
    `SELECT person, eventId, type, userId, itemId, sessionId, epoch_ms(occurredAt)::DOUBLE, epoch_ms(receivedAt)::DOUBLE, value ` +
    `FROM (SELECT coalesce(userId, ${session}) AS person, ${columns} FROM kept UNION ALL ` +
    `SELECT ${session}, ${columns} FROM kept WHERE type = ${sqlText(identifyType)}) ` +
    `ORDER BY person, occurredAt, eventId`
  );
}
