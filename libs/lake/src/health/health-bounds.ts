import { Type } from 'typebox';
import type { Static } from 'typebox';

/** Two bounds of one measure: beyond the first, a day needs attention; beyond the second, it is bad. */
function boundsOf(warning: number, bad: number) {
  return Type.Object(
    { warning: Type.Number({ minimum: 0, default: warning }), bad: Type.Number({ minimum: 0, default: bad }) },
    { default: {}, additionalProperties: false },
  );
}

/** The bounds of a healthy day: section `dataHealth` of facet.yaml. Shares are between 0 and 1. */
export const HealthBoundsSchema = Type.Object(
  {
    /** Shares of fewer events than this are not judged. */
    eventsMin: Type.Integer({ minimum: 1, default: 100 }),
    /** Events of the day, divided by the mean of the previous seven days: too few below these bounds … */
    volumeBelow: boundsOf(0.5, 0.1),
    /** … and too many above these bounds. */
    volumeAbove: boundsOf(3, 10),
    /** Of the events that the collector received. */
    refusedShare: boundsOf(0.01, 0.2),
    /** Of the rows of the day: repeats of earlier events. */
    duplicateShare: boundsOf(0.02, 0.2),
    /** Events received later than this after their occurrence are late. */
    lateAfterMinutes: Type.Number({ exclusiveMinimum: 0, default: 60 }),
    /** Events received even later are a backfill, which is not judged. */
    backfillAfterDays: Type.Number({ exclusiveMinimum: 0, default: 7 }),
    lateShare: boundsOf(0.05, 0.5),
    /** Of the events: those on items that the catalog does not contain. */
    unknownItemShare: boundsOf(0.05, 0.5),
    /** Of the outcomes that name a recommendation: those without an exposure. */
    unmatchedOutcomeShare: boundsOf(0.1, 0.5),
    /** Of the events: those of suspicious users. */
    suspiciousShare: boundsOf(0.05, 0.3),
    /** A user with activity in this many hours of one day looks like a bot. */
    noSleepHours: Type.Integer({ minimum: 1, maximum: 24, default: 20 }),
  },
  { default: {}, additionalProperties: false },
);
export type HealthBounds = Static<typeof HealthBoundsSchema>;
