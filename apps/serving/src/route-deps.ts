import type { Experiment } from '@facet/exposures';
import type { Admission } from '@facet/http';
import type { ServingSettings } from '@facet/recommendations/settings';
import type { ArmBundles } from './experiments/arm-bundles.ts';
import type { ExposureRecorder } from './exposures/exposure-recorder.ts';
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
  /** Those that facet.yaml declares. */
  readonly experiments: readonly Experiment[];
  /** The bundles that arms of them name. */
  readonly armBundles: ArmBundles;
  /** Records what was answered; absent: nobody does. */
  readonly recorder: ExposureRecorder | undefined;
  /** Of the answers: which are recorded so that they can be replayed. */
  readonly sampledShare: number;
  /** Whether answers to requests without a userId are recorded as well. */
  readonly recordStateless: boolean;
  /** Absent: nobody judges bundles by their traffic. */
  readonly guardrails: Pick<Guardrails, 'record'> | undefined;
  /** The clock in epoch milliseconds. */
  readonly now: () => number;
  /** A new id for an answer. */
  readonly createId: () => string;
}
