import type { DuckDBConnection, DuckDBDataChunk, DuckDBVector } from '@duckdb/node-api';
import { identifyType, sessionUserPrefix } from '@facet/schemas';
import type { Event } from '@facet/schemas';
import { countRows, openDuckDb, queryChunks, sqlText } from '../duckdb.ts';
import type { DuckDbOptions } from '../duckdb.ts';
import {
  filesOfWindow,
  filesToRead,
  lakeUnreadable,
  openFiles,
  openLakeSnapshot,
  queryFiles,
} from '../transaction-log/snapshot.ts';
import type { LakeSnapshot, LakeWindow } from '../transaction-log/snapshot.ts';
import { createTables, eventTables } from './event-tables.ts';
import {
  erasureTables,
  keptSessionRows,
  notErased,
  parquetTable,
  occurrenceOfEvent,
  where,
  windowConditions,
} from './sql.ts';

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
  const share = createStringPool();
  const prepare = async (opened: LakeSnapshot, connection: DuckDBConnection): Promise<string> => {
    await createTables(connection, eventTables(opened, window));
    return orderedEvents;
  };
  for await (const chunk of streamChunks(lake, window, prepare, options)) {
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
async function* streamChunks(
  lake: string | LakeSnapshot,
  window: LakeWindow,
  prepare: (opened: LakeSnapshot, connection: DuckDBConnection) => Promise<string | undefined>,
  options: DuckDbOptions,
): AsyncGenerator<DuckDBDataChunk> {
  const snapshot = typeof lake === 'string' ? await openLakeSnapshot(lake) : lake;
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

/** An event and its user id, or `session:<sessionId>` for an anonymous event. */
interface OwnedEvent {
  readonly owner: string;
  readonly event: Event;
}

/**
 * Streams the events of a window as they were sent, grouped by owner and ordered by time, for readers that join sessions to
 * users on their own. Each `identify` appears twice: for the user and for the session. Erased events and, except `identify`,
 * repeated events are left out. The events have no `recommendationId`, `position`, `context` or `extra`.
 *
 * @throws AppError as `readLake`.
 */
export async function* streamLakeByOwner(
  lake: string | LakeSnapshot,
  window: LakeWindow = {},
  options: DuckDbOptions = {},
): AsyncGenerator<OwnedEvent[]> {
  const prepare = async (opened: LakeSnapshot): Promise<string | undefined> => ownedEventsQuery(opened, window);
  for await (const chunk of streamChunks(lake, window, prepare, options)) {
    yield (chunk.getRows() as OwnedRow[]).map(toOwnedEvent);
  }
}

type OwnedRow = [string, string, string, string | null, string | null, string | null, number, number, number | null];

function toOwnedEvent([
  owner,
  eventId,
  type,
  userId,
  itemId,
  sessionId,
  occurredAt,
  receivedAt,
  value,
]: OwnedRow): OwnedEvent {
  const event = {
    eventId,
    type,
    userId: userId ?? undefined,
    itemId: itemId ?? undefined,
    sessionId: sessionId ?? undefined,
    occurredAt,
    receivedAt,
    value: value ?? undefined,
  };
  return { owner, event };
}

const columns = 'eventId, type, userId, itemId, sessionId, occurredAt, receivedAt, value';

function ownedEventsQuery(snapshot: LakeSnapshot, window: LakeWindow): string | undefined {
  const files = filesOfWindow(snapshot, window);
  if (files.length === 0) return undefined;
  const events = parquetTable(snapshot.lakeFolder, files);
  const received = `SELECT ${columns}, logSource, logOffset FROM ${events} ${where(windowConditions(window, files))}`;
  const session = `${sqlText(sessionUserPrefix)} || sessionId`;
  return (
    `WITH ${keptTables(snapshot, { events, received }).join(', ')} ` +
    `SELECT owner, eventId, type, userId, itemId, sessionId, epoch_ms(occurredAt)::DOUBLE, epoch_ms(receivedAt)::DOUBLE, value ` +
    `FROM (SELECT coalesce(userId, ${session}) AS owner, ${columns} FROM kept UNION ALL ` +
    `SELECT ${session}, ${columns} FROM kept WHERE type = ${sqlText(identifyType)}) ` +
    `ORDER BY owner, occurredAt, eventId`
  );
}

/** An event on an item that a recommendation contained. */
export interface Outcome {
  readonly recommendationId: string;
  readonly itemId: string;
  readonly type: string;
  /** Epoch milliseconds. */
  readonly occurredAt: number;
}

/**
 * Streams the events of the given types that name a recommendation, in no particular order. Erased and repeated events are
 * left out.
 *
 * @throws AppError as `readLake`.
 */
export async function* streamOutcomes(
  lake: string | LakeSnapshot,
  { types, ...window }: LakeWindow & { readonly types: readonly string[] },
  options: DuckDbOptions = {},
): AsyncGenerator<Outcome[]> {
  const prepare = async (opened: LakeSnapshot): Promise<string | undefined> => outcomeQuery(opened, window, types);
  for await (const chunk of streamChunks(lake, window, prepare, options)) {
    const rows = chunk.getRows() as [string, string, string, number][];
    yield rows.map(([recommendationId, itemId, type, occurredAt]) => ({ recommendationId, itemId, type, occurredAt }));
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

/**
 * Returns the common table expressions that define `kept`: the rows without erased ones and, except for `identify`, without
 * repeated ones. Erased rows are removed first, so an erased row never hides a repeat of the same `eventId`.
 *
 * @param query.events the table of the files, with all columns
 * @param query.received the wanted rows, with the columns of user, session, times and offset
 */
function keptTables(
  snapshot: LakeSnapshot,
  { events, received }: { readonly events: string; readonly received: string },
): string[] {
  // All identify rows are needed: when two name the same session and time, the last received counts.
  const distinct = `QUALIFY ${occurrenceOfEvent} = 1 OR type = ${sqlText(identifyType)}`;
  if (snapshot.pendingErasures.length === 0) return [`kept AS (${received} ${distinct})`];
  return [
    `received AS (${received})`,
    ...erasureTables(snapshot, events).map(([name, sql]) => `${name} AS (${sql})`),
    `keptOfUsers AS (SELECT * FROM received WHERE userId IS NOT NULL AND ${notErased('received', 'userId')})`,
    `kept AS (SELECT * FROM (FROM keptOfUsers UNION ALL ${keptSessionRows('received')}) ${distinct})`,
  ];
}

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
