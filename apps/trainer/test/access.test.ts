import { listRoutes } from '@facet/http';
import { startRedis } from '@facet/local-services';
import type { LocalRedis } from '@facet/local-services';
import { hasScope, scopes } from '@facet/platform';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createTestApp, lastDay } from './fixtures.ts';

let redis: LocalRedis;
beforeAll(async () => {
  redis = await startRedis();
});
afterAll(() => redis.stop());

/** Which requests each route accepts: all (`open`), or requests with a key of this scope. */
const scopeOfRoute = {
  'GET /healthz': 'open',
  'GET /readyz': 'open',
  'GET /metrics': 'admin',
  'POST /v1/refreshes': 'admin',
  'GET /v1/refreshes': 'read',
  'GET /v1/refreshes/:runId': 'read',
  'POST /v1/refreshes/:runId/cancel': 'admin',
  'GET /v1/refreshes/:runId/events': 'read',
  'GET /v1/schedule': 'read',
  'GET /v1/lineage/:id': 'read',
  'GET /v1/models/:modelId/training': 'read',
  'GET /v1/experiments': 'read',
  'GET /v1/experiments/:name/report': 'read',
  'GET /docs': 'admin',
  'GET /docs/': 'admin',
  'GET /docs/json': 'admin',
  'GET /docs/yaml': 'admin',
  'GET /docs/static/*': 'admin',
  'GET /docs/static/index.html': 'admin',
  'GET /docs/static/swagger-initializer.js': 'admin',
} as const;

it('accepts only keys with the scope of the route', async () => {
  const { app, queue } = await createTestApp(redis.url);
  // A run that has ended, so that its event stream ends.
  await queue.request({ day: lastDay, requestedBy: 'test' });
  await queue.cancel(lastDay, { reason: 'a test' });
  const routes = listRoutes(app);
  const nameOf = ({ method, url }: (typeof routes)[number]): string => `${method === 'HEAD' ? 'GET' : method} ${url}`;
  expect([...new Set(routes.map(nameOf))].sort()).toEqual(Object.keys(scopeOfRoute).sort());
  for (const route of routes) {
    const name = nameOf(route);
    const scope = scopeOfRoute[name as keyof typeof scopeOfRoute];
    const url = route.url.replace('static/*', 'static/swagger-ui.css').replace(':runId', lastDay);
    const method = route.method as 'GET';
    const statusWith = async (headers: Record<string, string>): Promise<number> =>
      (await app.inject({ method, url, headers, ...(method.startsWith('P') ? { payload: {} } : {}) })).statusCode;
    expect(await statusWith({}), name).toBe(scope === 'open' ? 200 : 401);
    expect(await statusWith({ 'x-api-key': 'facet_made-up' }), name).toBe(scope === 'open' ? 200 : 401);
    for (const key of scopes) {
      const status = await statusWith({ 'x-api-key': key });
      const isAllowed = scope === 'open' || hasScope({ scopes: [key] }, scope);
      // Only accepted keys learn whether an artifact or an experiment exists.
      if (isAllowed) expect([401, 403], `${name} with ${key}`).not.toContain(status);
      else expect(status, `${name} with ${key}`).toBe(403);
    }
  }
});

it('documents all routes', async () => {
  const { app } = await createTestApp(redis.url);
  const headers = { 'x-api-key': 'admin' };
  const { paths } = (await app.inject({ url: '/docs/json', headers })).json() as { paths: Record<string, object> };
  expect(Object.keys(paths).sort()).toEqual([
    '/healthz',
    '/metrics',
    '/readyz',
    '/v1/experiments',
    '/v1/experiments/{name}/report',
    '/v1/lineage/{id}',
    '/v1/models/{modelId}/training',
    '/v1/refreshes',
    '/v1/refreshes/{runId}',
    '/v1/refreshes/{runId}/cancel',
    '/v1/refreshes/{runId}/events',
    '/v1/schedule',
  ]);
  expect((await app.inject({ url: '/docs/', headers })).body).toContain('swagger-ui');
});
