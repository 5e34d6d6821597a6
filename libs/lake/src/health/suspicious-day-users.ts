import type { DuckDBConnection } from '@duckdb/node-api';
import { selectRows } from '../duckdb.ts';
import type { DayMeasures, SuspiciousDayUser } from './health-report.ts';
import { busyEventsPerMinute, suspiciousShare, suspiciousUsersMin, sustainedMinutes } from './user-rates.ts';

const examplesMax = 20;

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
    share: events === 0 ? 0 : ofSuspicious / events,
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
