import type { DuckDBConnection, DuckDBDataChunk } from '@duckdb/node-api';
import { dayMs, hourMs } from '@facet/platform';
import { queryChunks, selectRows, sqlText, withDuckDb } from '../duckdb.ts';
import type { DuckDbOptions } from '../duckdb.ts';
import { countRows, defineEvents } from './define-events.ts';
import { lakeUnreadable } from '../transaction-log/snapshot.ts';
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
 * The result takes 12 bytes per interaction, plus the ids.
 *
 * @throws AppError as `readLake`.
 */
export async function readInteractions(
  snapshot: LakeSnapshot,
  window: LakeWindow,
  rules: InteractionRules,
  options: DuckDbOptions = {},
): Promise<LakeInteractions> {
  try {
    return await withDuckDb(options, async (connection) => {
      // No query depends on the order of rows.
      await connection.run('SET preserve_insertion_order = false');
      const events = await defineEvents(connection, snapshot, window);
      if (events === undefined) return noInteractions;
      const eventTypes = await countTypes(connection);
      const bots = await defineInteractions(connection, rules);
      return { ...events, eventTypes, bots, ...(await readColumns(connection)) };
    });
  } catch (error) {
    throw await lakeUnreadable(snapshot, error);
  }
}

const noInteractions: LakeInteractions = {
  userIds: [],
  itemIds: [],
  offsets: new Int32Array(1),
  items: new Int32Array(),
  times: new Float64Array(),
  eventTypes: new Map(),
  newest: { occurredAt: 0, receivedAt: 0 },
  repeated: 0,
  bots: { users: 0, interactions: 0 },
};

async function countTypes(connection: DuckDBConnection): Promise<LakeInteractions['eventTypes']> {
  const rows = await selectRows<{ type: string; events: number }>(
    connection,
    `SELECT type, count(*)::DOUBLE AS events FROM events GROUP BY type ORDER BY type`,
  );
  return new Map(rows.map(({ type, events }) => [type, events]));
}

/** Creates the view `interactions(owner, itemId, occurredAt)` without bots. Returns the counts of bots. */
async function defineInteractions(
  connection: DuckDBConnection,
  { positives, bots }: InteractionRules,
): Promise<LakeInteractions['bots']> {
  await connection.run(
    `CREATE TEMP VIEW positives AS SELECT owner, itemId, occurredAt FROM events ` +
      `WHERE ${positives.map(conditionSql).join(' OR ')}`,
  );
  await defineBots(connection, bots);
  const users = await countRows(connection, 'bots');
  await connection.run(
    users === 0
      ? 'CREATE TEMP VIEW interactions AS FROM positives'
      : 'CREATE TEMP VIEW interactions AS FROM positives WHERE owner NOT IN (FROM bots)',
  );
  const interactions = users === 0 ? 0 : await countRows(connection, 'positives WHERE owner IN (FROM bots)');
  return { users, interactions };
}

function conditionSql({ type, value }: EventCondition): string {
  const isOfType = `type = ${sqlText(type)}`;
  if (value === undefined) return `(${isOfType} AND (value IS NULL OR value >= 0))`;
  // DuckDB orders NaN above all numbers.
  return `(${isOfType} AND value ${value.comparison} ${sqlText(String(value.bound))}::DOUBLE AND NOT isnan(value))`;
}

/**
 * Creates the table `bots(owner)`. The first query groups by the hash of the user, because groups of numbers fit into memory
 * where groups of texts would not. The second query checks only users with a suspicious hash.
 */
async function defineBots(
  connection: DuckDBConnection,
  { eventsPerDayMax, noSleepHours }: InteractionRules['bots'],
): Promise<void> {
  const suspicious = (who: string, condition: string): string =>
    `SELECT DISTINCT who FROM (SELECT ${who} AS who, hour // 24 AS day, count(*) AS events, ` +
    `bit_count(bit_or(1::INTEGER << (hour % 24)::INTEGER)) AS hours FROM ` +
    `(SELECT owner, (epoch_ms(occurredAt) + ${beforeAllTimesMs}) // ${hourMs} AS hour FROM events ${condition}) ` +
    `GROUP BY who, day) WHERE events > ${eventsPerDayMax} OR hours >= ${noSleepHours}`;
  await connection.run(`CREATE TEMP TABLE busyHashes AS ${suspicious('hash(owner)', '')}`);
  await connection.run(`CREATE TEMP TABLE bots AS ${suspicious('owner', 'WHERE hash(owner) IN (FROM busyHashes)')}`);
}

/** Added to times so that integer division works for times before 1970, too. A multiple of whole days. */
const beforeAllTimesMs = 1_000_000 * dayMs;

type Columns = Pick<LakeInteractions, 'userIds' | 'itemIds' | 'offsets' | 'items' | 'times'>;

async function readColumns(connection: DuckDBConnection): Promise<Columns> {
  await connection.run(
    `CREATE TEMP TABLE users AS SELECT owner, count(*)::INTEGER AS interactions, ` +
      `(row_number() OVER (ORDER BY owner) - 1)::INTEGER AS number FROM interactions GROUP BY owner`,
  );
  await connection.run(
    `CREATE TEMP TABLE items AS SELECT itemId, (row_number() OVER (ORDER BY itemId) - 1)::INTEGER AS number ` +
      `FROM (SELECT DISTINCT itemId FROM interactions)`,
  );
  const users = await readUsers(connection);
  const itemIds: string[] = [];
  for await (const chunk of queryChunks(connection, 'SELECT itemId FROM items ORDER BY number')) {
    for (const itemId of column(chunk, 0)) itemIds.push(itemId as string);
  }
  const { userIds, userOf, offsets } = users;
  const total = offsets.at(-1) ?? 0;
  const items = new Int32Array(total);
  const times = new Float64Array(total);
  const next = offsets.slice();
  const numbered =
    `SELECT users.number, items.number, epoch_ms(occurredAt)::DOUBLE FROM interactions ` +
    `JOIN users ON users.owner = interactions.owner JOIN items ON items.itemId = interactions.itemId`;
  for await (const chunk of queryChunks(connection, numbered)) {
    const [user, item, time] = [chunk.getColumnVector(0), chunk.getColumnVector(1), chunk.getColumnVector(2)];
    for (let row = 0; row < chunk.rowCount; row++) {
      const position = next[userOf[user.getItem(row) as number]!]!++;
      items[position] = item.getItem(row) as number;
      times[position] = time.getItem(row) as number;
    }
  }
  return { userIds, itemIds, offsets, items, times };
}

/** Returns the users in the order of JavaScript strings, which differs from DuckDB's for characters beyond U+FFFF. */
async function readUsers(
  connection: DuckDBConnection,
): Promise<Pick<Columns, 'userIds' | 'offsets'> & { readonly userOf: Int32Array }> {
  const ids: string[] = [];
  const counts: number[] = [];
  for await (const chunk of queryChunks(connection, 'SELECT owner, interactions FROM users ORDER BY number')) {
    for (const id of column(chunk, 0)) ids.push(id as string);
    for (const count of column(chunk, 1)) counts.push(count as number);
  }
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
