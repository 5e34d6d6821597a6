import { Type } from 'typebox';
import type { Static } from 'typebox';

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

const Day = Type.String({ description: 'A UTC day, YYYY-MM-DD.' });
const Count = Type.Integer({ minimum: 0 });
const count = (description: string) => Type.Integer({ minimum: 0, description });
const share = (description: string) => Type.Number({ description });

const HealthReasonSchema = Type.Object(
  {
    check: Type.Enum(healthChecks),
    severity: Type.Union([Type.Literal('warning'), Type.Literal('bad')]),
    value: Type.Number({ description: 'What was measured …' }),
    bound: Type.Number({ description: '… and the bound that it is beyond.' }),
  },
  { title: 'HealthReason' },
);
export type HealthReason = Static<typeof HealthReasonSchema>;

const HealthJoinSchema = Type.Object({
  count: Count,
  joined: Count,
  rate: Type.Optional(share('Absent when there is nothing to join.')),
});
export type HealthJoin = Static<typeof HealthJoinSchema>;

const SuspiciousDayUserSchema = Type.Object({
  userId: Type.String({ description: 'Or `session:` and the session of an anonymous person.' }),
  events: Count,
  share: share('Of all events of the day.'),
  reasons: Type.Array(
    Type.Union([Type.Literal('share-of-all-events'), Type.Literal('sustained-rate'), Type.Literal('no-sleep')]),
  ),
  activeHours: count('Hours of the day with an event.'),
  eventsPerMinuteMax: Type.Optional(count('The most events in one minute of the sustained stretch.')),
});
export type SuspiciousDayUser = Static<typeof SuspiciousDayUserSchema>;

const DayMeasuresSchema = Type.Object({
  day: Day,
  checkedAt: Type.Integer({ description: 'Epoch milliseconds.' }),
  isOver: Type.Boolean({ description: 'While a day goes on it is compared with the same hours of other days.' }),
  events: Type.Object(
    { rows: Count, count: count('Each eventId once.'), users: count('Known ones.'), items: Count },
    { description: 'Everything below but the volume is of events that are counted once.' },
  ),
  types: Type.Array(Type.Object({ type: Type.String(), count: Count })),
  volume: Type.Object({
    trailing: Type.Array(Type.Object({ day: Day, count: Count }), {
      description: 'Rows of those of the seven days before that have any.',
    }),
    trailingMean: Type.Optional(Type.Number()),
    ratio: Type.Optional(Type.Number({ description: 'Rows of the day by that mean.' })),
  }),
  intake: Type.Object(
    {
      accepted: Count,
      duplicate: Count,
      refused: Count,
      refusedShare: share('Of all that was sent.'),
      producers: Type.Array(
        Type.Object({
          producer: Type.String({ description: 'The name of an API key, or `topic:` and a topic.' }),
          accepted: Count,
          duplicate: Count,
          refused: Count,
        }),
      ),
      refusals: Type.Array(
        Type.Object({ producer: Type.String(), field: Type.String(), reason: Type.String(), count: Count }),
      ),
    },
    { description: 'What the collector was sent on that day; nothing of events that were imported.' },
  ),
  duplicates: Type.Object({
    insideDay: count('Rows whose event is there already, on the same day …'),
    ofOtherDays: count('… and events that are also there on one of the seven days before.'),
    share: share('Both, of the rows.'),
  }),
  lateness: Type.Object({
    late: Count,
    lateShare: share('Of the events that are no backfill.'),
    backfilled: count('So late that somebody sent history on purpose.'),
    ahead: count('Received before they occurred: a clock that is ahead.'),
    histogram: Type.Array(
      Type.Object({
        upToMs: Type.Optional(Type.Integer({ description: 'From occurredAt to receivedAt; absent in the last.' })),
        count: Count,
      }),
    ),
    receivedForOlderDays: count('Rows received on this day that belong to earlier days.'),
  }),
  unknownItems: Type.Optional(
    Type.Object(
      {
        ids: Count,
        events: Count,
        share: share('Of the events about an item.'),
        examples: Type.Array(Type.Object({ itemId: Type.String(), events: Count })),
      },
      { description: 'Absent while the catalog has no item.' },
    ),
  ),
  joins: Type.Object({
    exposures: HealthJoinSchema,
    outcomes: HealthJoinSchema,
  }),
  suspiciousUsers: Type.Object({
    users: Count,
    events: Count,
    share: share('Of all events.'),
    examples: Type.Array(SuspiciousDayUserSchema, { description: 'Those with the most events.' }),
  }),
  identity: Type.Object({
    anonymous: count('Events without a user.'),
    anonymousShare: share('Of all events.'),
    anonymousSessions: Count,
    identifies: count('Events that say whose a session was.'),
  }),
});
/**
 * What was measured of one day. `joins.exposures` are items that a recommendation has shown, joined when they got a click, an
 * add to cart or a purchase until the end of the next day; `joins.outcomes` are those events that name a recommendation, joined
 * when their exposure is there on the day or one of the seven before.
 */
export type DayMeasures = Static<typeof DayMeasuresSchema>;

/** The health of one day of the lake: plain JSON. */
export const DayHealthSchema = Type.Object(
  {
    version: Type.Literal(1),
    verdict: Type.Union([Type.Literal('ok'), Type.Literal('warning'), Type.Literal('bad')], {
      description: 'The worst of the reasons.',
    }),
    reasons: Type.Array(HealthReasonSchema),
    ...DayMeasuresSchema.properties,
  },
  { title: 'DayHealth' },
);
export type DayHealth = Static<typeof DayHealthSchema>;
export type HealthVerdict = DayHealth['verdict'];
