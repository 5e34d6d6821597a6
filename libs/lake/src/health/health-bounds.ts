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
export const healthChecks = ['no-events', ...(Object.keys(healthBounds) as BoundedCheck[])] as const;
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
