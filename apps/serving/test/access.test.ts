import { listRoutes } from '@facet/http';
import { describe, expect, it } from 'vitest';
import { apiKey, appOfFile, homeOfFile, servingKey, textOfKey } from './fixtures.ts';

const keys = [
  ...(['ingest', 'serve', 'admin'] as const).map((scope) => servingKey(scope, [scope])),
  servingKey('all but serve', ['ingest', 'admin']),
  servingKey('all but admin', ['ingest', 'serve']),
];

const home = await homeOfFile();
const server = await appOfFile(home, { access: { kind: 'keys', keys: [...keys, servingKey('tests', ['serve'])] } });

const call = (method: string, url: string, headers: Record<string, string> = {}) =>
  server.app.inject({ method: method as 'GET', url, headers, ...(method === 'POST' ? { payload: {} } : {}) });

/** The scopes that each route accepts; open routes need no key. */
const scopeOfRoute = {
  'POST /v1/recommendations': 'serve',
  'POST /v1/recommendations:batch': 'serve',
  'POST /v1/rank': 'serve',
  'POST /v1/interests': 'serve',
  'GET /v1/items/:itemId/similar': 'serve',
  'GET /v1/catalog': 'serve',
  'GET /v1/items': 'serve',
  'GET /v1/users': 'serve',
  'GET /v1/users:examples': 'serve',
  'GET /v1/users/:userId': 'serve',
  'GET /v1/item-map': 'serve',
  'GET /v1/item-map/columns': 'serve',
  'POST /v1/item-map/items': 'serve',
  'GET /v1/arms': 'admin',
  'GET /v1/promotions': 'admin',
  'GET /v1/bundles/:bundleId/gate': 'admin',
  'POST /v1/bundles/:bundleId/gate': 'admin',
  'POST /v1/comparisons': 'admin',
  'POST /v1/recommendations:preview': 'admin',
  'GET /v1/bundles': 'admin',
  'GET /v1/bundles/:bundleId': 'admin',
  'POST /v1/bundles/:bundleId/promote': 'admin',
  'GET /v1/refs': 'admin',
  'GET /v1/trends': 'admin',
  'POST /v1/refs/rollback': 'admin',
  'GET /metrics': 'admin',
  'GET /healthz': 'open',
  'GET /readyz': 'open',
  'GET /docs': 'serve',
  'GET /docs/': 'serve',
  'GET /docs/json': 'serve',
  'GET /docs/yaml': 'serve',
  'GET /docs/static/*': 'serve',
  'GET /docs/static/index.html': 'serve',
  'GET /docs/static/swagger-initializer.js': 'serve',
} as const;

describe('every route', () => {
  it('is in this table', () => {
    const routes = listRoutes(server.app).filter(({ method }) => method !== 'HEAD');
    expect(routes.map(({ method, url }) => `${method} ${url}`).sort()).toEqual(Object.keys(scopeOfRoute).sort());
  });

  it('accepts only keys with its scope', async () => {
    for (const { method, url } of listRoutes(server.app)) {
      const route = `${method === 'HEAD' ? 'GET' : method} ${url}` as keyof typeof scopeOfRoute;
      const path = url.replace('*', 'swagger-ui.css');
      const scope = scopeOfRoute[route];
      const statusWithout = (await call(method, path)).statusCode;
      expect(statusWithout, `${method} ${url}`).toBe(scope === 'open' ? 200 : 401);
      const statusWithWrong = (await call(method, path, { 'x-api-key': textOfKey('stranger') })).statusCode;
      expect(statusWithWrong, `${method} ${url} with an unknown key`).toBe(scope === 'open' ? 200 : 401);
      for (const { name, scopes } of keys) {
        const { statusCode } = await call(method, path, { 'x-api-key': textOfKey(name) });
        const isAllowed = scope === 'open' || scopes.includes(scope);
        // Only accepted keys learn whether a bundle exists or a body is valid.
        if (isAllowed) expect([401, 403], `${method} ${url} with ${name}`).not.toContain(statusCode);
        else expect(statusCode, `${method} ${url} with ${name}`).toBe(403);
      }
    }
  });
});

it('the probes reveal only the health of the process', async () => {
  expect((await call('GET', '/healthz')).json()).toEqual({ status: 'ok' });
  expect((await call('GET', '/readyz')).json()).toEqual({
    status: 'ready',
    version: '0.1.0',
    bundleId: home.bundleRef.id,
  });
});

const basic = (password: string): string => `Basic ${Buffer.from(`anyone:${password}`).toString('base64')}`;

describe('a key', () => {
  it('opens the docs in a browser, as a password', async () => {
    const refused = await call('GET', '/docs/');
    expect(refused.headers['www-authenticate']).toMatch(/^Basic realm="/);
    for (const url of ['/docs', '/docs/', '/docs/json', '/docs/static/swagger-ui-bundle.js']) {
      expect((await call('GET', url, { authorization: basic(apiKey) })).statusCode, url).toBe(200);
      expect((await call('GET', url, { authorization: basic('wrong') })).statusCode, url).toBe(401);
    }
    expect((await call('POST', '/v1/recommendations', { authorization: basic(apiKey) })).statusCode).toBe(401);
  });

  it('is refused in the URL', async () => {
    expect((await call('GET', `/docs/json?key=${apiKey}&x-api-key=${apiKey}`)).statusCode).toBe(401);
  });

  it('is never logged, nor is the user', async () => {
    server.logLines.length = 0;
    // Random ids in the log are hexadecimal.
    const userId = 'zoe';
    await server.post('/v1/recommendations', { userId, limit: 0 });
    await server.post('/v1/recommendations', { userId });
    await call('GET', '/docs', { authorization: basic(apiKey) });
    const log = JSON.stringify(server.logLines);
    expect(server.logLines.length).toBeGreaterThanOrEqual(3);
    expect(log).not.toContain(apiKey);
    expect(log).not.toContain(userId);
  });
});
