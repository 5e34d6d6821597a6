import { addHealthRoutes, addMetricsRoute, createHttpApp } from '@facet/http';
import type { HttpApp, HttpMetrics, ServerOptions } from '@facet/http';
import type { Logger } from '@facet/platform';
import type { ConsoleConfig } from './config.ts';
import { addPageRoutes } from './page-routes.ts';
import { addSessionRoutes, addSessions, createLinkCodes, createSessions } from './sessions.ts';
import { addUpstreams } from './upstreams.ts';

export interface AppDeps {
  readonly logger: Logger;
  readonly metrics: HttpMetrics;
  /** The clock in epoch milliseconds. */
  readonly now: () => number;
}

export type AppOptions = Pick<ConsoleConfig, 'upstreams' | 'prometheus' | 'secret' | 'isHttps' | 'sessionMs'> &
  ServerOptions;

/** Creates the HTTP app of the console, without a socket. */
export async function createApp({ logger, metrics, now }: AppDeps, options: AppOptions): Promise<HttpApp> {
  const { access, tls, secret, sessionMs: ttlMs } = options;
  const signIn = { ...options, sessions: createSessions({ secret, ttlMs, now }), codes: createLinkCodes({ now }) };
  const app = await createHttpApp(
    { logger, metrics },
    {
      access,
      tls,
      bodyBytesMax: 64 << 10,
      eventLoopDelayMsMax: 1_000,
      beforeAccess: (created) => addSessions(created, signIn),
    },
  );
  addHealthRoutes(app, {
    readySummary: 'Check whether the console accepts requests',
    readyFacts: {},
    readyExample: {},
    checkReady: () => ({}),
  });
  addMetricsRoute(app, metrics);
  addSessionRoutes(app, signIn);
  await addUpstreams(app, options);
  await addPageRoutes(app);
  await app.ready();
  return app;
}
