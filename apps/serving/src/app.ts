import { randomUUID } from 'node:crypto';
import {
  addAdmissionMetrics,
  addHealthRoutes,
  addMetricsRoute,
  createAdmission,
  createHttpApp,
  limitRequests,
} from '@facet/http';
import type { HttpApp, ProblemCatalog, ServerOptions } from '@facet/http';
import { Type } from 'typebox';
import { recordRecentRequests } from './bundle/recent-requests.ts';
import type { RecentRequests } from './bundle/recent-requests.ts';
import { recordExposures } from './exposures/exposures.ts';
import type { ExposureOptions } from './exposures/exposures.ts';
import { judgeRecommendations } from './guardrails/guardrails.ts';
import type { Guardrails } from './guardrails/guardrails.ts';
import { noPeers } from './processes/peers.ts';
import type { Peers } from './processes/peers.ts';
import { addBundleRoutes } from './routes/bundles.ts';
import { addCatalogRoutes } from './routes/catalog.ts';
import { addComparisons } from './routes/comparisons.ts';
import type { ComparisonPaths } from './routes/comparisons.ts';
import { addItemMap } from './routes/item-map.ts';
import { addRecommendations, addScoringRoutes } from './routes/recommendations.ts';
import { addTrends } from './routes/trends.ts';
import { addUserRoutes } from './routes/users.ts';
import type { Serving } from './serving.ts';
import type { OpenTracing } from './telemetry/tracing.ts';
import { measureSpans } from './telemetry/spans.ts';

export type AppDeps = Omit<Serving, 'admission' | 'now' | 'createId'> &
  Partial<Pick<Serving, 'now' | 'createId'>> & {
    /** Records exposures and computes shadow arms. */
    readonly exposures?: ExposureOptions | undefined;
    readonly guardrails?: Pick<Guardrails, 'record'> | undefined;
    readonly recent?: RecentRequests;
    readonly tracing?: Pick<OpenTracing, 'tracer'> | undefined;
    /** The other processes on the same port. */
    readonly peers?: Peers;
    readonly comparisons: ComparisonPaths;
  };

export interface AppOptions extends ServerOptions {
  /** Slower requests are logged. Default: 100 ms. */
  readonly slowRequestMs?: number;
  /** Time between two readings of the trends. Default: a minute. */
  readonly trendsIntervalMs?: number;
  readonly limits?: Partial<Limits>;
}

export interface Limits {
  readonly bodyBytesMax: number;
  /** Upper bound for concurrent requests, even without queueing. Each holds one search of the index. */
  readonly concurrentMax: number;
  /** Mean event loop delay over one second above which requests are refused. */
  readonly eventLoopDelayMsMax: number;
}

const limitsDefault: Limits = { bodyBytesMax: 1 << 20, concurrentMax: 128, eventLoopDelayMsMax: 250 };

/** Remedies that are specific to this API. */
const errors: ProblemCatalog = {
  REQUEST_INVALID: { status: 400, remedy: 'Correct the field; /docs describes it.' },
  NOT_FOUND: { status: 404, remedy: 'See /docs.' },
  BODY_TOO_LARGE: { status: 413, remedy: 'Send fewer behaviors. The model reads only the newest ones.' },
};

/**
 * Creates the app without a socket: `listen` or `inject` it. Closing it refuses new requests and waits for current ones. The
 * bundle may be closed after that.
 */
export async function createApp(deps: AppDeps, options: AppOptions): Promise<HttpApp> {
  const {
    exposures,
    guardrails,
    recent,
    tracing,
    peers = noPeers(deps.metrics, deps.logger),
    comparisons,
    ...resources
  } = deps;
  const { logger, live, metrics } = deps;
  const limits = { ...limitsDefault, ...options.limits };
  const admission = createAdmission({ concurrentMax: limits.concurrentMax, logger });
  addAdmissionMetrics(metrics, admission);
  const docs = {
    title: 'Facet serving',
    description: 'Recommendations from the multiple interests of a user, with reasons.',
    scope: 'serve' as const,
    tags: ['recommendations', 'catalog', 'users', 'bundles', 'comparisons'],
  };
  const app = await createHttpApp(
    { logger, metrics },
    { ...limits, access: options.access, tls: options.tls, errors, docs, admission },
  );
  app.decorate('serving', { now: Date.now, createId: randomUUID, ...resources, admission });
  app.decorateRequest('usedBundleId');
  app.decorateRequest('recommendation');
  limitRequests(app);

  await measureRequests(app, tracing, options.slowRequestMs ?? 100);
  addHealthRoutes(app, {
    readySummary: 'Check whether the bundle and the profiles are loaded',
    readyFacts: { bundleId: Type.String() },
    readyExample: { bundleId: 'eb342103ec0057bad650138446eee7d9' },
    checkReady() {
      const bundleId = live.require().bundle.id;
      peers.requireReady();
      return { bundleId };
    },
  });
  addMetricsRoute(app, metrics, peers.readMetrics);
  addTrends(app, { readMetrics: peers.readMetrics, intervalMs: options.trendsIntervalMs ?? 60_000 });
  // The hooks of these plugins apply to recommendations only.
  await app.register(async (context) => {
    if (exposures !== undefined) await context.register(recordExposures, exposures);
    if (guardrails !== undefined) await context.register(judgeRecommendations, { guardrails });
    if (recent !== undefined) await context.register(recordRecentRequests, { recent });
    await addRecommendations(context);
  });
  addScoringRoutes(app);
  addBundleRoutes(app);
  addComparisons(app, comparisons, peers);
  addCatalogRoutes(app);
  addItemMap(app);
  addUserRoutes(app);
  await app.ready();
  return app;
}

/** Measures the spans of each request, and with tracing also exports them. */
async function measureRequests(app: HttpApp, tracing: AppDeps['tracing'], slowRequestMs: number): Promise<void> {
  if (tracing === undefined) {
    await app.register(measureSpans, { slowRequestMs });
    return;
  }
  const { createSpanWatcher, traceRequests } = await import('./telemetry/tracing.ts');
  await app.register(traceRequests, tracing);
  await app.register(measureSpans, { slowRequestMs, watchSpans: createSpanWatcher(tracing.tracer) });
}
