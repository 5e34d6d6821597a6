import { listRoutes } from '@facet/http';
import type { HttpApp } from '@facet/http';
import { createLogger, hashApiKey, scopes } from '@facet/platform';
import { createWorkerMetrics } from '@facet/refresh';
import { expect, it, onTestFinished } from 'vitest';
import { createApp } from '../src/app.ts';

/** Creates the real app with one key per scope, equal to the name of the scope. */
async function createTestApp(isConnected = true): Promise<HttpApp> {
  const app = await createApp(
    {
      logger: createLogger({ name: 'test', level: 'silent' }),
      metrics: createWorkerMetrics('indexer', () => isConnected),
      worker: { isConnected, working: isConnected ? { runId: '2026-02-28', stage: 'index' } : undefined },
    },
    {
      access: {
        kind: 'keys',
        keys: scopes.map((scope) => ({ name: scope, scopes: [scope], sha256: hashApiKey(scope) })),
      },
    },
  );
  onTestFinished(() => app.close());
  return app;
}

/** Which requests each route accepts: all (`open`), or requests with a key of this scope. */
const scopeOfRoute = {
  'GET /healthz': 'open',
  'GET /readyz': 'open',
  'GET /metrics': 'admin',
  'GET /docs': 'admin',
  'GET /docs/': 'admin',
  'GET /docs/json': 'admin',
  'GET /docs/yaml': 'admin',
  'GET /docs/static/*': 'admin',
  'GET /docs/static/index.html': 'admin',
  'GET /docs/static/swagger-initializer.js': 'admin',
} as const;

it('accepts only keys with the scope of the route', async () => {
  const app = await createTestApp();
  const routes = listRoutes(app).map(({ method, url }) => ({
    method: method as 'GET',
    url: url.replace('static/*', 'static/swagger-ui.css'),
    name: `${method === 'HEAD' ? 'GET' : method} ${url}`,
  }));
  expect([...new Set(routes.map(({ name }) => name))].sort()).toEqual(Object.keys(scopeOfRoute).sort());
  for (const { method, url, name } of routes) {
    const statusWith = async (headers: Record<string, string>): Promise<number> =>
      (await app.inject({ method, url, headers })).statusCode;
    const scope = scopeOfRoute[name as keyof typeof scopeOfRoute];
    expect(await statusWith({}), name).toBe(scope === 'open' ? 200 : 401);
    for (const key of scopes) {
      const status = await statusWith({ 'x-api-key': key });
      if (scope === 'open' || scope === key) expect(status, `${name} with ${key}`).toBeLessThan(400);
      else expect(status, `${name} with ${key}`).toBe(403);
    }
  }
});

it('reports its current stage, and is not ready without the queue', async () => {
  const healthOf = async (app: HttpApp): Promise<unknown[]> =>
    Promise.all(['/healthz', '/readyz'].map(async (url) => (await app.inject(url)).json() as unknown));
  expect(await healthOf(await createTestApp())).toEqual([
    { status: 'ok' },
    { status: 'ready', working: '2026-02-28 index' },
  ]);
  const [alive, ready] = await healthOf(await createTestApp(false));
  expect(alive).toEqual({ status: 'ok' });
  expect(ready).toMatchObject({ statusCode: 503, code: 'NOT_READY' });
});

it('documents all routes', async () => {
  const app = await createTestApp();
  const headers = { 'x-api-key': 'admin' };
  const { info, paths } = (await app.inject({ url: '/docs/json', headers })).json() as {
    info: { title: string };
    paths: Record<string, object>;
  };
  expect(info.title).toBe('Facet indexer');
  expect(Object.keys(paths).sort()).toEqual(['/healthz', '/metrics', '/readyz']);
  expect((await app.inject({ url: '/docs/', headers })).body).toContain('swagger-ui');
});
