import { createReportQueue } from '@facet/http';
import type { ReportQueue } from '@facet/http';
import { dayHealth, storeDayHealth } from '@facet/lake';
import type { DataHealthSettings, DayHealth } from '@facet/lake';
import { dayMs, utcDay } from '@facet/platform';
import type { Logger } from '@facet/platform';
import { Counter, Gauge } from 'prom-client';
import type { Registry } from 'prom-client';

export interface DataHealthReaderDeps {
  readonly lakeFolder: string;
  readonly catalogFolder: string;
  readonly settings: DataHealthSettings;
  /** Returns the time in epoch milliseconds. */
  readonly now: () => number;
}

/** The health of days (`YYYY-MM-DD`, UTC), computed in little memory. Its reports throw as `dayHealth` of `@facet/lake`. */
export type DataHealthReader = ReportQueue<string, DayHealth>;

/** Limits the memory when callers request many past days. */
const keptMax = 32;
const duckDb = { memoryLimit: '512MB', threads: 1 };

export function createDataHealthReader(
  { lakeFolder, catalogFolder, settings, now }: DataHealthReaderDeps,
  { freshMs }: { readonly freshMs: number },
): DataHealthReader {
  return createReportQueue(
    (day: string, signal: AbortSignal) =>
      dayHealth(lakeFolder, catalogFolder, day, { ...duckDb, settings, now, signal }),
    { now, freshMs, keptMax },
  );
}

export interface DataHealthRefresherDeps {
  readonly reader: DataHealthReader;
  readonly metrics: DataHealthMetrics;
  /** The folder in which `facet` and the console find the reports. */
  readonly healthFolder: string;
  readonly logger: Logger;
  /** Returns the time in epoch milliseconds. */
  readonly now: () => number;
}

export interface DataHealthRefresher {
  /** Stops checking and drops the report of the current check. That check may run for minutes more, but it only reads. */
  close(): void;
}

/**
 * Checks yesterday and today repeatedly. A failed check is counted, and repeated at the next refresh.
 *
 * @param options.intervalMs time between the end of one refresh and the start of the next
 */
export function startDataHealthRefresher(
  { reader, metrics, healthFolder, logger, now }: DataHealthRefresherDeps,
  { intervalMs }: { readonly intervalMs: number },
): DataHealthRefresher {
  let isClosed = false;
  let timer: NodeJS.Timeout | undefined;

  const check = async (name: MetricDay, at: number): Promise<void> => {
    const day = utcDay(at);
    try {
      const health = await reader.read(day);
      if (isClosed) return;
      metrics.set(name, health);
      await storeDayHealth(healthFolder, health);
      if (health.verdict !== 'ok') {
        logger.info({ day, verdict: health.verdict, reasons: health.reasons }, 'data health');
      }
    } catch (error) {
      if (isClosed) return;
      metrics.countFailure();
      logger.warn({ err: error, day }, 'checking data health failed');
    }
  };
  const refresh = async (): Promise<void> => {
    const at = now();
    await check('yesterday', at - dayMs);
    if (!isClosed) await check('today', at);
    if (isClosed) return;
    timer = setTimeout(() => void refresh(), intervalMs);
    timer.unref();
  };
  void refresh();
  return {
    close() {
      isClosed = true;
      clearTimeout(timer);
    },
  };
}

/** The days in metrics. Names instead of dates keep the series few and alerts simple. */
type MetricDay = 'today' | 'yesterday';

/** Gauges `facet_data_health_*` of today's and yesterday's events, with the label `day`. */
type DataHealthMetrics = ReturnType<typeof createDataHealthMetrics>;

const verdictNumbers = { ok: 0, warning: 1, bad: 2 } as const;

/** The measures of a day by gauge name. An undefined measure removes the gauge of the day. */
const measures: Readonly<
  Record<string, { readonly help: string; readonly of: (health: DayHealth) => number | undefined }>
> = {
  verdict: { help: '0: ok, 1: warning, 2: bad.', of: ({ verdict }) => verdictNumbers[verdict] },
  checked_timestamp_seconds: { help: 'When the day was checked.', of: ({ checkedAt }) => checkedAt / 1000 },
  rows: { help: 'Rows of the day in the lake.', of: ({ events }) => events.rows },
  events: { help: 'Events of the day, each once.', of: ({ events }) => events.count },
  users: { help: 'Known users with an event.', of: ({ events }) => events.users },
  items: { help: 'Items with an event.', of: ({ events }) => events.items },
  volume_ratio: {
    help: 'Rows of the day divided by the mean of the previous seven days, up to the same time of day.',
    of: ({ volume }) => volume.ratio,
  },
  refused_share: { help: 'Share of sent events that were refused.', of: ({ intake }) => intake.refusedShare },
  duplicate_share: { help: 'Share of rows that are duplicates.', of: ({ duplicates }) => duplicates.share },
  late_share: { help: 'Share of events that were received late.', of: ({ lateness }) => lateness.lateShare },
  backfilled_events: {
    help: 'Events that were imported, or received days later.',
    of: ({ lateness }) => lateness.backfilled,
  },
  received_for_older_days: {
    help: 'Rows received on the day that belong to earlier days.',
    of: ({ lateness }) => lateness.receivedForOlderDays,
  },
  unknown_item_share: {
    help: 'Share of events about items that are not in the catalog.',
    of: ({ unknownItems }) => unknownItems?.share,
  },
  exposure_join_rate: { help: 'Share of shown items with an outcome.', of: ({ joins }) => joins.exposures.rate },
  outcome_join_rate: { help: 'Share of outcomes with their exposure.', of: ({ joins }) => joins.outcomes.rate },
  suspicious_users: { help: 'Suspicious users.', of: ({ suspiciousUsers }) => suspiciousUsers.users },
  suspicious_share: {
    help: 'Share of events of suspicious users.',
    of: ({ suspiciousUsers }) => suspiciousUsers.share,
  },
  anonymous_share: { help: 'Share of events without a user.', of: ({ identity }) => identity.anonymousShare },
  identifies: { help: 'Events that join a session to a user.', of: ({ identity }) => identity.identifies },
};

export function createDataHealthMetrics(registry: Registry) {
  const registers = [registry];
  const prefix = 'facet_data_health_';
  const gauges = Object.entries(measures).map(([name, { help, of }]) => ({
    gauge: new Gauge({ name: `${prefix}${name}`, help, labelNames: ['day'] as const, registers }),
    of,
  }));
  const intake = new Gauge({
    name: `${prefix}intake_events`,
    help: 'Events that the collector received on the day, by producer and outcome.',
    labelNames: ['day', 'producer', 'outcome', 'field', 'reason'] as const,
    registers,
  });
  const failures = new Counter({ name: `${prefix}failures_total`, help: 'Checks that failed.', registers });
  const shown = new Map<MetricDay, DayHealth>();

  const setIntake = (day: MetricDay, { producers, refusals }: DayHealth['intake']): void => {
    for (const { producer, accepted, duplicate } of producers) {
      intake.set({ day, producer, outcome: 'accepted', field: '', reason: '' }, accepted);
      intake.set({ day, producer, outcome: 'duplicate', field: '', reason: '' }, duplicate);
    }
    for (const { producer, field, reason, count } of refusals) {
      intake.set({ day, producer, outcome: 'refused', field, reason }, count);
    }
  };
  return {
    set(day: MetricDay, health: DayHealth): void {
      for (const { gauge, of } of gauges) {
        const value = of(health);
        if (value === undefined) gauge.remove({ day });
        else gauge.set({ day }, value);
      }
      // Removes reasons that no longer occur.
      intake.reset();
      shown.set(day, health);
      for (const [name, { intake: counts }] of shown) setIntake(name, counts);
    },
    countFailure: (): void => failures.inc(),
  };
}
