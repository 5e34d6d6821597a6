import { addHealthRoutes, addMetricsRoute, createHttpApp } from '@facet/http';
import type { Access, Docs, HttpApp } from '@facet/http';
import { addBatchBodies } from './batch/batch-body.ts';
import type { BatchBodyOptions } from './batch/batch-body.ts';
import { recordKinds } from './batch/record-kind.ts';
import { accessOfPreflight, addBrowserAccess } from './browser-access.ts';
import type { IngestDeps } from './ingest-deps.ts';
import { ingestProblems } from './ingest-problems.ts';
import { addBatchRoute } from './routes/batch-routes.ts';
import { addErasureRoutes } from './routes/erasure-routes.ts';
import { addStatusRoutes } from './routes/status-routes.ts';

export interface IngestOptions {
  readonly access: Access;
  /** Event types that `facet.yaml` declares. */
  readonly eventTypes: readonly string[];
  readonly limits?: Partial<IngestLimits>;
}

export interface IngestLimits {
  readonly bodyBytesMax: number;
  /** Records of a request. */
  readonly recordsMax: number;
  /** Of one record in the log; below what brokers take (`max.message.bytes`, 1 MiB unless told otherwise). */
  readonly recordBytesMax: number;
  /** Mean delay of the event loop over a second above which requests are turned away. */
  readonly eventLoopDelayMsMax: number;
}

export const ingestLimits: IngestLimits = {
  bodyBytesMax: 1 << 20,
  recordsMax: 1_000,
  recordBytesMax: 256 << 10,
  eventLoopDelayMsMax: 1_000,
};

const docs: Docs = {
  title: 'Facet collector: ingest',
  description:
    'Takes events, items and users in, and forgets users. Events ask for a key with the scope ingest, everything else ' +
    'for one with the scope admin.',
  scope: 'admin',
  tags: ['ingest'],
};

/** Wires the ingest API, without a socket. Closing it refuses new requests and waits for those under way. */
export async function createIngestApp(deps: IngestDeps, options: IngestOptions): Promise<HttpApp> {
  const limits = { ...ingestLimits, ...options.limits };
  const app = await createHttpApp(deps, {
    ...limits,
    access: options.access,
    accessOf: accessOfPreflight,
    problems: ingestProblems,
    docs,
    beforeAccess: (scope) => addBrowserAccess(scope, options.access),
  });
  addHealthRoutes(app, {
    readySummary: 'Whether records can be stored, in the log or in the spool',
    readyFacts: {},
    checkReady() {
      if (!deps.writer.state.canStore) throw ingestProblems.error('STORE_UNAVAILABLE', 'Nothing can be stored.');
      return {};
    },
  });
  addMetricsRoute(app, deps.metrics);
  addStatusRoutes(app, deps);
  addErasureRoutes(app, deps);
  await addBatchRoutes(app, deps, { eventTypes: options.eventTypes, limits });
  await app.ready();
  return app;
}

async function addBatchRoutes(
  app: HttpApp,
  deps: IngestDeps,
  { eventTypes, limits }: { readonly eventTypes: readonly string[]; readonly limits: IngestLimits },
): Promise<void> {
  const kinds = recordKinds(deps.topics, eventTypes);
  await app.register(async (scope: HttpApp) => {
    const bodies: BatchBodyOptions = { entriesMax: limits.recordsMax, listField: 'events', acceptText: true };
    addBatchBodies(scope, bodies);
    addBatchRoute(
      scope,
      deps,
      {
        method: 'POST',
        path: '/v1/events',
        scope: 'ingest',
        keyPlaces: ['query'],
        kind: kinds.events,
        bodies,
        operationId: 'postEvents',
        summary: 'Takes events in',
        description:
          'One event, a list of up to 1,000, { events: […] }, or NDJSON. Sending an event again with the same eventId is ' +
          'harmless: it counts once. The answer comes when the accepted events are safe.',
      },
      limits,
    );
  });
  for (const kind of [kinds.items, kinds.users] as const) {
    await app.register(async (scope: HttpApp) => {
      const bodies: BatchBodyOptions = { entriesMax: limits.recordsMax, listField: kind.name, acceptText: false };
      addBatchBodies(scope, bodies);
      addBatchRoute(
        scope,
        deps,
        {
          method: 'PUT',
          path: `/v1/${kind.name}`,
          scope: 'admin',
          kind,
          bodies,
          operationId: kind.name === 'items' ? 'putItems' : 'putUsers',
          summary: `Adds or replaces ${kind.name}`,
          description: `One, a list of up to 1,000, { ${kind.name}: […] }, or NDJSON. Each replaces the whole record of its id.`,
        },
        limits,
      );
    });
  }
}
