import type { DayHealth } from '@facet/lake';
import { Counter, Gauge } from 'prom-client';
import type { Registry } from 'prom-client';

/** The days in metrics. Names instead of dates keep the series few and alerts simple. */
export type MetricDay = 'today' | 'yesterday';

/** Gauges `facet_data_health_*` of today's and yesterday's events, with the label `day`. */
export interface DataHealthMetrics {
  set(day: MetricDay, health: DayHealth): void;
  countFailure(): void;
}

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

export function createDataHealthMetrics(registry: Registry): DataHealthMetrics {
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
    set(day, health) {
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
    countFailure: () => failures.inc(),
  };
}
