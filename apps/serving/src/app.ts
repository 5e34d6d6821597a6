import { randomUUID } from 'node:crypto';
import type { ArtifactStore } from '@facet/artifacts';
import type { Experiment } from '@facet/exposures';
import { addAdmissionMetrics, addHealthRoutes, addMetricsRoute, createAdmission, createHttpApp } from '@facet/http';
import type { Access, Docs, HttpApp } from '@facet/http';
import type { Logger } from '@facet/platform';
import type { ServingSettings } from '@facet/recommendations/settings';
import { Type } from 'typebox';
import { addBatchRoutes } from './batch/batch-routes.ts';
import { addBundlesRoutes } from './bundles/bundles-routes.ts';
import { ArmBundles } from './experiments/arm-bundles.ts';
import type { ExposureRecorder } from './exposures/exposure-recorder.ts';
import type { Guardrails } from './guardrails/guardrails.ts';
import { addInterestsRoutes } from './interests/interests-routes.ts';
import type { LiveBundle } from './live/live-bundle.ts';
import { addRequestRecording } from './live/record-requests.ts';
import type { RecentRequests } from './live/recent-requests.ts';
import type { Metrics } from './metrics/metrics.ts';
import { addRecommendationsRoutes } from './recommendations/recommendations-routes.ts';
import type { Peers } from './processes/peers.ts';
import { noPeers } from './processes/peers.ts';
import type { RouteDeps } from './route-deps.ts';
import { addSimilarItemsRoutes } from './similar-items/similar-items-routes.ts';
import { addRequestStages } from './stages/request-stages.ts';
import { createSlowRequestLog } from './stages/slow-requests.ts';
import type { Tracing } from './tracing/request-tracing.ts';
import { servingProblems } from './serving-problems.ts';

export interface AppDeps {
  readonly logger: Logger;
  /** Where the bundles are. */
  readonly store: ArtifactStore;
  /** What is answered from; it may be filled later. */
  readonly live: LiveBundle;
  readonly metrics: Metrics;
  /** How requests are answered, where they do not say. */
  readonly settings: ServingSettings;
  /** Those that facet.yaml declares; absent: none. */
  readonly experiments?: readonly Experiment[];
  /** The bundles that arms of them name. */
  readonly armBundles?: ArmBundles;
  /** Records what was answered, and of which share all that a replay takes; absent: nobody does. */
  readonly recorder?: ExposureRecorder;
  readonly sampledShare?: number;
  /** Whether answers to requests without a userId are recorded as well; absent: they are not. */
  readonly recordStateless?: boolean;
  /** Is told of every recommendation; absent: nobody is. */
  readonly guardrails?: Pick<Guardrails, 'record'>;
  /** Keeps some of the requests; absent: nobody does. */
  readonly recent?: RecentRequests;
  /** Absent: nothing is traced. */
  readonly tracing?: Tracing;
  /** Other processes that answer on the same port; absent: there are none. */
  readonly peers?: Peers;
  /** The clock in epoch milliseconds. */
  readonly now?: () => number;
  readonly createId?: () => string;
}

export interface AppOptions {
  readonly access: Access;
  /** Requests that take longer are logged, 100 ms by default. */
  readonly slowRequestMs?: number;
  readonly limits?: Partial<Limits>;
}

export interface Limits {
  readonly bodyBytesMax: number;
  /** Requests that are worked on at a time, however short the line is; each holds one search of the index. */
  readonly concurrentMax: number;
  /** Mean delay of the event loop over a second above which requests are turned away. */
  readonly eventLoopDelayMsMax: number;
}

const limitsDefault: Limits = { bodyBytesMax: 1 << 20, concurrentMax: 128, eventLoopDelayMsMax: 250 };

const slowRequestMsDefault = 100;

const docs: Docs = {
  title: 'Facet serving',
  description: 'Recommendations from the several interests of a user, and the reasons for them.',
  scope: 'serve',
  tags: ['recommendations', 'bundles'],
};

/**
 * Wires the API, without a socket: `listen` or `inject` it. Closing it refuses new requests and waits for those under
 * way; the bundle may be closed after that.
 */
export async function createApp(deps: AppDeps, options: AppOptions): Promise<HttpApp> {
  const { live, logger, metrics, peers = noPeers(metrics), experiments = [] } = deps;
  const limits = { ...limitsDefault, ...options.limits };
  const { concurrentMax } = limits;
  const admission = createAdmission({ concurrentMax, logger });
  addAdmissionMetrics(metrics, admission);
  const app = await createHttpApp(
    { logger, metrics },
    { ...limits, access: options.access, problems: servingProblems, docs, admission },
  );
  const recordSlow = createSlowRequestLog(options.slowRequestMs ?? slowRequestMsDefault, logger);
  deps.tracing?.addTo(app);
  addRequestStages(app, { live, metrics, recordSlow, watchStages: deps.tracing?.watchStages });
  addHealthRoutes(app, {
    readySummary: 'Whether requests can be answered: the bundle and the profiles are loaded',
    readyFacts: { bundleId: Type.String() },
    readyExample: { bundleId: 'eb342103ec0057bad650138446eee7d9' },
    checkReady() {
      const bundleId = live.require().bundle.id;
      peers.requireReady();
      return { bundleId };
    },
  });
  addMetricsRoute(app, metrics, peers.readMetrics);
  const routes: RouteDeps = {
    live,
    metrics,
    admission,
    settings: deps.settings,
    experiments,
    armBundles: deps.armBundles ?? new ArmBundles({ store: deps.store, experiments, metrics, logger }),
    recorder: deps.recorder,
    sampledShare: deps.sampledShare ?? 0,
    recordStateless: deps.recordStateless ?? false,
    guardrails: deps.guardrails,
    now: deps.now ?? Date.now,
    createId: deps.createId ?? randomUUID,
  };
  if (deps.recent !== undefined) addRequestRecording(app, deps.recent);
  addRecommendationsRoutes(app, routes);
  addBatchRoutes(app, routes);
  addBundlesRoutes(app, deps);
  addInterestsRoutes(app, routes);
  addSimilarItemsRoutes(app, routes);
  await app.ready();
  return app;
}
