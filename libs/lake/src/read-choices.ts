import type { DuckDBConnection, DuckDBDataChunk } from '@duckdb/node-api';
import { selectRows, sqlText, withDuckDb } from './duckdb.ts';
import type { DuckDbOptions } from './duckdb.ts';
import { countRows, defineEvents } from './define-events.ts';
import type { LakeWindow } from './lake-event.ts';
import { lakeUnreadable } from './lake-snapshot.ts';
import type { LakeSnapshot } from './lake-snapshot.ts';
import { queryChunks } from './stream-chunks.ts';

/** Events of a type, all of them or those whose value compares to a bound; an event without a value never does. */
export interface EventCondition {
  readonly type: string;
  readonly value?: { readonly comparison: '>=' | '<=' | '>' | '<' | '='; readonly bound: number };
}

export interface ChoiceRules {
  /** An event is a choice when one of them fits. */
  readonly positives: readonly EventCondition[];
  /** Who is no person: with more events on a day (UTC), of any type, or active in as many of its hours. */
  readonly bots: { readonly eventsPerDayMax: number; readonly noSleepHours: number };
}

/**
 * The choices of a window as columns: user u owns positions offsets[u] .. offsets[u + 1] - 1, in any order. With them go the
 * counts of everything else, so that nobody has to look at the events again.
 */
export interface LakeChoices {
  /** [U] in ascending order; as `userId` of `LakeEvent`. */
  readonly userIds: readonly string[];
  /** [I] each once. */
  readonly itemIds: readonly string[];
  /** [U + 1] */
  readonly offsets: Int32Array;
  /** [M] positions in `itemIds`. */
  readonly items: Int32Array;
  /** [M] epoch milliseconds. */
  readonly times: Float64Array;
  /** How many events there are of each type, in the order of the names; each `eventId` counts once, `identify` does not. */
  readonly eventTypes: ReadonlyMap<string, number>;
  /** The newest times of all rows that were read, repeated ones and `identify` among them, in epoch milliseconds; else 0. */
  readonly newest: { readonly occurredAt: number; readonly receivedAt: number };
  /** Rows that repeat an `eventId`. */
  readonly repeated: number;
  /** Users who are left out as bots, and their choices. */
  readonly bots: { readonly users: number; readonly choices: number };
}

/**
 * Reads the choices of a window. DuckDB filters, compares and numbers them within its memory limit, spilling to the disk; what
 * comes out are 12 bytes a choice and the ids.
 *
 * @throws AppError as `readLake`.
 */
export async function readChoices(
  snapshot: LakeSnapshot,
  window: LakeWindow,
  rules: ChoiceRules,
  options: DuckDbOptions = {},
): Promise<LakeChoices> {
  try {
    return await withDuckDb(options, async (connection) => {
      // No order is asked for, so none has to be kept.
      await connection.run('SET preserve_insertion_order = false');
      const events = await defineEvents(connection, snapshot, window);
      if (events === undefined) return noChoices;
      const eventTypes = await countTypes(connection);
      const bots = await defineChosen(connection, rules);
      return { ...events, eventTypes, bots, ...(await readColumns(connection)) };
    });
  } catch (error) {
    throw await lakeUnreadable(snapshot, error);
  }
}

const noChoices: LakeChoices = {
  userIds: [],
  itemIds: [],
  offsets: new Int32Array(1),
  items: new Int32Array(),
  times: new Float64Array(),
  eventTypes: new Map(),
  newest: { occurredAt: 0, receivedAt: 0 },
  repeated: 0,
  bots: { users: 0, choices: 0 },
};

async function countTypes(connection: DuckDBConnection): Promise<LakeChoices['eventTypes']> {
  const rows = await selectRows<{ type: string; events: number }>(
    connection,
    `SELECT type, count(*)::DOUBLE AS events FROM events GROUP BY type ORDER BY type`,
  );
  return new Map(rows.map(({ type, events }) => [type, events]));
}

/** The view `chosen(owner, itemId, occurredAt)`: positives of everybody but bots, who are counted. */
async function defineChosen(
  connection: DuckDBConnection,
  { positives, bots }: ChoiceRules,
): Promise<LakeChoices['bots']> {
  await connection.run(
    `CREATE TEMP VIEW positives AS SELECT owner, itemId, occurredAt FROM events ` +
      `WHERE ${positives.map(conditionSql).join(' OR ')}`,
  );
  await defineBots(connection, bots);
  const users = await countRows(connection, 'bots');
  await connection.run(
    users === 0
      ? 'CREATE TEMP VIEW chosen AS FROM positives'
      : 'CREATE TEMP VIEW chosen AS FROM positives WHERE owner NOT IN (FROM bots)',
  );
  const choices = users === 0 ? 0 : await countRows(connection, 'positives WHERE owner IN (FROM bots)');
  return { users, choices };
}

function conditionSql({ type, value }: EventCondition): string {
  const isOfType = `type = ${sqlText(type)}`;
  if (value === undefined) return `(${isOfType})`;
  // DuckDB takes NaN for the greatest number.
  return `(${isOfType} AND value ${value.comparison} ${sqlText(String(value.bound))}::DOUBLE AND NOT isnan(value))`;
}

/**
 * The table `bots(owner)`. Days are counted by the hashes of their users first: so many groups of two numbers fit into memory
 * where texts would not. Whose hash is suspicious is looked at again.
 */
async function defineBots(
  connection: DuckDBConnection,
  { eventsPerDayMax, noSleepHours }: ChoiceRules['bots'],
): Promise<void> {
  const suspicious = (who: string, condition: string): string =>
    `SELECT DISTINCT who FROM (SELECT ${who} AS who, hour // 24 AS day, count(*) AS events, ` +
    `bit_count(bit_or(1::INTEGER << (hour % 24)::INTEGER)) AS hours FROM ` +
    `(SELECT owner, (epoch_ms(occurredAt) + ${beforeAllTimesMs}) // 3600000 AS hour FROM events ${condition}) ` +
    `GROUP BY who, day) WHERE events > ${eventsPerDayMax} OR hours >= ${noSleepHours}`;
  await connection.run(`CREATE TEMP TABLE busyHashes AS ${suspicious('hash(owner)', '')}`);
  await connection.run(`CREATE TEMP TABLE bots AS ${suspicious('owner', 'WHERE hash(owner) IN (FROM busyHashes)')}`);
}

/** Whole days: times before 1970 are divided like all others. */
const beforeAllTimesMs = 1_000_000 * 86_400_000;

type Columns = Pick<LakeChoices, 'userIds' | 'itemIds' | 'offsets' | 'items' | 'times'>;

async function readColumns(connection: DuckDBConnection): Promise<Columns> {
  await connection.run(
    `CREATE TEMP TABLE people AS SELECT owner, count(*)::INTEGER AS choices, ` +
      `(row_number() OVER (ORDER BY owner) - 1)::INTEGER AS number FROM chosen GROUP BY owner`,
  );
  await connection.run(
    `CREATE TEMP TABLE things AS SELECT itemId, (row_number() OVER (ORDER BY itemId) - 1)::INTEGER AS number ` +
      `FROM (SELECT DISTINCT itemId FROM chosen)`,
  );
  const people = await readPeople(connection);
  const itemIds: string[] = [];
  for await (const chunk of queryChunks(connection, 'SELECT itemId FROM things ORDER BY number')) {
    for (const itemId of column(chunk, 0)) itemIds.push(itemId as string);
  }
  const { userIds, userOf, offsets } = people;
  const total = offsets.at(-1) ?? 0;
  const items = new Int32Array(total);
  const times = new Float64Array(total);
  const next = offsets.slice();
  const numbered =
    `SELECT people.number, things.number, epoch_ms(occurredAt)::DOUBLE FROM chosen ` +
    `JOIN people ON people.owner = chosen.owner JOIN things ON things.itemId = chosen.itemId`;
  for await (const chunk of queryChunks(connection, numbered)) {
    const [person, thing, time] = [chunk.getColumnVector(0), chunk.getColumnVector(1), chunk.getColumnVector(2)];
    for (let row = 0; row < chunk.rowCount; row++) {
      const position = next[userOf[person.getItem(row) as number]!]!++;
      items[position] = thing.getItem(row) as number;
      times[position] = time.getItem(row) as number;
    }
  }
  return { userIds, itemIds, offsets, items, times };
}

/** The users, in the order of JavaScript's strings, which is another than DuckDB's where characters are rare enough. */
async function readPeople(
  connection: DuckDBConnection,
): Promise<Pick<Columns, 'userIds' | 'offsets'> & { readonly userOf: Int32Array }> {
  const ids: string[] = [];
  const counts: number[] = [];
  for await (const chunk of queryChunks(connection, 'SELECT owner, choices FROM people ORDER BY number')) {
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
