import { Type } from 'typebox';
import type { Static } from 'typebox';

/** Two bounds of one measure: beyond the first a day is to be looked at, beyond the second it is bad. */
function boundsOf(warning: number, bad: number) {
  return Type.Object(
    { warning: Type.Number({ minimum: 0, default: warning }), bad: Type.Number({ minimum: 0, default: bad }) },
    { default: {}, additionalProperties: false },
  );
}

/** What a healthy day is: section `dataHealth` of facet.yaml. Shares are of 0 to 1. */
export const HealthBoundsSchema = Type.Object(
  {
    /** A share of fewer events than this says nothing, and is not judged. */
    eventsMin: Type.Integer({ minimum: 1, default: 100 }),
    /** Events of the day by the mean of the seven days before: too few below these … */
    volumeBelow: boundsOf(0.5, 0.1),
    /** … and too many above these. */
    volumeAbove: boundsOf(3, 10),
    /** Of what the collector was sent. */
    refusedShare: boundsOf(0.01, 0.2),
    /** Of the rows of the day: events that are there before. */
    duplicateShare: boundsOf(0.02, 0.2),
    /** Events received later than this after they occurred are late … */
    lateAfterMinutes: Type.Number({ exclusiveMinimum: 0, default: 60 }),
    /** … and those later than this are history that somebody sent on purpose, which is not judged. */
    backfillAfterDays: Type.Number({ exclusiveMinimum: 0, default: 7 }),
    lateShare: boundsOf(0.05, 0.5),
    /** Of the events: about items that the catalog does not know. */
    unknownItemShare: boundsOf(0.05, 0.5),
    /** Of the outcomes that name a recommendation: those whose exposure is not there. */
    unmatchedOutcomeShare: boundsOf(0.1, 0.5),
    /** Of the events: those of users who look like programs. */
    suspiciousShare: boundsOf(0.05, 0.3),
    /** A user who is active in this many hours of one day does not sleep. */
    noSleepHours: Type.Integer({ minimum: 1, maximum: 24, default: 20 }),
  },
  { default: {}, additionalProperties: false },
);
export type HealthBounds = Static<typeof HealthBoundsSchema>;
