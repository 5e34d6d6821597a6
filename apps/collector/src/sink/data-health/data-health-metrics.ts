import type { DayHealth } from '@facet/lake';
import { Counter, Gauge } from 'prom-client';
import type { Registry } from 'prom-client';

/** The days that metrics speak of; by name, so that series stay few and alerts can name them. */
export type MetricDay = 'today' | 'yesterday';

/** The health of today's and yesterday's events as gauges `facet_data_health_*` with the label `day`. */
export interface DataHealthMetrics {
  set(day: MetricDay, health: DayHealth): void;
  countFailure(): void;
}

const verdictNumbers = { ok: 0, warning: 1, bad: 2 } as const;

/** What is measured of a day, by the name of its gauge; a gauge without a value is left out of the day. */
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
    help: 'Rows of the day by the mean of the seven days before, up to the same time of day.',
    of: ({ volume }) => volume.ratio,
  },
  refused_share: { help: 'Share of what was sent that was refused.', of: ({ intake }) => intake.refusedShare },
  duplicate_share: { help: 'Share of the rows that are duplicates.', of: ({ duplicates }) => duplicates.share },
  late_share: { help: 'Share of the events that came late.', of: ({ lateness }) => lateness.lateShare },
  backfilled_events: { help: 'Events that came days later.', of: ({ lateness }) => lateness.backfilled },
  received_for_older_days: {
    help: 'Rows received on the day that belong to earlier days.',
    of: ({ lateness }) => lateness.receivedForOlderDays,
  },
  unknown_item_share: {
    help: 'Share of the events about items that the catalog does not know.',
    of: ({ unknownItems }) => unknownItems?.share,
  },
  exposure_join_rate: { help: 'Share of shown items with an outcome.', of: ({ joins }) => joins.exposures.rate },
  outcome_join_rate: { help: 'Share of outcomes with their exposure.', of: ({ joins }) => joins.outcomes.rate },
  suspicious_users: { help: 'Users who look like programs.', of: ({ suspiciousUsers }) => suspiciousUsers.users },
  suspicious_share: { help: 'Share of the events of such users.', of: ({ suspiciousUsers }) => suspiciousUsers.share },
  anonymous_share: { help: 'Share of the events without a user.', of: ({ identity }) => identity.anonymousShare },
  identifies: { help: 'Events that say whose a session was.', of: ({ identity }) => identity.identifies },
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
    help: 'Events that the collector was sent on the day, by producer and what became of them.',
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
      // A reason that is not given any more must not stay.
      intake.reset();
      shown.set(day, health);
      for (const [name, { intake: counts }] of shown) setIntake(name, counts);
    },
    countFailure: () => failures.inc(),
  };
}
