import { addHealthRoutes, addMetricsRoute, createHttpApp, declaredError } from '@facet/http';
import type { Access, Docs, HttpApp, ProblemCatalog, RouteAccess, ServerOptions } from '@facet/http';
import { hourMs } from '@facet/platform';
import cors from '@fastify/cors';
import type { RouteOptions } from 'fastify';
import { addBatchRoutes } from './batch/batch-routes.ts';
import { addErasureRoutes } from './erasure-routes.ts';
import { storeErrors } from './ingest-services.ts';
import type { IngestServices } from './ingest-services.ts';
import { addStatusRoutes } from './status-routes.ts';

export interface IngestOptions extends ServerOptions {
  /** Event types that `facet.yaml` declares. */
  readonly eventTypes: readonly string[];
  readonly limits?: Partial<typeof ingestLimits>;
}

const ingestLimits = {
  bodyBytesMax: 1 << 20,
  /** Records per request. */
  recordsMax: 1_000,
  /** Size of one record in the log; below the brokers' `max.message.bytes`, which is 1 MiB by default. */
  recordBytesMax: 256 << 10,
  /** Mean event loop delay over one second above which the ingest rejects requests. */
  eventLoopDelayMsMax: 1_000,
};

const docs: Docs = {
  title: 'Facet collector: ingest',
  description:
    'Accepts events, items and users, and erases users. Events need a key with the scope ingest; all other routes need ' +
    'a key with the scope admin.',
  scope: 'admin',
  tags: ['ingest'],
};

/** Remedies that are specific to this API. */
const errors: ProblemCatalog = {
  REQUEST_INVALID: { status: 400, remedy: 'See docs/collector.md for an example of every request.' },
};

/** Creates the ingest API without a socket. Closing it rejects new requests and finishes current ones. */
export async function createIngestApp(services: IngestServices, options: IngestOptions): Promise<HttpApp> {
  const limits = { ...ingestLimits, ...options.limits };
  const app = await createHttpApp(services, {
    ...limits,
    access: options.access,
    tls: options.tls,
    accessOf: accessOfPreflight,
    errors,
    docs,
    beforeAccess: (scope) => addBrowserAccess(scope, options.access),
  });
  addHealthRoutes(app, {
    readySummary: 'Reports whether the log or the spool can store records',
    readyFacts: {},
    readyExample: {},
    readyErrors: storeErrors,
    checkReady() {
      if (services.writer.state.canStore) return {};
      throw declaredError(storeErrors, 'STORE_UNAVAILABLE', 'Neither Kafka nor the spool can store records.');
    },
  });
  addMetricsRoute(app, services.metrics);
  addStatusRoutes(app, services);
  const receiving = { ...services, now: createReceiptClock(services.now) };
  addErasureRoutes(app, receiving);
  await addBatchRoutes(app, receiving, { eventTypes: options.eventTypes, access: options.access, limits });
  await app.ready();
  return app;
}

/** How long browsers cache the response to a preflight. */
const preflightSeconds = 600;

/**
 * Responds to preflights, and lets pages of the origins in the keys read responses. Whether a key belongs to the origin of
 * the request is checked together with the key.
 */
async function addBrowserAccess(app: HttpApp, access: Access): Promise<void> {
  await app.register(cors, {
    origin: (_origin, callback) => {
      callback(null, access.kind === 'keys' ? access.keys.flatMap((key) => key.origins ?? []) : []);
    },
    methods: ['GET', 'POST', 'PUT', 'DELETE'],
    allowedHeaders: ['content-type', 'x-api-key', 'authorization', 'x-request-id'],
    exposedHeaders: ['retry-after', 'x-request-id'],
    maxAge: preflightSeconds,
    // A strict preflight would be rejected by a response that is not a problem of this API.
    strictPreflight: false,
  });
}

/** Preflights carry no key. Returns `undefined` for other routes. */
function accessOfPreflight({ method, url }: RouteOptions): RouteAccess | undefined {
  return method === 'OPTIONS' && url === '*' ? { scope: 'open' } : undefined;
}

/**
 * Returns a clock that does not go back when the given clock is set back by an hour or less. So a later version of a record never has an
 * earlier time, and an erasure covers all earlier events. If the given clock is set back further, the returned clock goes back too,
 * because Kafka would refuse the records.
 *
 * @param now the clock in epoch milliseconds
 */
export function createReceiptClock(now: () => number): () => number {
  let last = -Infinity;
  return () => {
    const time = now();
    last = last - time > hourMs ? time : Math.max(last, time);
    return last;
  };
}
