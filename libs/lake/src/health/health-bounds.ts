import { Type } from 'typebox';
import type { Static } from 'typebox';

/** Two bounds of one measure: beyond the first, a day needs attention; beyond the second, it is bad. */
function boundsOf(warning: number, bad: number, description: string) {
  return Type.Object(
    {
      warning: Type.Number({ minimum: 0, default: warning, description: 'Bound of days that need attention.' }),
      bad: Type.Number({ minimum: 0, default: bad, description: 'Bound of days that must not be trained on.' }),
    },
    { default: {}, additionalProperties: false, description },
  );
}

/** The bounds of a healthy day: section `dataHealth` of facet.yaml. Shares are between 0 and 1. */
export const HealthBoundsSchema = Type.Object(
  {
    eventsMin: Type.Integer({
      minimum: 1,
      default: 100,
      description: 'Shares of fewer events than this are not judged.',
    }),
    volumeBelow: boundsOf(
      0.5,
      0.1,
      'Lower bounds of the events of the day, divided by the mean of the previous seven days.',
    ),
    volumeAbove: boundsOf(
      3,
      10,
      'Upper bounds of the events of the day, divided by the mean of the previous seven days.',
    ),
    refusedShare: boundsOf(0.01, 0.2, 'Of the events that the collector received: refused ones.'),
    duplicateShare: boundsOf(0.02, 0.2, 'Of the rows of the day: repeats of earlier events.'),
    lateAfterMinutes: Type.Number({
      exclusiveMinimum: 0,
      default: 60,
      description: 'Events received later than this after their occurrence are late.',
    }),
    backfillAfterDays: Type.Number({
      exclusiveMinimum: 0,
      default: 7,
      description:
        'Imported events, and events received more than this many days after their occurrence, are a backfill, which is not judged.',
    }),
    lateShare: boundsOf(0.05, 0.5, 'Of the events: late ones, without backfills.'),
    unknownItemShare: boundsOf(0.05, 0.5, 'Of the events: those on items that the catalog does not contain.'),
    unmatchedOutcomeShare: boundsOf(0.1, 0.5, 'Of the outcomes that name a recommendation: those without an exposure.'),
    suspiciousShare: boundsOf(0.05, 0.3, 'Of the events: those of suspicious users.'),
    noSleepHours: Type.Integer({
      minimum: 1,
      maximum: 24,
      default: 20,
      description: 'A user with activity in this many hours of one day looks like a bot.',
    }),
  },
  { default: {}, additionalProperties: false },
);
export type HealthBounds = Static<typeof HealthBoundsSchema>;
