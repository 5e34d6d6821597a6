import { createLogger, hashApiKey } from '@facet/platform';
import type { ApiKey, Scope } from '@facet/platform';
import { Type } from 'typebox';
import { afterAll, onTestFinished } from 'vitest';
import { addHealthRoutes, addMetricsRoute, createHttpApp, createHttpMetrics } from '../src/index.ts';
import type { Access, HttpApp, HttpAppOptions } from '../src/index.ts';

/** The key with this name, as text and as stored. */
export const textOf = (name: string): string => `facet_the-key-of-${name}`;
export const keyOf = (name: string, scopes: readonly Scope[], more: Partial<ApiKey> = {}): ApiKey => ({
  name,
  scopes,
  sha256: hashApiKey(textOf(name)),
  ...more,
});

export const errors = {
  ORDER_SOLD_OUT: { status: 409, remedy: 'Order something else.' },
  STORE_FULL: { status: 503 },
  NOT_FOUND: { status: 404, remedy: 'See the menu.' },
};

export interface TestApp {
  readonly app: HttpApp;
  /** The parsed log lines of the app. */
  readonly logLines: Record<string, unknown>[];
}

type TestAppOptions = Partial<HttpAppOptions> & {
  readonly addRoutes?: (app: HttpApp) => void;
  readonly access?: Access;
};

/** Creates an app with a few routes, which closes when the test ends. Needs no keys by default. */
export async function createTestApp(options: TestAppOptions = {}): Promise<TestApp> {
  const server = await createApp(options);
  onTestFinished(() => server.app.close());
  return server;
}

/** As {@link createTestApp}, but the app closes after all tests of the file. */
export async function createAppOfFile(options: TestAppOptions): Promise<TestApp> {
  const server = await createApp(options);
  afterAll(() => server.app.close());
  return server;
}

async function createApp(options: TestAppOptions): Promise<TestApp> {
  const logLines: Record<string, unknown>[] = [];
  const destination = { write: (line: string) => void logLines.push(JSON.parse(line) as Record<string, unknown>) };
  const logger = createLogger({ name: 'test', level: 'debug', destination });
  const metrics = createHttpMetrics();
  const { addRoutes, ...rest } = options;
  const app = await createHttpApp(
    { logger, metrics },
    { access: { kind: 'anybody' }, errors, bodyBytesMax: 10_000, eventLoopDelayMsMax: 250, ...rest },
  );
  addHealthRoutes(app, {
    readySummary: 'Whether it is ready',
    readyFacts: {},
    readyExample: {},
    checkReady: () => ({}),
  });
  addMetricsRoute(app, metrics);
  app.post(
    '/v1/orders',
    {
      config: { scope: 'ingest', keySources: ['query'] },
      schema: {
        body: Type.Object({
          dish: Type.String({ minLength: 1 }),
          size: Type.Optional(Type.Literal('small')),
          side: Type.Optional(Type.Enum(['bread', 'rice'])),
          table: Type.Optional(
            Type.String({ pattern: '^[1-9]$', description: 'The number of the table, from 1 to 9.' }),
          ),
        }),
      },
    },
    async (request) => ({ dish: request.body.dish, by: request.apiKey?.name ?? null }),
  );
  app.get('/page', { config: { scope: 'serve', keySources: ['basic'] } }, async () => ({ page: true }));
  addRoutes?.(app);
  await app.ready();
  return { app, logLines };
}
