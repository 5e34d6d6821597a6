import type { Admission } from '@facet/http';
import type { ServingSettings } from '@facet/recommendations/settings';
import type { Guardrails } from './guardrails/guardrails.ts';
import type { LiveBundle } from './live/live-bundle.ts';
import type { Metrics } from './metrics/metrics.ts';

/** What the routes that answer from the bundle need. */
export interface RouteDeps {
  readonly live: LiveBundle;
  readonly metrics: Metrics;
  readonly admission: Admission;
  /** How requests are answered, where they do not say. */
  readonly settings: ServingSettings;
  /** Absent: nobody judges bundles by their traffic. */
  readonly guardrails: Pick<Guardrails, 'record'> | undefined;
  /** The clock in epoch milliseconds. */
  readonly now: () => number;
  /** A new id for an answer. */
  readonly createId: () => string;
}
