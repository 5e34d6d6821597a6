import type { ArtifactStore } from '@facet/artifacts';
import type { Admission } from '@facet/http';
import type { Logger } from '@facet/platform';
import type { ProfileReading, RecommendationsResponse, ResponseContext } from '@facet/recommendations';
import type { ServingSettings } from '@facet/recommendations/settings';
import type { LiveBundle, Loaded } from './bundle/live-bundle.ts';
import type { ArmBundles } from './experiments/arm-bundles.ts';
import type { Metrics } from './telemetry/metrics.ts';

/** The resources that all routes share: the decorator `app.serving`. */
export interface Serving {
  readonly logger: Logger;
  readonly store: ArtifactStore;
  /** May be filled after the app has started. */
  readonly live: LiveBundle;
  readonly metrics: Metrics;
  /** Defaults for fields that a request leaves out. */
  readonly settings: ServingSettings;
  readonly arms: ArmBundles;
  readonly admission: Admission;
  /** Epoch milliseconds. */
  readonly now: () => number;
  readonly createId: () => string;
}

/** The errors of a route that reads profiles. An invalid rule is a fault of the bundle, so the guardrails count these failures. */
export const profileErrors = { PROFILES_UNREACHABLE: { status: 503 }, FEATURES_RULE_INVALID: { status: 500 } };

/** A recommendation, for the hooks that record and judge it. */
export interface ServedRecommendation {
  readonly response: RecommendationsResponse;
  /** The JSON of the response. */
  readonly text: string;
  /** Epoch milliseconds. */
  readonly respondedAt: number;
  /** The `hashUser` of a further page, whose request has no userId. */
  readonly userHash?: string | undefined;
  readonly merge: ResponseContext['settings']['merge'];
  /** For a new list: what a replay or a shadow arm needs in addition to the request. */
  readonly list?: {
    readonly context: Omit<ResponseContext, 'bundle' | 'spans'>;
    readonly profile: ProfileReading['profile'];
    readonly liveBundleId: string;
  };
}

declare module 'fastify' {
  interface FastifyInstance {
    serving: Serving;
  }
  interface FastifyRequest {
    /** The bundle that computes the recommendation. Set before the computation, so also known if it fails. */
    usedBundleId?: string;
    recommendation?: ServedRecommendation;
  }
}

/**
 * Admits a request and holds the live bundle until the work has ended.
 *
 * @throws AppError `NOT_READY`, `OVERLOADED`.
 */
export function serve<Result>(
  { live, admission }: Pick<Serving, 'live' | 'admission'>,
  work: (loaded: Loaded) => Promise<Result>,
): Promise<Result> {
  return live.use(async (loaded) => {
    admission.enter();
    try {
      return await work(loaded);
    } finally {
      admission.leave();
    }
  });
}
