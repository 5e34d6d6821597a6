import type { DuckDBConnection } from '@duckdb/node-api';
import { fileLogTopic } from '@facet/event-log';
import { dayMs, minuteMs, utcDay } from '@facet/platform';
import { identifyType, sessionUserPrefix } from '@facet/schemas';
import type { IntakeCount } from '@facet/schemas';
import { streamItems } from '../catalog/read-catalog.ts';
import { countRows, selectRows, sqlText } from '../duckdb.ts';
import { dayOf } from '../layout.ts';
import { erasedOwners, notErased, parquetTable, where } from '../read/sql.ts';
import { isErasurePending } from '../transaction-log/state.ts';
import type { LakeState, LakeStateFile } from '../transaction-log/state.ts';
import { backfillAfterDays, lateAfterMinutes, noSleepHours } from './health-report.ts';
import type { DataHealthSettings, DayMeasures, HealthJoin, SuspiciousDayUser } from './health-report.ts';
import { busyEventsPerMinute, suspiciousShare, suspiciousUsersMin, sustainedMinutes } from './user-rates.ts';

/** A day is compared with this many days before it. */
const trailingDays = 7;

const examplesMax = 20;
/** The events that count as the outcome of a recommendation. */
const outcomeTypes = ['click', 'add_to_cart', 'purchase'];
const latenessBounds = [1, 10, 60, 600, 3600, 6 * 3600, 86_400, 7 * 86_400].map((seconds) => seconds * 1000);

interface MeasureSources {
  readonly lakeFolder: string;
  readonly catalogFolder: string;
  readonly state: LakeState;
}

/** Returns the files of the lake that {@link measureDay} reads. */
export function filesAround(state: LakeState, day: string) {
  const dayStart = Date.parse(`${day}T00:00:00Z`);
  const files = [...state.files.values()];
  const filesOf = (isWanted: (of: string) => boolean): LakeStateFile[] =>
    files.filter(({ path }) => isWanted(dayOf(path)));
  const [weekBefore, dayAfter] = [utcDay(dayStart - trailingDays * dayMs), utcDay(dayStart + dayMs)];
  const found = {
    day: filesOf((of) => of === day),
    weekBefore: filesOf((of) => of >= weekBefore && of < day),
    dayAfter: filesOf((of) => of === dayAfter),
    receivedForOlderDays: filesOf((of) => of < day).filter(
      ({ receivedFrom, receivedTo }) => receivedTo >= dayStart && receivedFrom < dayStart + dayMs,
    ),
  };
  return { ...found, all: [...new Set(Object.values(found).flat())] };
}

/** Measures one day of the lake in `state`. Creates temporary tables, so the connection needs a new database. */
export async function measureDay(
  connection: DuckDBConnection,
  { lakeFolder, catalogFolder, state }: MeasureSources,
  { day, settings, now }: { readonly day: string; readonly settings: DataHealthSettings; readonly now: number },
): Promise<DayMeasures> {
  const dayStart = Date.parse(`${day}T00:00:00Z`);
  const { day: dayFiles, weekBefore, dayAfter, receivedForOlderDays } = filesAround(state, day);
  const views = {
    week_before: rowsSql(lakeFolder, weekBefore),
    day_after: rowsSql(lakeFolder, dayAfter),
    received_for_older_days: `SELECT * FROM (${rowsSql(lakeFolder, receivedForOlderDays)})
      WHERE receivedMs >= ${dayStart} AND receivedMs < ${dayStart + dayMs}`,
  };
  const erasures = [...state.erasures.values()].filter((erasure) =>
    dayFiles.some((file) => isErasurePending(erasure, file)),
  );
  const conditions = erasures.length === 0 ? [] : [notErased('measured', 'who')];
  if (erasures.length > 0) {
    const people = erasedOwners(erasures, [parquetTable(lakeFolder, dayFiles)], state.erasureKey);
    await connection.run(`CREATE TEMP TABLE erased AS ${people}`);
  }
  await connection.run(dayTableSql(rowsSql(lakeFolder, dayFiles), conditions));
  for (const [name, sql] of Object.entries(views)) await connection.run(`CREATE TEMP VIEW ${name} AS ${sql}`);

  const [totals] = await selectRows<{
    rows: number;
    count: number;
    users: number;
    items: number;
    anonymous: number;
    anonymousSessions: number;
    identifies: number;
  }>(
    connection,
    `SELECT coalesce(sum(copies), 0)::DOUBLE AS rows, count(*)::DOUBLE AS count,
       count(DISTINCT who) FILTER (NOT isAnonymous)::DOUBLE AS users, count(DISTINCT itemId)::DOUBLE AS items,
       count(*) FILTER (isAnonymous)::DOUBLE AS anonymous,
       count(DISTINCT who) FILTER (isAnonymous)::DOUBLE AS anonymousSessions,
       count(*) FILTER (type = ${sqlText(identifyType)})::DOUBLE AS identifies FROM day`,
  );
  if (totals === undefined) throw new Error('DuckDB returned no row for an aggregate');
  const { rows, count, users, items, anonymous, anonymousSessions, identifies } = totals;
  const elapsedMs = Math.min(Math.max(now - dayStart, 0), dayMs);
  return {
    day,
    checkedAt: now,
    isOver: elapsedMs === dayMs,
    events: { rows, count, users, items },
    types: await selectRows(
      connection,
      'SELECT type, count(*)::DOUBLE AS count FROM day GROUP BY type ORDER BY count DESC, type',
    ),
    volume: await measureVolume(connection, { rows, elapsedMs }),
    intake: sumIntake(state.intake.get(day) ?? []),
    duplicates: await measureDuplicates(connection, { rows, count }),
    lateness: await measureLateness(connection, settings),
    ...(await measureUnknownItems(connection, catalogFolder)),
    joins: await measureJoins(connection),
    suspiciousUsers: await findSuspiciousUsers(connection, { noSleepHours, events: count }),
    identity: { anonymous, anonymousShare: share(anonymous, count), anonymousSessions, identifies },
  };
}

/** Returns SQL for the measured columns of the rows in these files. */
function rowsSql(lakeFolder: string, files: readonly LakeStateFile[]): string {
  const columns = `eventId, type, userId, coalesce(userId, ${sqlText(sessionUserPrefix)} || sessionId) AS who, itemId,
    recommendationId, receivedAt, epoch_ms(occurredAt) AS occurredMs, epoch_ms(receivedAt) AS receivedMs,
    regexp_full_match(logSource, ${sqlText(`${fileLogTopic}-\\d+`)}) AS isImported`;
  return `SELECT ${columns} FROM ${parquetTable(lakeFolder, files)}`;
}

/**
 * Returns SQL that creates the table `day`: each event of the day once, as first received.
 *
 * @param conditions may refer to the rows as `measured`
 */
function dayTableSql(rows: string, conditions: readonly string[]): string {
  return `CREATE TEMP TABLE day AS SELECT unnest(first), copies FROM (
    SELECT count(*) AS copies, arg_min({
      eventId: eventId, type: type, itemId: itemId, recommendationId: recommendationId, occurredMs: occurredMs,
      receivedMs: receivedMs, isImported: isImported, who: who, isAnonymous: userId IS NULL
    }, receivedMs) AS first FROM (${rows}) AS measured ${where(conditions)}
    GROUP BY eventId)`;
}

async function measureVolume(
  connection: DuckDBConnection,
  { rows, elapsedMs }: { readonly rows: number; readonly elapsedMs: number },
): Promise<DayMeasures['volume']> {
  const counts = await selectRows<{ dayNumber: number; count: number }>(
    connection,
    `SELECT (occurredMs // ${dayMs})::DOUBLE AS dayNumber, count(*) FILTER (occurredMs % ${dayMs} < ${elapsedMs})::DOUBLE AS count
     FROM week_before GROUP BY ALL ORDER BY dayNumber`,
  );
  const days = counts.map(({ dayNumber, count }) => ({ day: utcDay(dayNumber * dayMs), count }));
  if (days.length === 0) return { trailing: days };
  const trailingMean = days.reduce((sum, { count }) => sum + count, 0) / days.length;
  return { trailing: days, trailingMean, ratio: trailingMean === 0 ? undefined : rows / trailingMean };
}

async function measureDuplicates(
  connection: DuckDBConnection,
  { rows, count }: { readonly rows: number; readonly count: number },
): Promise<DayMeasures['duplicates']> {
  const insideDay = rows - count;
  const ofOtherDays = await countRows(connection, 'day SEMI JOIN week_before USING (eventId)');
  return { insideDay, ofOtherDays, share: share(insideDay + ofOtherDays, rows) };
}

async function measureLateness(
  connection: DuckDBConnection,
  { strictness }: DataHealthSettings,
): Promise<DayMeasures['lateness']> {
  const lateMs = lateAfterMinutes[strictness] * minuteMs;
  const backfillMs = backfillAfterDays * dayMs;
  const bucket = latenessBounds.map((bound, index) => `WHEN delayMs <= ${bound} THEN ${index}`).join(' ');
  const counts = await selectRows<{ bucket: number; count: number; late: number; backfilled: number; ahead: number }>(
    connection,
    `SELECT (CASE ${bucket} ELSE ${latenessBounds.length} END)::DOUBLE AS bucket, count(*)::DOUBLE AS count,
       count(*) FILTER (delayMs > ${lateMs} AND NOT isBackfilled)::DOUBLE AS late,
       count(*) FILTER (isBackfilled)::DOUBLE AS backfilled, count(*) FILTER (delayMs < 0)::DOUBLE AS ahead
     FROM (SELECT receivedMs - occurredMs AS delayMs, isImported OR delayMs > ${backfillMs} AS isBackfilled FROM day)
     GROUP BY ALL`,
  );
  const sum = (field: 'count' | 'late' | 'backfilled' | 'ahead'): number =>
    counts.reduce((total, row) => total + row[field], 0);
  return {
    late: sum('late'),
    lateShare: share(sum('late'), sum('count') - sum('backfilled')),
    backfilled: sum('backfilled'),
    ahead: sum('ahead'),
    histogram: [...latenessBounds, undefined].map((upToMs, index) => ({
      upToMs,
      count: counts.find((row) => row.bucket === index)?.count ?? 0,
    })),
    receivedForOlderDays: await countRows(connection, 'received_for_older_days'),
  };
}

async function measureUnknownItems(
  connection: DuckDBConnection,
  catalogFolder: string,
): Promise<Pick<DayMeasures, 'unknownItems'>> {
  const known = new Set<string>();
  for await (const items of streamItems(catalogFolder)) for (const { itemId } of items) known.add(itemId);
  if (known.size === 0) return {};
  const items = await selectRows<{ itemId: string; events: number }>(
    connection,
    `SELECT itemId, count(*)::DOUBLE AS events FROM day WHERE itemId IS NOT NULL GROUP BY itemId ORDER BY events DESC, itemId`,
  );
  const unknown = items.filter(({ itemId }) => !known.has(itemId));
  const eventsOf = (rows: readonly { readonly events: number }[]): number =>
    rows.reduce((sum, { events }) => sum + events, 0);
  return {
    unknownItems: {
      ids: unknown.length,
      events: eventsOf(unknown),
      share: share(eventsOf(unknown), eventsOf(items)),
      examples: unknown.slice(0, examplesMax),
    },
  };
}

async function measureJoins(connection: DuckDBConnection): Promise<DayMeasures['joins']> {
  const columns = 'recommendationId, itemId';
  const pairs = (rows: string, types: readonly string[]): string =>
    `SELECT ${columns} FROM ${rows} WHERE type IN (${types.map(sqlText).join(', ')}) AND recommendationId IS NOT NULL AND itemId IS NOT NULL`;
  const joinOf = async (left: string, right: readonly string[]): Promise<HealthJoin> => {
    const [found] = await selectRows<{ count: number; joined: number }>(
      connection,
      `WITH sought AS (${left}), candidates AS (${right.join(' UNION ALL ')})
       SELECT (SELECT count(*) FROM sought)::DOUBLE AS count,
         (SELECT count(*) FROM sought SEMI JOIN candidates USING (${columns}))::DOUBLE AS joined`,
    );
    const { count, joined } = found ?? { count: 0, joined: 0 };
    return { count, joined, rate: count === 0 ? undefined : joined / count };
  };
  const exposures = pairs('day', ['impression']);
  const outcomes = pairs('day', outcomeTypes);
  return {
    exposures: await joinOf(exposures.replace('SELECT', 'SELECT DISTINCT'), [
      outcomes,
      pairs('day_after', outcomeTypes),
    ]),
    outcomes: await joinOf(outcomes, [exposures, pairs('week_before', ['impression'])]),
  };
}

function sumIntake(counts: readonly IntakeCount[]): DayMeasures['intake'] {
  const producers = new Map<string, { accepted: number; duplicate: number; refused: number }>();
  const total = { accepted: 0, duplicate: 0, refused: 0 };
  for (const { producer, outcome, count } of counts) {
    const ofProducer = producers.get(producer) ?? { accepted: 0, duplicate: 0, refused: 0 };
    producers.set(producer, ofProducer);
    ofProducer[outcome] += count;
    total[outcome] += count;
  }
  return {
    ...total,
    refusedShare: share(total.refused, total.accepted + total.duplicate + total.refused),
    producers: [...producers]
      .map(([producer, ofProducer]) => ({ producer, ...ofProducer }))
      .sort((a, b) => (a.producer < b.producer ? -1 : 1)),
    refusals: counts
      .filter(({ outcome }) => outcome === 'refused')
      .map(({ producer, field, reason, count }) => ({ producer, field, reason, count }))
      .sort((a, b) => b.count - a.count),
  };
}

function share(part: number, whole: number): number {
  return whole === 0 ? 0 : part / whole;
}

interface UserRow {
  readonly who: string;
  readonly events: number;
  readonly hours: number;
  readonly eventsPerMinuteMax: number | null;
}

/** Finds suspicious users of the table `day`: by the rules of the validation report, or active around the clock. */
export async function findSuspiciousUsers(
  connection: DuckDBConnection,
  { noSleepHours, events }: { readonly noSleepHours: number; readonly events: number },
): Promise<DayMeasures['suspiciousUsers']> {
  const [known] = await selectRows<{ users: number }>(
    connection,
    `SELECT count(DISTINCT who)::DOUBLE AS users FROM day`,
  );
  const shareMin = (known?.users ?? 0) < suspiciousUsersMin ? 1 : suspiciousShare;
  const rows = await selectRows<UserRow>(
    connection,
    `WITH minutes AS (
       SELECT who, occurredMs // 60000 AS minute, count(*) AS events FROM day GROUP BY ALL
       HAVING count(*) >= ${busyEventsPerMinute}
     ), runs AS (
       SELECT who, events, minute - row_number() OVER (PARTITION BY who ORDER BY minute) AS run FROM minutes
     ), stretches AS (
       SELECT who, max(events) AS eventsPerMinuteMax FROM runs GROUP BY who, run HAVING count(*) >= ${sustainedMinutes}
     ), sustained AS (
       SELECT who, max(eventsPerMinuteMax) AS eventsPerMinuteMax FROM stretches GROUP BY who
     ), activity AS (
       SELECT who, count(*) AS events, count(DISTINCT occurredMs // 3600000) AS hours FROM day GROUP BY who
     )
     SELECT who, events::DOUBLE AS events, hours::DOUBLE AS hours, eventsPerMinuteMax::DOUBLE AS eventsPerMinuteMax
     FROM activity LEFT JOIN sustained USING (who)
     WHERE events > ${shareMin * events} OR hours >= ${noSleepHours} OR eventsPerMinuteMax IS NOT NULL
     ORDER BY events DESC, who`,
  );
  const ofSuspicious = rows.reduce((sum, row) => sum + row.events, 0);
  return {
    users: rows.length,
    events: ofSuspicious,
    share: share(ofSuspicious, events),
    examples: rows.slice(0, examplesMax).map((row): SuspiciousDayUser => ({
      userId: row.who,
      events: row.events,
      share: row.events / events,
      activeHours: row.hours,
      reasons: [
        ...(row.events > shareMin * events ? (['share-of-all-events'] as const) : []),
        ...(row.eventsPerMinuteMax === null ? [] : (['sustained-rate'] as const)),
        ...(row.hours >= noSleepHours ? (['no-sleep'] as const) : []),
      ],
      eventsPerMinuteMax: row.eventsPerMinuteMax ?? undefined,
    })),
  };
}
