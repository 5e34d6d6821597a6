import type { SuspiciousUser } from '../validation/report.ts';

export type HealthVerdict = 'ok' | 'warning' | 'bad';

/** What may be wrong with a day. */
export const healthChecks = [
  'no-events',
  'volume-low',
  'volume-high',
  'refused',
  'duplicates',
  'late',
  'unknown-items',
  'unmatched-outcomes',
  'suspicious-users',
] as const;
export type HealthCheck = (typeof healthChecks)[number];

export interface HealthReason {
  readonly check: HealthCheck;
  readonly severity: Exclude<HealthVerdict, 'ok'>;
  /** What was measured, and the bound that it is beyond. */
  readonly value: number;
  readonly bound: number;
}

/** What was measured of one day of the lake. Days are UTC, times epoch milliseconds, shares 0 to 1. */
export interface DayMeasures {
  /** `YYYY-MM-DD`, of `occurredAt`. */
  readonly day: string;
  readonly checkedAt: number;
  /** False while the day goes on: it is then compared with the same hours of other days. */
  readonly isOver: boolean;
  readonly events: {
    readonly rows: number;
    /** Each `eventId` once. All counts below are of these. */
    readonly count: number;
    /** Known ones. */
    readonly users: number;
    readonly items: number;
  };
  readonly types: readonly { readonly type: string; readonly count: number }[];
  readonly volume: {
    /** Rows of the seven days before, of those that have any; up to the same time of day while the day goes on. */
    readonly trailing: readonly { readonly day: string; readonly count: number }[];
    readonly trailingMean?: number;
    /** Rows of the day by that mean; absent when no day before has any. */
    readonly ratio?: number;
  };
  /** What the collector was sent on that day, by when it came; nothing for events that were imported. */
  readonly intake: {
    readonly accepted: number;
    readonly duplicate: number;
    readonly refused: number;
    readonly refusedShare: number;
    readonly producers: readonly {
      readonly producer: string;
      readonly accepted: number;
      readonly duplicate: number;
      readonly refused: number;
    }[];
    readonly refusals: readonly {
      readonly producer: string;
      readonly field: string;
      readonly reason: string;
      readonly count: number;
    }[];
  };
  readonly duplicates: {
    /** Rows whose event is there already, on the same day … */
    readonly insideDay: number;
    /** … and events that are also there on one of the seven days before. */
    readonly ofOtherDays: number;
    /** Both, of the rows. */
    readonly share: number;
  };
  readonly lateness: {
    readonly late: number;
    /** Of the events that are no backfill. */
    readonly lateShare: number;
    readonly backfilled: number;
    /** Events that were received before they occurred: a clock that is ahead. */
    readonly ahead: number;
    /** By the time from `occurredAt` to `receivedAt`, at most `upToMs`; the last bucket has no bound. */
    readonly histogram: readonly { readonly upToMs?: number; readonly count: number }[];
    /** Rows received on this day that belong to earlier days. */
    readonly receivedForOlderDays: number;
  };
  /** Absent while the catalog has no item. */
  readonly unknownItems?: {
    readonly ids: number;
    readonly events: number;
    readonly share: number;
    readonly examples: readonly { readonly itemId: string; readonly events: number }[];
  };
  readonly joins: {
    /** Items shown by a recommendation, and those that got a click, an add to cart or a purchase until the next day's end. */
    readonly exposures: HealthJoin;
    /** Outcomes that name a recommendation, and those whose exposure is there on that day or one of the seven before. */
    readonly outcomes: HealthJoin;
  };
  readonly suspiciousUsers: {
    readonly users: number;
    readonly events: number;
    readonly share: number;
    /** Those with the most events. */
    readonly examples: readonly SuspiciousDayUser[];
  };
  readonly identity: {
    /** Events without a user. */
    readonly anonymous: number;
    readonly anonymousShare: number;
    readonly anonymousSessions: number;
    /** Events that say whose a session was. */
    readonly identifies: number;
  };
}

export interface HealthJoin {
  readonly count: number;
  readonly joined: number;
  /** Absent when there is nothing to join. */
  readonly rate?: number;
}

export interface SuspiciousDayUser extends Omit<SuspiciousUser, 'reasons'> {
  readonly reasons: readonly (SuspiciousUser['reasons'][number] | 'no-sleep')[];
  /** Hours of the day with an event. */
  readonly activeHours: number;
}

/** The health of one day of the lake: plain JSON. */
export interface DayHealth extends DayMeasures {
  readonly version: 1;
  /** The worst of the reasons. */
  readonly verdict: HealthVerdict;
  readonly reasons: readonly HealthReason[];
}
