import { listRoutes } from '@facet/http';
import type { HttpApp } from '@facet/http';
import { hashApiKey, hasScope, scopes } from '@facet/platform';
import type { ApiKey, Scope } from '@facet/platform';
import { expect } from 'vitest';

/** A key for each scope, whose text is the name of the scope. */
export const scopeKeys: readonly ApiKey[] = scopes.map((scope) => ({
  name: scope,
  scopes: [scope],
  sha256: hashApiKey(scope),
}));

const preflightHeaders = { origin: 'https://shop.example', 'access-control-request-method': 'POST' };

/**
 * Fails unless `scopeOfRoute` lists every route of an app with the {@link scopeKeys}, and each route accepts keys of its
 * scope only. Routes are named like `GET /healthz`. A HEAD route needs the scope of its GET route.
 *
 * @param urlOf Replaces the parameters of a route. Default: keeps them.
 */
export async function expectRouteAccess(
  app: HttpApp,
  scopeOfRoute: Readonly<Record<string, Scope | 'open'>>,
  urlOf = (url: string): string => url,
): Promise<void> {
  const routes = listRoutes(app).map(({ method, url }) => ({
    method: method as 'GET',
    url: urlOf(url.replace('/static/*', '/static/swagger-ui.css')),
    name: `${method === 'HEAD' ? 'GET' : method} ${url}`,
  }));
  expect([...new Set(routes.map(({ name }) => name))].sort()).toEqual(Object.keys(scopeOfRoute).sort());
  for (const { method, url, name } of routes) {
    const statusWith = async (headers: Readonly<Record<string, string>>): Promise<number> =>
      (await app.inject({ method, url, headers })).statusCode;
    const scope = scopeOfRoute[name]!;
    if (scope === 'open') {
      const headers = name === 'OPTIONS *' ? preflightHeaders : {};
      expect(await statusWith(headers), name).toBeLessThan(300);
      expect(await statusWith({ ...headers, 'x-api-key': 'facet_made-up' }), name).toBeLessThan(300);
      continue;
    }
    expect(await statusWith({}), name).toBe(401);
    expect(await statusWith({ 'x-api-key': 'facet_made-up' }), name).toBe(401);
    for (const key of scopes) {
      const status = await statusWith({ 'x-api-key': key });
      // Only accepted keys learn whether a body is valid or an artifact exists.
      if (hasScope({ scopes: [key] }, scope)) expect([401, 403], `${name} with ${key}`).not.toContain(status);
      else expect(status, `${name} with ${key}`).toBe(403);
    }
  }
}

const docsUrls = ['', '/', '/json', '/yaml', '/static/*', '/static/index.html', '/static/swagger-initializer.js'];

/** The routes that the collector, the trainer and the indexer share, with the scopes that they need. */
export const commonRoutes: Readonly<Record<string, Scope | 'open'>> = {
  ...Object.fromEntries(docsUrls.map((url) => [`GET /docs${url}`, 'admin'] as const)),
  'GET /metrics': 'admin',
  'GET /healthz': 'open',
  'GET /readyz': 'open',
};
