import { listRoutes } from '@facet/http';
import type { HttpApp } from '@facet/http';
import { createLogger, hashApiKey, scopes } from '@facet/platform';
import { createWorkerMetrics } from '@facet/refresh';
import { expect, it, onTestFinished } from 'vitest';
import { createApp } from '../src/app.ts';

/** The real app; a key of each scope has the scope's name. */
async function createTestApp(isConnected = true): Promise<HttpApp> {
  const app = await createApp(
    {
      logger: createLogger({ name: 'test', level: 'silent' }),
      metrics: createWorkerMetrics(() => isConnected),
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

/** Who is answered at each route: anybody, or the keys with this scope. */
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

it('every route answers to keys with its scope, and to nobody else', async () => {
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

it('tells what it works on, and is not ready without the queue', async () => {
  const answers = async (app: HttpApp): Promise<unknown[]> =>
    Promise.all(['/healthz', '/readyz'].map(async (url) => (await app.inject(url)).json() as unknown));
  expect(await answers(await createTestApp())).toEqual([
    { status: 'ok' },
    { status: 'ready', working: '2026-02-28 index' },
  ]);
  const [alive, ready] = await answers(await createTestApp(false));
  expect(alive).toEqual({ status: 'ok' });
  expect(ready).toMatchObject({ statusCode: 503, code: 'NOT_READY' });
});

it('the docs page tells of its routes', async () => {
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
