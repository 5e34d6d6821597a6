import { randomUUID } from 'node:crypto';
import type { Logger } from '@facet/platform';
import helmet from '@fastify/helmet';
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox';
import fastify, { LogController } from 'fastify';
import type { FastifyBaseLogger, RouteOptions } from 'fastify';
import { addAccessControl, requireScopes } from './access/access.ts';
import type { Access, RouteAccess } from './access/access.ts';
import { accessOfDocs, addDocs } from './docs/docs.ts';
import type { Docs } from './docs/docs.ts';
import type { HttpApp } from './http-app.ts';
import type { HttpMetrics } from './metrics/http-metrics.ts';
import { addRequestObservation } from './metrics/request-observation.ts';
import type { Admission } from './overload/admission.ts';
import { addAnswerBound } from './overload/answer-bound.ts';
import { addArrivalBound } from './overload/arriving-bodies.ts';
import { addDraining } from './overload/draining.ts';
import { addEarlyRefusal } from './overload/early-refusal.ts';
import { addPressureRelief } from './overload/pressure.ts';
import { compileValidator } from './problems/compile-validator.ts';
import type { Problems } from './problems/problem.ts';
import { addProblemHandlers, createBrokenRequestHandler, createProblemSender } from './problems/problem-handlers.ts';

export interface HttpAppDeps {
  readonly logger: Logger;
  readonly metrics: HttpMetrics;
}

export interface HttpAppOptions {
  readonly access: Access;
  /** What is asked at the routes of plugins, which declare no scope themselves. */
  readonly accessOf?: (route: RouteOptions) => RouteAccess | undefined;
  readonly problems: Problems;
  /** Makes the app describe itself at `/docs`; absent: it does not. */
  readonly docs?: Docs;
  readonly bodyBytesMax: number;
  /** Of all bodies that arrive at the same time, 128 MiB by default. */
  readonly arrivingBytesMax?: number;
  /** Turns requests to `/v1/…` with the scope `serve` away before anything is done for them, while it has no room. */
  readonly admission?: Admission;
  /** Mean delay of the event loop over a second above which requests to `/v1/…` are turned away. */
  readonly eventLoopDelayMsMax: number;
  /** Time for a request to arrive, 10 seconds by default. */
  readonly requestTimeoutMs?: number;
  /** Adds what must come before any caller is turned away, such as CORS. */
  readonly beforeAccess?: (app: HttpApp) => Promise<void>;
}

/** Time for a request to arrive: callers of an API of milliseconds are long gone. */
const requestTimeoutMsDefault = 10_000;
const arrivingBytesMaxDefault = 128 << 20;
/** How often connections are looked through for requests that did not arrive in time. */
const connectionsCheckMs = 1_000;
/** The time for an answer ends so much later, so that a body that does not arrive is told from an answer that is not made. */
const answerMarginMs = 2 * connectionsCheckMs;

/** An id of the caller's choice, as long as it is harmless in a log. */
const requestIdPattern = /^[\w.:-]{1,128}$/;

/**
 * What all HTTP apps have in common, without a socket: one form for problems, keys by scope, security headers,
 * measured requests, bounds on everything. Add routes, each with `config: { scope }`, and then `ready()`. Closing it refuses new
 * requests and waits for those under way.
 */
export async function createHttpApp({ logger, metrics }: HttpAppDeps, options: HttpAppOptions): Promise<HttpApp> {
  const { docs, accessOf, requestTimeoutMs = requestTimeoutMsDefault } = options;
  const { catalog } = options.problems;
  const app: HttpApp = fastify({
    loggerInstance: logger as FastifyBaseLogger,
    logController: new LogController({ disableRequestLogging: true }),
    genReqId: (request) => {
      const given = request.headers['x-request-id'];
      return typeof given === 'string' && requestIdPattern.test(given) ? given : randomUUID();
    },
    bodyLimit: options.bodyBytesMax,
    // Ids of 256 characters, each up to four bytes in UTF-8 and three characters a byte in a URL.
    routerOptions: { maxParamLength: 256 * 12 },
    requestTimeout: requestTimeoutMs,
    // Node takes the longer of the two for the whole request, and would wait a minute by default.
    http: { headersTimeout: requestTimeoutMs, connectionsCheckingInterval: connectionsCheckMs },
    // Like any other field that is not known.
    onProtoPoisoning: 'remove',
    onConstructorPoisoning: 'remove',
    forceCloseConnections: 'idle',
    // Draining does it, in the form of these APIs.
    return503OnClosing: false,
    trustProxy: false,
    frameworkErrors: createProblemSender(catalog),
    clientErrorHandler: createBrokenRequestHandler(catalog),
  }).withTypeProvider<TypeBoxTypeProvider>();
  app.removeContentTypeParser('text/plain');
  app.setValidatorCompiler(compileValidator);
  addProblemHandlers(app, catalog);

  addRequestObservation(app, metrics);
  addAnswerBound(app, requestTimeoutMs + answerMarginMs);
  app.addHook('onRequest', async (request, reply) => void reply.header('x-request-id', request.id));
  if (options.admission !== undefined) addEarlyRefusal(app, options.admission, catalog);
  await app.register(helmet, {
    contentSecurityPolicy: { useDefaults: false, directives: { defaultSrc: ["'none'"], frameAncestors: ["'none'"] } },
    // Whoever terminates TLS in front decides on it.
    strictTransportSecurity: false,
  });
  requireScopes(app, (route) => accessOfDocs(route, docs) ?? accessOf?.(route));
  await options.beforeAccess?.(app);
  addAccessControl(app, options.access);
  addDraining(app);
  addArrivalBound(app, { arrivingBytesMax: arrivingBytesMaxDefault, ...options });
  await addPressureRelief(app, options);
  if (docs !== undefined) await addDocs(app, docs);
  return app;
}
