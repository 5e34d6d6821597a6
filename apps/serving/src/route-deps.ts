import type { Admission } from '@facet/http';
import type { LiveBundle } from './live/live-bundle.ts';
import type { Metrics } from './metrics/metrics.ts';

/** What the routes that answer from the bundle need. */
export interface RouteDeps {
  readonly live: LiveBundle;
  readonly metrics: Metrics;
  readonly admission: Admission;
  /** The clock in epoch milliseconds. */
  readonly now: () => number;
  /** A new id for an answer. */
  readonly createId: () => string;
}
