import { randomUUID } from 'node:crypto';
import type { Logger } from '@facet/platform';
import helmet from '@fastify/helmet';
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox';
import fastify, { LogController } from 'fastify';
import type { FastifyBaseLogger } from 'fastify';
import { addAccessControl } from './auth/access.ts';
import type { Access } from './auth/access.ts';
import { addDocs } from './docs/docs-routes.ts';
import { addHealthRoutes } from './health/health-routes.ts';
import { addInterestsRoutes } from './interests/interests-routes.ts';
import type { LiveBundle } from './live/live-bundle.ts';
import type { Metrics } from './metrics/metrics.ts';
import { addMetricsRoutes, addRequestObservation } from './metrics/metrics-routes.ts';
import { createAdmission } from './overload/admission.ts';
import { addPressureRelief } from './overload/pressure.ts';
import { compileValidator } from './problems/compile-validator.ts';
import { addProblemHandlers, answerBrokenRequest, sendProblem } from './problems/problem-handlers.ts';
import { addRecommendationsRoutes } from './recommendations/recommendations-routes.ts';
import type { RouteDeps } from './route-deps.ts';
import type { ServingApp } from './serving-app.ts';

export interface AppDeps {
  readonly logger: Logger;
  /** What is answered from; it may be filled later. */
  readonly live: LiveBundle;
  readonly metrics: Metrics;
  /** The clock in epoch milliseconds. */
  readonly now?: () => number;
  readonly createId?: () => string;
}

export interface AppOptions {
  readonly access: Access;
  readonly limits?: Partial<Limits>;
}

export interface Limits {
  readonly bodyBytesMax: number;
  /** Requests that are worked on at a time; each holds one search of the index. */
  readonly concurrentMax: number;
  /** Mean delay of the event loop over a second above which requests are turned away. */
  readonly eventLoopDelayMsMax: number;
}

const limitsDefault: Limits = { bodyBytesMax: 1 << 20, concurrentMax: 256, eventLoopDelayMsMax: 250 };

/** Time for a request to arrive, and for its answer to be made: callers of an API of milliseconds are long gone. */
const requestTimeoutMs = 10_000;
const handlerTimeoutMs = 10_000;

/** An id of the caller's choice, as long as it is harmless in a log. */
const requestIdPattern = /^[\w.:-]{1,128}$/;

/**
 * Wires the API, without a socket: `listen` or `inject` it. Closing it refuses new requests and waits for those under
 * way; the bundle may be closed after that.
 */
export async function createApp(deps: AppDeps, options: AppOptions): Promise<ServingApp> {
  const { live, metrics } = deps;
  const limits = { ...limitsDefault, ...options.limits };
  const app: ServingApp = fastify({
    loggerInstance: deps.logger as FastifyBaseLogger,
    logController: new LogController({ disableRequestLogging: true }),
    genReqId: (request) => {
      const given = request.headers['x-request-id'];
      return typeof given === 'string' && requestIdPattern.test(given) ? given : randomUUID();
    },
    bodyLimit: limits.bodyBytesMax,
    requestTimeout: requestTimeoutMs,
    handlerTimeout: handlerTimeoutMs,
    // Like any other field that is not known.
    onProtoPoisoning: 'remove',
    onConstructorPoisoning: 'remove',
    forceCloseConnections: 'idle',
    // The hook below does it, in the form of this API.
    return503OnClosing: false,
    trustProxy: false,
    frameworkErrors: sendProblem,
    clientErrorHandler: answerBrokenRequest,
  }).withTypeProvider<TypeBoxTypeProvider>();
  app.removeContentTypeParser('text/plain');
  app.setValidatorCompiler(compileValidator);
  addProblemHandlers(app);

  addRequestObservation(app, metrics);
  app.addHook('onRequest', async (request, reply) => void reply.header('x-request-id', request.id));
  await app.register(helmet, {
    contentSecurityPolicy: { useDefaults: false, directives: { defaultSrc: ["'none'"], frameAncestors: ["'none'"] } },
    // Whoever terminates TLS in front decides on it.
    strictTransportSecurity: false,
  });
  addAccessControl(app, options.access);
  addDraining(app, live);
  await addPressureRelief(app, limits);

  await addDocs(app);
  addHealthRoutes(app, live);
  addMetricsRoutes(app, metrics);
  const routes: RouteDeps = {
    live,
    metrics,
    admission: createAdmission(limits.concurrentMax),
    now: deps.now ?? Date.now,
    createId: deps.createId ?? randomUUID,
  };
  addRecommendationsRoutes(app, routes);
  addInterestsRoutes(app, routes);
  await app.ready();
  return app;
}

/** From the start of closing on, what still arrives on open connections is refused. */
function addDraining(app: ServingApp, live: LiveBundle): void {
  app.addHook('preClose', async () => live.startClosing());
  app.addHook('onRequest', async () => live.refuseWhenClosing());
}
