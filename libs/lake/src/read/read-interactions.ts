import type { DuckDBConnection, DuckDBDataChunk, DuckDBVector } from '@duckdb/node-api';
import { AppError, dayMs, formatCount, hourMs } from '@facet/platform';
import { queryChunks, selectRows, sqlText } from '../duckdb.ts';
import type { DuckDbOptions } from '../duckdb.ts';
import { createTables, eventTables, stored, view } from './event-tables.ts';
import type { SqlTable } from './event-tables.ts';
import { filesToRead, queryFiles } from '../transaction-log/snapshot.ts';
import type { LakeSnapshot, LakeWindow } from '../transaction-log/snapshot.ts';

/**
 * Matches the events of a type whose value satisfies the bound. An event without a value satisfies none. Without a bound, all
 * events of the type match except those with a negative value.
 */
export interface EventCondition {
  readonly type: string;
  readonly value?: { readonly comparison: '>=' | '<=' | '>' | '<' | '='; readonly bound: number };
}

export interface InteractionRules {
  /** An event is an interaction when one of these conditions matches. */
  readonly positives: readonly EventCondition[];
  /** A user is a bot with more events on one UTC day, of any type, or with activity in at least this many of its hours. */
  readonly bots: { readonly eventsPerDayMax: number; readonly noSleepHours: number };
}

/**
 * The interactions of a window as columns: user u owns positions offsets[u] to offsets[u + 1] - 1, in any order. Counts of the
 * other events come along, so that callers need no second read.
 */
export interface LakeInteractions {
  /** [U] in ascending order, as in `LakeEvent.userId`. */
  readonly userIds: readonly string[];
  /** [I] distinct. */
  readonly itemIds: readonly string[];
  /** [U + 1] */
  readonly offsets: Int32Array;
  /** [M] positions in `itemIds`. */
  readonly items: Int32Array;
  /** [M] epoch milliseconds. */
  readonly times: Float64Array;
  /** [M] the number of the session of each interaction, 0 without one. */
  readonly sessions: Int32Array;
  /** Events of each type, by name, without `identify` and repeats. */
  readonly eventTypes: ReadonlyMap<string, number>;
  /** The newest times of all rows, including repeats and `identify`. Epoch milliseconds, 0 without rows. */
  readonly newest: { readonly occurredAt: number; readonly receivedAt: number };
  /** Rows that repeat an `eventId`. */
  readonly repeated: number;
  /** Users who are left out as bots, and their interactions. */
  readonly bots: { readonly users: number; readonly interactions: number };
}

/**
 * Reads the interactions of a window. DuckDB filters, compares and numbers them within its memory limit and spills to the disk.
 * The result takes 16 bytes per interaction, plus the ids.
 *
 * @throws AppError as `readLake`.
 */
export async function readInteractions(
  snapshot: LakeSnapshot,
  window: LakeWindow,
  rules: InteractionRules,
  options: DuckDbOptions = {},
): Promise<LakeInteractions> {
  return queryFiles(snapshot, filesToRead(snapshot, window), options, async (connection, opened) => {
    // No query depends on the order of rows.
    await connection.run('SET preserve_insertion_order = false');
    await createTables(connection, [...eventTables(opened, window), ...interactionTables(rules)]);
    return loadInteractions(connection, (name) => `(${interactionResults[name]})`);
  });
}

/** Returns the tables of interactions without bots, of their users and items, and of event types. They follow those of `eventTables`. */
export function interactionTables({ positives, bots }: InteractionRules): readonly SqlTable[] {
  return [
    stored('types', 'SELECT type, CAST(count(*) AS DOUBLE) AS events FROM events GROUP BY type'),
    view(
      'positives',
      `SELECT owner, itemId, occurredAt, sessionId FROM events WHERE ${positives.map(conditionSql).join(' OR ')}`,
    ),
    ...botTables(bots),
    {
      ...view(
        'interactions',
        `SELECT * FROM positives WHERE NOT EXISTS (SELECT 1 FROM bots WHERE bots.owner = positives.owner)`,
      ),
      ifEmpty: { table: 'bots', sql: 'SELECT * FROM positives' },
    },
    stored(
      'users',
      `SELECT owner, CAST(count(*) AS INT) AS interactions, CAST(row_number() OVER (ORDER BY owner) - 1 AS INT) AS number ` +
        `FROM interactions GROUP BY owner`,
    ),
    stored(
      'items',
      `SELECT itemId, CAST(row_number() OVER (ORDER BY itemId) - 1 AS INT) AS number ` +
        `FROM (SELECT DISTINCT itemId FROM interactions)`,
    ),
  ];
}

function conditionSql({ type, value }: EventCondition): string {
  const isOfType = `type = ${sqlText(type)}`;
  if (value === undefined) return `(${isOfType} AND (value IS NULL OR value >= 0))`;
  // Both engines order NaN above all numbers.
  return `(${isOfType} AND value ${value.comparison} CAST(${sqlText(String(value.bound))} AS DOUBLE) AND NOT isnan(value))`;
}

/**
 * Returns the tables up to `bots(owner)`. The first one groups by the hash of the user, because groups of numbers fit into memory
 * where groups of texts would not. The second one checks only users with a suspicious hash.
 */
function botTables({ eventsPerDayMax, noSleepHours }: InteractionRules['bots']): SqlTable[] {
  const suspicious = (who: string, condition: string): string =>
    `SELECT DISTINCT who FROM (SELECT ${who} AS who, hour - hour % 24 AS day, count(*) AS events, ` +
    `bit_count(bit_or(shiftleft(1, CAST(hour % 24 AS INT)))) AS hours FROM ` +
    `(SELECT owner, CAST((ms - ms % ${hourMs}) / ${hourMs} AS BIGINT) AS hour FROM ` +
    `(SELECT owner, unix_millis(occurredAt) + ${beforeAllTimesMs} AS ms FROM events ${condition})) ` +
    `GROUP BY who, day) WHERE events > ${eventsPerDayMax} OR hours >= ${noSleepHours}`;
  return [
    stored('busyHashes', suspicious('xxhash64(owner)', '')),
    stored(
      'bots',
      `SELECT who AS owner FROM (${suspicious('owner', 'WHERE xxhash64(owner) IN (SELECT who FROM busyHashes)')})`,
    ),
  ];
}

/** Added to times so that the remainder is positive for times before 1970, too. A multiple of whole days. */
const beforeAllTimesMs = 1_000_000 * dayMs;

/** Two sessions of a user can have one number by chance, which only moves a cut of a benchmark. */
const sessionNumberMax = 2 ** 31 - 2;

/** Queries over the tables, whose rows {@link loadInteractions} combines. */
export const interactionResults = {
  counts:
    `SELECT CAST((SELECT count(*) FROM repeated) AS DOUBLE) AS repeated, ` +
    `CAST((SELECT count(*) FROM users) AS DOUBLE) AS users, CAST((SELECT count(*) FROM items) AS DOUBLE) AS items, ` +
    `(SELECT sum(events) FROM types) AS events, CAST((SELECT count(*) FROM bots) AS DOUBLE) AS botUsers, ` +
    `CAST((SELECT count(*) FROM positives WHERE owner IN (SELECT owner FROM bots)) AS DOUBLE) AS botInteractions, ` +
    `CAST(coalesce(unix_millis(max(occurredAt)), 0) AS DOUBLE) AS occurredAt, ` +
    `CAST(coalesce(unix_millis(max(receivedAt)), 0) AS DOUBLE) AS receivedAt FROM kept`,
  types: 'SELECT type, events FROM types',
  users: 'SELECT owner, interactions, number FROM users',
  items: 'SELECT itemId, number FROM items',
  numbered:
    `SELECT users.number AS userNumber, items.number AS itemNumber, CAST(unix_millis(occurredAt) AS DOUBLE) AS time, ` +
    `CASE WHEN sessionId IS NULL THEN 0 ELSE CAST(1 + abs(xxhash64(sessionId) % ${sessionNumberMax}) AS INT) END AS sessionNumber ` +
    `FROM interactions JOIN users ON users.owner = interactions.owner JOIN items ON items.itemId = interactions.itemId`,
} as const;

interface Counts {
  readonly repeated: number;
  readonly users: number;
  readonly items: number;
  /** Null for none. */
  readonly events: number | null;
  readonly botUsers: number;
  readonly botInteractions: number;
  readonly occurredAt: number;
  readonly receivedAt: number;
}

/**
 * Reads the rows of the results with DuckDB.
 *
 * @param tableOf returns SQL for the table of a result
 * @throws AppError `EVENTS_INTERACTIONS_TOO_MANY`; {@link MissingRowsError}
 */
export async function loadInteractions(
  connection: DuckDBConnection,
  tableOf: (name: keyof typeof interactionResults) => string,
): Promise<LakeInteractions> {
  const [counts] = await selectRows<Counts>(connection, `FROM ${tableOf('counts')}`);
  if (counts === undefined) throw new MissingRowsError('the results have no counts');
  const types = await selectRows<{ type: string; events: number }>(
    connection,
    `FROM ${tableOf('types')} ORDER BY type`,
  );
  const { userIds, userOf, offsets } = await loadUsers(connection, tableOf('users'));
  const itemIds: string[] = [];
  for await (const chunk of queryChunks(connection, `SELECT itemId FROM ${tableOf('items')} ORDER BY number`)) {
    for (const itemId of column(chunk, 0)) itemIds.push(itemId as string);
  }
  const total = offsets.at(-1) ?? 0;
  const items = new Int32Array(total);
  const times = new Float64Array(total);
  const sessions = new Int32Array(total);
  const next = offsets.slice();
  let interactions = 0;
  for await (const chunk of queryChunks(connection, `FROM ${tableOf('numbered')}`)) {
    const [user, item, time, session] = [0, 1, 2, 3].map((index) => chunk.getColumnVector(index)) as [
      DuckDBVector,
      DuckDBVector,
      DuckDBVector,
      DuckDBVector,
    ];
    for (let row = 0; row < chunk.rowCount; row++) {
      const position = next[userOf[user.getItem(row) as number]!]!++;
      items[position] = item.getItem(row) as number;
      times[position] = time.getItem(row) as number;
      sessions[position] = session.getItem(row) as number;
    }
    interactions += chunk.rowCount;
  }
  checkRows('users', userIds.length, counts.users);
  checkRows('items', itemIds.length, counts.items);
  checkRows('interactions', interactions, total);
  checkRows(
    'events',
    types.reduce((sum, { events }) => sum + events, 0),
    counts.events ?? 0,
  );
  const { repeated, botUsers, botInteractions, occurredAt, receivedAt } = counts;
  return {
    userIds,
    itemIds,
    offsets,
    items,
    times,
    sessions,
    eventTypes: new Map(types.map(({ type, events }) => [type, events])),
    newest: { occurredAt, receivedAt },
    repeated,
    bots: { users: botUsers, interactions: botInteractions },
  };
}

/** Some rows of a result are missing. */
export class MissingRowsError extends Error {}

/** @throws {@link MissingRowsError} A file of a result can be missing if another machine wrote it. */
export function checkRows(what: string, found: number, counted: number): void {
  if (found !== counted) throw new MissingRowsError(`the results have ${found} of ${counted} ${what}`);
}

/** The largest number that an `Int32Array` of offsets can contain. */
const interactionsMax = 2 ** 31 - 1;

function tooMany(interactions: number): AppError {
  return new AppError(`${formatCount(interactions)} interactions are more than a dataset can have.`, {
    code: 'EVENTS_INTERACTIONS_TOO_MANY',
    category: 'input',
    remedy: `A dataset can have ${formatCount(interactionsMax)}. Make interactions.positives in facet.yaml narrower.`,
  });
}

/** Returns the users in the order of JavaScript strings, which differs from DuckDB's for characters beyond U+FFFF. */
async function loadUsers(
  connection: DuckDBConnection,
  table: string,
): Promise<Pick<LakeInteractions, 'userIds' | 'offsets'> & { readonly userOf: Int32Array }> {
  const ids: string[] = [];
  const counts: number[] = [];
  for await (const chunk of queryChunks(connection, `SELECT owner, interactions FROM ${table} ORDER BY number`)) {
    for (const id of column(chunk, 0)) ids.push(id as string);
    for (const count of column(chunk, 1)) counts.push(count as number);
  }
  const total = counts.reduce((sum, count) => sum + count, 0);
  if (total > interactionsMax) throw tooMany(total);
  const order = Int32Array.from(ids.keys());
  if (ids.some((id, number) => number > 0 && id < ids[number - 1]!)) {
    order.sort((a, b) => (ids[a]! < ids[b]! ? -1 : 1));
  }
  const userOf = new Int32Array(ids.length);
  const offsets = new Int32Array(ids.length + 1);
  order.forEach((number, user) => {
    userOf[number] = user;
    offsets[user + 1] = offsets[user]! + counts[number]!;
  });
  return { userIds: Array.from(order, (number) => ids[number]!), userOf, offsets };
}

function* column(chunk: DuckDBDataChunk, index: number): Generator<unknown> {
  const vector = chunk.getColumnVector(index);
  for (let row = 0; row < chunk.rowCount; row++) yield vector.getItem(row);
}
