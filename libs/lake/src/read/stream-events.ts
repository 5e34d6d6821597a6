import type { DuckDBVector } from '@duckdb/node-api';
import { identifyType, sessionUserPrefix } from '@facet/schemas';
import type { Event } from '@facet/schemas';
import { sqlText } from '../duckdb.ts';
import type { DuckDbOptions } from '../duckdb.ts';
import { streamChunks } from './read-lake.ts';
import {
  erasureTables,
  keptSessionRows,
  notErased,
  parquetTable,
  placeOfRepeat,
  where,
  windowConditions,
} from './sql.ts';
import { filesOfWindow, openLakeSnapshot } from '../transaction-log/snapshot.ts';
import type { LakeSnapshot, LakeWindow } from '../transaction-log/snapshot.ts';

/** An event and its user id, or `session:<sessionId>` for an anonymous event. */
export interface OwnedEvent {
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
  const snapshot = typeof lake === 'string' ? await openLakeSnapshot(lake) : lake;
  const prepare = async (opened: LakeSnapshot): Promise<string | undefined> => ownedEventsQuery(opened, window);
  for await (const chunk of streamChunks(snapshot, window, prepare, options)) {
    const columns = Array.from({ length: columnCount }, (_, index) => chunk.getColumnVector(index));
    yield Array.from({ length: chunk.rowCount }, (_, row) => toOwnedEvent(columns, row));
  }
}

const columnCount = 9;

function toOwnedEvent(columns: readonly DuckDBVector[], row: number): OwnedEvent {
  const [owner, eventId, type, userId, itemId, sessionId, occurredAt, receivedAt, value] = columns.map((column) =>
    column.getItem(row),
  ) as [string, string, string, string | null, string | null, string | null, number, number, number | null];
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
  const snapshot = typeof lake === 'string' ? await openLakeSnapshot(lake) : lake;
  const prepare = async (opened: LakeSnapshot): Promise<string | undefined> => outcomeQuery(opened, window, types);
  for await (const chunk of streamChunks(snapshot, window, prepare, options)) {
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
  const distinct = `QUALIFY ${placeOfRepeat} = 1 OR type = ${sqlText(identifyType)}`;
  if (snapshot.pendingErasures.length === 0) return [`kept AS (${received} ${distinct})`];
  return [
    `received AS (${received})`,
    ...erasureTables(snapshot, events).map(([name, sql]) => `${name} AS (${sql})`),
    `keptOfUsers AS (SELECT * FROM received WHERE userId IS NOT NULL AND ${notErased('received', 'userId')})`,
    `kept AS (SELECT * FROM (FROM keptOfUsers UNION ALL ${keptSessionRows('received')}) ${distinct})`,
  ];
}
