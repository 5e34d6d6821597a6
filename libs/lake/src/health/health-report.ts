import { Type } from 'typebox';
import type { Static } from 'typebox';
import { healthChecks } from './health-bounds.ts';

const Day = Type.String({ description: 'A UTC day, YYYY-MM-DD.' });
const Count = Type.Integer({ minimum: 0 });
const count = (description: string) => Type.Integer({ minimum: 0, description });
const share = (description: string) => Type.Number({ description });

const HealthReasonSchema = Type.Object(
  {
    check: Type.Enum(healthChecks),
    severity: Type.Union([Type.Literal('warning'), Type.Literal('bad')]),
    value: Type.Number({ description: 'Measured value.' }),
    bound: Type.Number({ description: 'Bound that the value exceeds.' }),
  },
  { title: 'HealthReason' },
);
export type HealthReason = Static<typeof HealthReasonSchema>;

const HealthJoinSchema = Type.Object({
  count: Count,
  joined: Count,
  rate: Type.Optional(share('Absent when count is 0.')),
});
export type HealthJoin = Static<typeof HealthJoinSchema>;

const SuspiciousDayUserSchema = Type.Object({
  userId: Type.String({ description: 'User id, or `session:` and the session id of an anonymous person.' }),
  events: Count,
  share: share('Share of all events of the day.'),
  reasons: Type.Array(
    Type.Union([Type.Literal('share-of-all-events'), Type.Literal('sustained-rate'), Type.Literal('no-sleep')]),
  ),
  activeHours: count('Hours of the day with at least one event.'),
  eventsPerMinuteMax: Type.Optional(count('Most events in one minute of the sustained period.')),
});
export type SuspiciousDayUser = Static<typeof SuspiciousDayUserSchema>;

const DayMeasuresSchema = Type.Object({
  day: Day,
  checkedAt: Type.Integer({ description: 'Epoch milliseconds.' }),
  isOver: Type.Boolean({
    description: 'False while the day is in progress. It is then compared with the same hours of earlier days.',
  }),
  events: Type.Object(
    { rows: Count, count: count('Distinct eventIds.'), users: count('Users with a userId.'), items: Count },
    { description: 'All measures below, except the volume, count each event once.' },
  ),
  types: Type.Array(Type.Object({ type: Type.String(), count: Count })),
  volume: Type.Object({
    trailing: Type.Array(Type.Object({ day: Day, count: Count }), {
      description: 'Rows of each of the previous seven days that has any.',
    }),
    trailingMean: Type.Optional(Type.Number()),
    ratio: Type.Optional(Type.Number({ description: 'Rows of the day divided by trailingMean.' })),
  }),
  intake: Type.Object(
    {
      accepted: Count,
      duplicate: Count,
      refused: Count,
      refusedShare: share('Share of all received events.'),
      producers: Type.Array(
        Type.Object({
          producer: Type.String({ description: 'Name of an API key, or `topic:` and a topic.' }),
          accepted: Count,
          duplicate: Count,
          refused: Count,
        }),
      ),
      refusals: Type.Array(
        Type.Object({ producer: Type.String(), field: Type.String(), reason: Type.String(), count: Count }),
      ),
    },
    { description: 'Events that the collector received on that day, without imported events.' },
  ),
  duplicates: Type.Object({
    insideDay: count('Rows that repeat an event of the same day.'),
    ofOtherDays: count('Events that repeat one of the previous seven days.'),
    share: share('Share of repeats among the rows.'),
  }),
  lateness: Type.Object({
    late: Count,
    lateShare: share('Share of the events without backfill.'),
    backfilled: count('Imported events, and events so late that they count as a backfill.'),
    ahead: count('Events received before they occurred, because a clock is ahead.'),
    histogram: Type.Array(
      Type.Object({
        upToMs: Type.Optional(
          Type.Integer({ description: 'Time from occurredAt to receivedAt. Absent in the last bucket.' }),
        ),
        count: Count,
      }),
    ),
    receivedForOlderDays: count('Rows received on this day for earlier days.'),
  }),
  unknownItems: Type.Optional(
    Type.Object(
      {
        ids: Count,
        events: Count,
        share: share('Share of the events with an item.'),
        examples: Type.Array(Type.Object({ itemId: Type.String(), events: Count })),
      },
      { description: 'Absent when the catalog is empty.' },
    ),
  ),
  joins: Type.Object({
    exposures: HealthJoinSchema,
    outcomes: HealthJoinSchema,
  }),
  suspiciousUsers: Type.Object({
    users: Count,
    events: Count,
    share: share('Share of all events.'),
    examples: Type.Array(SuspiciousDayUserSchema, { description: 'Users with the most events.' }),
  }),
  identity: Type.Object({
    anonymous: count('Events without a userId.'),
    anonymousShare: share('Share of all events.'),
    anonymousSessions: Count,
    identifies: count('Events that tell which user a session belongs to.'),
  }),
});
/**
 * The measures of one day. `joins.exposures` counts shown items of recommendations; they are joined when a click, add to cart
 * or purchase follows by the end of the next day. `joins.outcomes` counts such events that name a recommendation; they are
 * joined when their exposure is on the same day or one of the previous seven.
 */
export type DayMeasures = Static<typeof DayMeasuresSchema>;

/** The health of one day of the lake, as plain JSON. */
export const DayHealthSchema = Type.Object(
  {
    version: Type.Literal(1),
    verdict: Type.Union([Type.Literal('ok'), Type.Literal('warning'), Type.Literal('bad')], {
      description: 'Severity of the worst reason.',
    }),
    reasons: Type.Array(HealthReasonSchema),
    ...DayMeasuresSchema.properties,
  },
  { title: 'DayHealth' },
);
export type DayHealth = Static<typeof DayHealthSchema>;
export type HealthVerdict = DayHealth['verdict'];
