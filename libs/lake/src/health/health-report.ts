import { byStrictness, strictnessFields } from '@facet/platform';
import { Type } from 'typebox';
import type { Static } from 'typebox';

/** Three numbers: relaxed, normal and strict. */
type Triple = readonly [number, number, number];

function bounds(warning: Triple, bad: Triple, measured: string) {
  const at = (index: 0 | 1 | 2) => ({ warning: warning[index], bad: bad[index] });
  return { measured, ...byStrictness(at(0), at(1), at(2)) };
}

/**
 * The checks of a day whose value is compared with two bounds. Beyond `warning`, a day needs attention; beyond `bad`, it is bad.
 * Shares are between 0 and 1.
 */
export const healthBounds = {
  'volume-low': bounds([0.2, 0.5, 0.7], [0.02, 0.1, 0.3], 'times the mean of the previous week'),
  'volume-high': bounds([10, 3, 2], [50, 10, 4], 'times the mean of the previous week'),
  refused: bounds([0.05, 0.01, 0.002], [0.5, 0.2, 0.05], 'of the received events were refused'),
  duplicates: bounds([0.1, 0.02, 0.005], [0.5, 0.2, 0.05], 'of the rows repeat an earlier event'),
  late: bounds([0.1, 0.05, 0.02], [0.8, 0.5, 0.2], 'of the events arrived late'),
  'unknown-items': bounds(
    [0.2, 0.05, 0.01],
    [0.8, 0.5, 0.1],
    'of the events are on items that the catalog does not contain',
  ),
  'unmatched-outcomes': bounds([0.3, 0.1, 0.05], [0.8, 0.5, 0.2], 'of the recommendation outcomes have no exposure'),
  'suspicious-users': bounds([0.15, 0.05, 0.02], [0.6, 0.3, 0.1], 'of the events come from suspicious users'),
};
export type BoundedCheck = keyof typeof healthBounds;

/** The checks that a day may fail. */
const healthChecks = ['no-events', ...(Object.keys(healthBounds) as BoundedCheck[])] as const;
export type HealthCheck = (typeof healthChecks)[number];

/** An event received later than this after its occurrence is late. Mobile apps send events when they are online again. */
export const lateAfterMinutes = byStrictness(1_440, 60, 15);

/** Events received later than this after their occurrence, and imported events, are a backfill, which is not judged. */
export const backfillAfterDays = 7;

/** A user with activity in this many hours of one day looks like a bot. */
export const noSleepHours = 20;

/** Section `dataHealth` of facet.yaml. */
export const DataHealthSettings = Type.Object(
  {
    ...strictnessFields(healthChecks),
    eventsMin: Type.Integer({
      minimum: 1,
      default: 100,
      description: 'Minimum number of events for judging a share, or of events a day for judging the volume.',
    }),
    blockRefresh: Type.Boolean({ default: true, description: 'Stop a refresh whose new days are bad.' }),
  },
  {
    default: {},
    additionalProperties: false,
    description: 'Checks of the data of a day, for `facet validate`, the collector and the refresh.',
  },
);
export type DataHealthSettings = Static<typeof DataHealthSettings>;

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
