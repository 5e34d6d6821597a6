import { randomUUID } from 'node:crypto';
import type { CertificateFiles, Logger } from '@facet/platform';
import helmet from '@fastify/helmet';
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox';
import fastify, { LogController } from 'fastify';
import type { FastifyBaseLogger, RouteOptions } from 'fastify';
import { addAccessControl, requireScopes } from './access/access.ts';
import type { Access, RouteAccess } from './access/access.ts';
import { readCertificate, watchCertificate } from './certificate.ts';
import { accessOfDocs, addDocs } from './docs.ts';
import type { Docs } from './docs.ts';
import type { HttpApp } from './http-app.ts';
import { addRequestObservation } from './metrics.ts';
import type { HttpMetrics } from './metrics.ts';
import type { Admission } from './overload/admission.ts';
import {
  addArrivalBound,
  addDraining,
  addEarlyRefusal,
  addPressureRelief,
  addResponseTimeout,
} from './overload/request-bounds.ts';
import { compileValidator } from './problems/compile-validator.ts';
import { httpProblems } from './problems/problem.ts';
import type { ProblemCatalog } from './problems/problem.ts';
import {
  addMissingRouteRefusal,
  addProblemHandlers,
  createBrokenRequestHandler,
  createDeclaredRoutes,
  createProblemSender,
} from './problems/problem-handlers.ts';

export interface HttpAppDeps {
  readonly logger: Logger;
  readonly metrics: HttpMetrics;
}

/** What an operator chooses for every app. */
export interface ServerOptions {
  readonly access: Access;
  /** Lets the app speak HTTPS. Absent: HTTP. */
  readonly tls?: CertificateFiles | undefined;
}

export interface HttpAppOptions extends ServerOptions {
  /** Returns the access of plugin routes, which declare no scope. */
  readonly accessOf?: (route: RouteOptions) => RouteAccess | undefined;
  /** The errors that every route of the app can throw. An entry may replace the remedy of one of the `httpProblems`. */
  readonly errors?: ProblemCatalog;
  /** Serves the API description at `/docs`. Absent: no description. */
  readonly docs?: Docs;
  readonly bodyBytesMax: number;
  /** Total size of bodies that arrive at the same time. Default: 128 MiB. */
  readonly arrivingBytesMax?: number;
  /** Refuses requests to `/v1/…` with the scope `serve` at its limit, before any work. */
  readonly admission?: Admission;
  /** Mean event loop delay over one second above which requests to `/v1/…` are refused. */
  readonly eventLoopDelayMsMax: number;
  /** Time for a request to arrive. Default: 10 seconds. */
  readonly requestTimeoutMs?: number;
  /** Adds hooks that must run before access control, such as CORS. */
  readonly beforeAccess?: (app: HttpApp) => Promise<void>;
}

/** Callers of an API that responds in milliseconds wait less. */
const requestTimeoutMsDefault = 10_000;
const arrivingBytesMaxDefault = 128 << 20;
/** Interval of the check for requests that did not arrive in time. */
const connectionsCheckMs = 1_000;
/** The response timeout ends later than the request timeout, so that a slow body is not reported as a slow response. */
const responseMarginMs = 2 * connectionsCheckMs;

/** Accepts request ids of callers that are harmless in a log. */
const requestIdPattern = /^[\w.:-]{1,128}$/;

/**
 * Creates an HTTP app without a socket: problem responses, access by keys and scopes, security headers, request metrics and
 * bounds. Add routes, each with `config: { scope }`, then call `ready()`. Closing refuses new requests and waits for current
 * ones.
 */
export async function createHttpApp({ logger, metrics }: HttpAppDeps, options: HttpAppOptions): Promise<HttpApp> {
  const { docs, accessOf, errors = {}, requestTimeoutMs = requestTimeoutMsDefault } = options;
  const catalog = { ...httpProblems, ...errors };
  const routes = createDeclaredRoutes();
  // Node uses the longer of the two timeouts for the whole request. The default is a minute.
  const bounds = { headersTimeout: requestTimeoutMs, connectionsCheckingInterval: connectionsCheckMs };
  const { tls } = options;
  const https = tls === undefined ? null : { ...bounds, ...readCertificate(tls), handshakeTimeout: requestTimeoutMs };
  const app = fastify({
    loggerInstance: logger as FastifyBaseLogger,
    logController: new LogController({ disableRequestLogging: true }),
    genReqId: (request) => {
      const given = request.headers['x-request-id'];
      return typeof given === 'string' && requestIdPattern.test(given) ? given : randomUUID();
    },
    bodyLimit: options.bodyBytesMax,
    // Ids have up to 256 characters, each up to four bytes in UTF-8, and each byte three characters in a URL.
    routerOptions: { maxParamLength: 256 * 12 },
    requestTimeout: requestTimeoutMs,
    ...(https === null ? { http: bounds } : { https }),
    // Treated like other unknown fields.
    onProtoPoisoning: 'remove',
    onConstructorPoisoning: 'remove',
    forceCloseConnections: 'idle',
    // addDraining sends it as a problem response.
    return503OnClosing: false,
    trustProxy: false,
    frameworkErrors: createProblemSender(catalog),
    clientErrorHandler: createBrokenRequestHandler(catalog, routes),
  }).withTypeProvider<TypeBoxTypeProvider>();
  if (tls !== undefined) watchCertificate(app, tls, { logger });
  app.removeContentTypeParser('text/plain');
  app.setValidatorCompiler(compileValidator);
  addProblemHandlers(app, catalog, routes);

  addRequestObservation(app, metrics);
  addResponseTimeout(app, requestTimeoutMs + responseMarginMs);
  app.addHook('onRequest', async (request, reply) => void reply.header('x-request-id', request.id));
  if (options.admission !== undefined) addEarlyRefusal(app, options.admission, catalog);
  await app.register(helmet, {
    contentSecurityPolicy: { useDefaults: false, directives: { defaultSrc: ["'none'"], frameAncestors: ["'none'"] } },
    // The proxy that terminates TLS decides.
    strictTransportSecurity: false,
  });
  requireScopes(app, (route) => accessOfDocs(route, docs) ?? accessOf?.(route));
  await options.beforeAccess?.(app);
  addAccessControl(app, options.access);
  addMissingRouteRefusal(app, routes);
  addDraining(app);
  addArrivalBound(app, { arrivingBytesMax: arrivingBytesMaxDefault, ...options });
  await addPressureRelief(app, options);
  if (docs !== undefined) await addDocs(app, docs, errors);
  return app;
}
