import { expectRouteAccess, scopeKeys } from '@facet/testing';
import { expect, it } from 'vitest';
import { apiKey, appOfFile, homeOfFile, servingKey } from './fixtures.ts';

const home = await homeOfFile();
const server = await appOfFile(home, {
  access: { kind: 'keys', keys: [...scopeKeys, servingKey('tests', ['serve'])] },
});

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

it('accepts only keys with the scope of the route', async () => {
  await expectRouteAccess(server.app, scopeOfRoute);
});

it('the probes reveal only the health of the process', async () => {
  expect((await server.app.inject('/healthz')).json()).toEqual({ status: 'ok' });
  expect((await server.app.inject('/readyz')).json()).toEqual({
    status: 'ready',
    version: '0.1.0',
    bundleId: home.bundleRef.id,
  });
});

it('never logs a key or a user', async () => {
  server.logLines.length = 0;
  // Random ids in the log are hexadecimal.
  const userId = 'zoe';
  await server.post('/v1/recommendations', { userId, limit: 0 });
  await server.post('/v1/recommendations', { userId });
  const log = JSON.stringify(server.logLines);
  expect(server.logLines.length).toBeGreaterThanOrEqual(2);
  expect(log).not.toContain(apiKey);
  expect(log).not.toContain(userId);
});
