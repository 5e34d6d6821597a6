import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openRoutes } from '../src/auth/access.ts';
import { apiKey, createHome, createTestApp, keyHash } from './fixtures.ts';
import type { Home, TestApp } from './fixtures.ts';

let home: Home;
let server: TestApp;

beforeAll(async () => {
  home = await createHome();
  server = await createTestApp(home, { access: { kind: 'keys', keyHashes: ['0'.repeat(64), keyHash] } });
});

afterAll(async () => {
  await server.close();
  await home.remove();
});

type Method = 'GET' | 'HEAD' | 'POST';

/** Every route of the app, read from its router. */
function listRoutes(): { method: Method; url: string }[] {
  const path: string[] = [];
  return server.app
    .printRoutes({ commonPrefix: false })
    .split('\n')
    .flatMap((line) => {
      const match = /^(?<indent>[│ ]*)[├└]── (?<part>\S+)(?: \((?<methods>[A-Z, ]+)\))?$/.exec(line);
      if (match === null) return [];
      const { indent = '', part = '', methods = '' } = match.groups!;
      path.length = indent.length / 4;
      path.push(part);
      return methods.split(', ').map((method) => ({ method: method as Method, url: path.join('') }));
    });
}

const call = (method: Method, url: string, headers: Record<string, string> = {}) =>
  server.app.inject({ method, url, headers, ...(method === 'POST' ? { payload: {} } : {}) });

describe('without a key', () => {
  it('every route but the two probes answers 401', async () => {
    const routes = listRoutes();
    expect(routes.map(({ method, url }) => `${method} ${url}`)).toEqual(
      expect.arrayContaining([
        'POST /v1/recommendations',
        'POST /v1/interests',
        'GET /metrics',
        'GET /healthz',
        'GET /readyz',
        'GET /docs',
        'GET /docs/',
        'GET /docs/json',
        'GET /docs/*',
      ]),
    );
    const open = new Set<string>();
    for (const { method, url } of routes) {
      const response = await call(method, url.replace('*', 'static/swagger-ui.css'));
      if (response.statusCode === 401) continue;
      expect(response.statusCode, `${method} ${url}`).toBe(200);
      open.add(url);
    }
    expect([...open].sort()).toEqual(['/healthz', '/readyz']);
    expect([...openRoutes].sort()).toEqual(['/healthz', '/readyz']);
  });

  it.each([
    ['GET', '/nothing-here'],
    ['GET', '/healthz/'],
    ['GET', '/healthz/../metrics'],
    ['GET', '/HEALTHZ'],
    ['GET', '/readyz%2f..%2fmetrics'],
    ['POST', '/healthz'],
    ['GET', '/docs/static/swagger-ui-bundle.js'],
    ['GET', '/docs/static/not-there.js'],
    ['GET', '/v1/recommendations'],
  ] as const)('%s %s answers 401, whether it exists or not', async (method, url) => {
    const response = await call(method, url);
    expect(response.statusCode).toBe(401);
    expect(response.json()).toMatchObject({ statusCode: 401, code: 'UNAUTHORIZED' });
  });

  it('a body is not even read', async () => {
    const response = await server.app.inject({
      method: 'POST',
      url: '/v1/recommendations',
      payload: 'x'.repeat(2 << 20),
    });
    expect(response.statusCode).toBe(401);
  });

  it('the probes say nothing but whether the process is well', async () => {
    expect((await call('GET', '/healthz')).json()).toEqual({ status: 'ok' });
    expect((await call('GET', '/readyz')).json()).toEqual({ status: 'ready', bundleId: home.bundleRef.id });
  });
});

const basic = (password: string): string => `Basic ${Buffer.from(`anyone:${password}`).toString('base64')}`;

describe('a key', () => {
  it.each([
    ['x-api-key', { 'x-api-key': apiKey }],
    ['a bearer token', { authorization: `Bearer ${apiKey}` }],
    ['a bearer token, the scheme in small letters', { authorization: `bearer ${apiKey}` }],
  ])('is taken as %s', async (_, headers) => {
    expect((await call('POST', '/v1/recommendations', headers)).statusCode).toBe(200);
    expect((await call('GET', '/metrics', headers)).statusCode).toBe(200);
    expect((await call('GET', '/nothing-here', headers)).statusCode).toBe(404);
  });

  it.each([
    ['another key', { 'x-api-key': 'facet_another' }],
    ['the hash of a key', { 'x-api-key': keyHash }],
    ['an empty key', { 'x-api-key': '' }],
    ['an empty token', { authorization: 'Bearer ' }],
    ['a key with something behind it', { authorization: `Bearer ${apiKey} x` }],
    ['a key without a scheme', { authorization: apiKey }],
    ['the password of Basic', { authorization: basic(apiKey) }],
  ])('is not %s', async (_, headers) => {
    const response = await call('POST', '/v1/recommendations', headers as Record<string, string>);
    expect(response.statusCode).toBe(401);
    expect(response.headers['www-authenticate']).toBe('Bearer');
  });

  it('never counts in the URL', async () => {
    expect((await call('GET', `/docs/json?key=${apiKey}&x-api-key=${apiKey}`)).statusCode).toBe(401);
  });

  it('opens the docs to a browser, which asks for a password', async () => {
    const refused = await call('GET', '/docs/');
    expect(refused.headers['www-authenticate']).toMatch(/^Basic realm="/);
    for (const url of ['/docs', '/docs/', '/docs/json', '/docs/static/swagger-ui-bundle.js']) {
      expect((await call('GET', url, { authorization: basic(apiKey) })).statusCode, url).toBe(200);
      expect((await call('GET', url, { authorization: basic('wrong') })).statusCode, url).toBe(401);
    }
  });

  it('is never logged, nor who the user is', async () => {
    server.logLines.length = 0;
    await server.post('/v1/recommendations', { userId: 'ada', limit: 0 });
    await server.post('/v1/recommendations', { userId: 'ada' });
    await call('GET', '/docs', { authorization: basic(apiKey) });
    const log = JSON.stringify(server.logLines);
    expect(server.logLines.length).toBeGreaterThanOrEqual(3);
    expect(log).not.toContain(apiKey);
    expect(log).not.toContain('ada');
  });
});

it('anybody is answered when that was asked for', async () => {
  const open = await createTestApp(home, { access: { kind: 'anybody' } });
  expect((await open.app.inject({ method: 'POST', url: '/v1/recommendations', payload: {} })).statusCode).toBe(200);
  expect((await open.app.inject('/metrics')).statusCode).toBe(200);
  await open.close();
});
