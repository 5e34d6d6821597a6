import { createServer } from 'node:http';
import type { IncomingHttpHeaders, RequestListener } from 'node:http';
import { createHttpMetrics, listRoutes } from '@facet/http';
import type { Access, HttpApp } from '@facet/http';
import { createLogger, hashApiKey, hourMs, minuteMs, proveApiKey } from '@facet/platform';
import type { Scope } from '@facet/platform';
import { serveForTest } from '@facet/testing';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { createApp } from '../src/app.ts';
import type { AppOptions } from '../src/app.ts';
import { pageRoots } from '../src/pages.ts';
import { apiNames } from '@facet/config/api-urls';

const key = (name: string, scopes: readonly Scope[], more: object = {}) => ({
  name,
  scopes,
  sha256: hashApiKey(`facet_${name}`),
  ...more,
});
const keys: Access = {
  kind: 'keys',
  keys: [
    key('ingest', ['ingest']),
    key('serve', ['serve']),
    key('admin', ['admin']),
    key('public', ['ingest'], { origins: ['https://shop.example.com'] }),
  ],
};

const unused = 'http://127.0.0.1:9';
const upstreams = { serving: unused, collector: unused, sink: unused, trainer: unused, indexer: unused };
let opened: HttpApp[] = [];
afterEach(async () => {
  vi.useRealTimers();
  await Promise.all(opened.map((app) => app.close()));
  opened = [];
});

async function createTestApp(options: Partial<AppOptions> = {}, now: () => number = Date.now): Promise<HttpApp> {
  const app = await createApp(
    { logger: createLogger({ name: 'test', level: 'silent' }), metrics: createHttpMetrics(), now },
    {
      access: keys,
      upstreams,
      prometheus: undefined,
      secret: 's'.repeat(32),
      isHttps: false,
      sessionMs: hourMs,
      ...options,
    },
  );
  opened.push(app);
  return app;
}

const marker = { 'x-facet-console': '1' };
const signIn = (app: HttpApp, payload: object) =>
  app.inject({ method: 'POST', url: '/session', headers: marker, payload });

/** Which requests each route accepts: all (`open`), or requests with a key. The APIs check the scopes behind `/api`. */
const accessOfRoute: Readonly<Record<string, 'open' | 'any' | 'admin'>> = {
  'GET /healthz': 'open',
  'GET /readyz': 'open',
  'GET /metrics': 'admin',
  'GET /session': 'open',
  'POST /session': 'open',
  'DELETE /session': 'open',
  'POST /session/codes': 'any',
  'POST /session/proofs': 'open',
  'GET /': 'open',
  ...Object.fromEntries(pageRoots.flatMap((root) => [`GET ${root}`, `GET ${root}/*`]).map((route) => [route, 'open'])),
  'GET /assets/*': 'open',
  'GET /favicon.svg': 'open',
  'GET /upstreams': 'any',
  'GET /api/prometheus/api/v1/alerts': 'admin',
  ...Object.fromEntries(
    apiNames.flatMap((name) =>
      ['GET', 'POST', 'DELETE'].flatMap((method) => [
        [`${method} /api/${name}`, 'any'],
        [`${method} /api/${name}/`, 'any'],
        [`${method} /api/${name}/*`, 'any'],
      ]),
    ),
  ),
};

describe('every route', () => {
  it('accepts only keys with its scope', async () => {
    const app = await createTestApp({ prometheus: unused });
    const routes = listRoutes(app).map(({ method, url }) => `${method === 'HEAD' ? 'GET' : method} ${url}`);
    expect([...new Set(routes)].sort()).toEqual(Object.keys(accessOfRoute).sort());
    for (const { method, url } of listRoutes(app)) {
      const route = `${method === 'HEAD' ? 'GET' : method} ${url}`;
      const access = accessOfRoute[route];
      const statusWith = async (headers: Record<string, string>): Promise<number> =>
        (await app.inject({ method: method as 'GET', url: url.replace('*', 'x'), headers })).statusCode;
      const refused = [401, 403];
      for (const headers of [marker, { ...marker, 'x-api-key': 'facet_made-up' }]) {
        if (access !== 'open') expect(refused, route).toContain(await statusWith(headers));
      }
      for (const scope of ['ingest', 'serve', 'admin']) {
        const isAllowed = access !== 'admin' || scope === 'admin';
        const status = await statusWith({ 'x-api-key': `facet_${scope}` });
        if (access !== 'open') expect(refused.includes(status), `${route} with ${scope}`).toBe(!isAllowed);
      }
    }
  });
});

it('forgets a session when it expires, and a session of another secret', async () => {
  const app = await createTestApp({ sessionMs: hourMs });
  const { cookies } = await signIn(app, { key: 'facet_serve' });
  const [{ name, value }] = cookies as [{ name: string; value: string }];
  const read = async (from: HttpApp): Promise<unknown> =>
    (await from.inject({ url: '/session', cookies: { [name]: value } })).json();
  expect(await read(app)).toEqual({ isSignedIn: true, name: 'serve', scopes: ['serve'] });
  const other = await createTestApp({ secret: 't'.repeat(32) });
  expect(await read(other)).toEqual({ isSignedIn: false, scopes: [] });
  vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + hourMs });
  expect(await read(app)).toEqual({ isSignedIn: false, scopes: [] });
});

it('signs in behind a proxy with a password, which browsers send with every request', async () => {
  const app = await createTestApp();
  const authorization = `Basic ${Buffer.from('ada:secret').toString('base64')}`;
  const { cookies } = await signIn(app, { key: 'facet_serve' });
  const [{ name, value }] = cookies as [{ name: string; value: string }];
  const session = { cookies: { [name]: value }, headers: { authorization } };
  expect((await app.inject({ url: '/session', ...session })).json()).toMatchObject({ isSignedIn: true, name: 'serve' });
  expect((await app.inject({ method: 'DELETE', url: '/session', ...session })).statusCode).toBe(403);
});

it('ends a session when its user signs out, and no other session of the key', async () => {
  const app = await createTestApp();
  const signInAgain = async (): Promise<Record<string, string>> => {
    const [{ name, value }] = (await signIn(app, { key: 'facet_serve' })).cookies as [{ name: string; value: string }];
    return { [name]: value };
  };
  const [first, second] = [await signInAgain(), await signInAgain()];
  const isSignedIn = async (cookies: Record<string, string>): Promise<boolean> =>
    (await app.inject({ url: '/session', cookies })).json().isSignedIn;
  expect(await isSignedIn(first)).toBe(true);
  await app.inject({ method: 'DELETE', url: '/session', headers: marker, cookies: first });
  expect(await isSignedIn(first)).toBe(false);
  expect((await app.inject({ url: '/upstreams', cookies: first })).statusCode).toBe(401);
  expect(await isSignedIn(second)).toBe(true);
});

it('proves that it knows a key, only to a caller who knows the key', async () => {
  const app = await createTestApp();
  const challenge = 'c';
  const prove = async (key: string) => {
    const payload = { challenge, proof: proveApiKey(hashApiKey(key), 'caller', challenge) };
    return app.inject({ method: 'POST', url: '/session/proofs', headers: marker, payload });
  };
  expect((await prove('facet_serve')).json()).toEqual({
    proof: proveApiKey(hashApiKey('facet_serve'), 'server', challenge),
  });
  expect((await prove('facet_made-up')).statusCode).toBe(401);
});

it('refuses damaged sessions', async () => {
  const app = await createTestApp();
  const { cookies } = await signIn(app, { key: 'facet_serve' });
  const [{ name, value }] = cookies as [{ name: string; value: string }];
  for (const damaged of ['', 'x', value.slice(0, -2), value.replace('Fe26', 'Fe27'), `${value}*`]) {
    const response = await app.inject({ url: '/session', cookies: { [name]: damaged } });
    expect(response.json(), damaged).toEqual({ isSignedIn: false, scopes: [] });
  }
});

it('a code signs in once and for a limited time', async () => {
  let now = 0;
  const app = await createTestApp({}, () => now);
  const create = async (): Promise<string> =>
    (await app.inject({ method: 'POST', url: '/session/codes', headers: { 'x-api-key': 'facet_admin' } })).json().code;
  const first = await create();
  expect((await signIn(app, { code: first })).json()).toEqual({ isSignedIn: true, name: 'admin', scopes: ['admin'] });
  expect((await signIn(app, { code: first })).statusCode).toBe(401);
  const second = await create();
  now += 10 * minuteMs;
  expect((await signIn(app, { code: second })).statusCode).toBe(401);
});

it('refuses to create a link from a session, or without a key', async () => {
  const app = await createTestApp();
  const { cookies } = await signIn(app, { key: 'facet_admin' });
  const [{ name, value }] = cookies as [{ name: string; value: string }];
  const create = { method: 'POST', url: '/session/codes' } as const;
  const bySession = await app.inject({ ...create, headers: { 'x-facet-console': '1' }, cookies: { [name]: value } });
  const byBearer = await app.inject({ ...create, headers: { authorization: 'Bearer facet_admin' } });
  expect([bySession.statusCode, byBearer.statusCode]).toEqual([403, 403]);
});

it('refuses keys that websites publish', async () => {
  const response = await signIn(await createTestApp(), { key: 'facet_public' });
  expect(response.statusCode).toBe(403);
  expect(response.json().message).toContain('works only from the origins of a website');
});

it('sends cookies over https only, if its address has https', async () => {
  const { cookies } = await signIn(await createTestApp({ isHttps: true }), { key: 'facet_serve' });
  expect(cookies).toMatchObject([{ secure: true, httpOnly: true, sameSite: 'Strict' }]);
});

it('without API keys, everybody is signed in, but other sites still cannot change anything', async () => {
  const app = await createTestApp({ access: { kind: 'anybody' } });
  expect((await app.inject({ url: '/session' })).json()).toMatchObject({ isSignedIn: true });
  const status = async (headers: Record<string, string>): Promise<number> =>
    (await app.inject({ method: 'DELETE', url: '/session', headers })).statusCode;
  expect(await status({})).toBe(403);
  expect(await status(marker)).toBe(200);
});

it('sends requests only to the addresses of its configuration, and follows no redirect', async () => {
  const asked: { path: string; headers: IncomingHttpHeaders }[] = [];
  const stranger = await listen(({ url, headers }, response) => {
    asked.push({ path: `stranger ${url}`, headers });
    response.end();
  });
  const serving = await listen(({ url, headers }, response) => {
    asked.push({ path: url!, headers });
    response.writeHead(302, { location: `${stranger}/stolen` }).end();
  });
  const app = await createTestApp({ upstreams: { ...upstreams, serving }, prometheus: stranger });
  const { host } = new URL(stranger);
  const paths = ['v1/bundles', `/${host}/x`, `%2f%2f${host}/x`, `@${host}/x`, `\\\\${host}/x`, `http://${host}/x`];
  for (const path of paths) {
    const headers = { 'x-api-key': 'facet_admin', 'x-forwarded-host': host, host, cookie: 'secret=1' };
    const response = await app.inject({ url: `/api/serving/${path}`, headers });
    expect([302, 400, 404, 500, 502], path).toContain(response.statusCode);
  }
  for (const path of ['query?query=1', 'alerts/../query', 'alerts%2f..%2fquery', 'admin/tsdb/delete_series']) {
    await app.inject({ url: `/api/prometheus/api/v1/${path}`, headers: { 'x-api-key': 'facet_admin' } });
  }
  expect(asked.map(({ path }) => path)).toContain('/v1/bundles');
  expect(asked.filter(({ path }) => path.startsWith('stranger'))).toEqual([]);
  expect(asked.every(({ headers }) => headers.cookie === undefined)).toBe(true);
});

const listen = (handle: RequestListener): Promise<string> => serveForTest(createServer(handle));

it('serves no file outside of the page', async () => {
  const app = await createTestApp();
  for (const path of [
    '../../app.js',
    '..%2f..%2fapp.js',
    '%2e%2e/%2e%2e/app.js',
    '..%5c..%5capp.js',
    '%00',
    '/etc/passwd',
  ]) {
    expect([400, 401, 403, 404], path).toContain((await app.inject({ url: `/assets/${path}` })).statusCode);
  }
});

it('never caches the page, caches assets forever, and allows no inline scripts', async () => {
  const app = await createTestApp();
  const page = await app.inject({ url: '/explore' });
  expect(page.headers['cache-control']).toBe('no-cache');
  const policy = String(page.headers['content-security-policy']);
  expect(policy).toContain("default-src 'none'; script-src 'self';");
  const scripts = [...page.body.matchAll(/<script[^>]*>/g)].map(([tag]) => tag);
  expect(scripts.every((tag) => tag.includes('src="/assets/'))).toBe(true);
  const [asset = ''] = /\/assets\/[^"]+/.exec(page.body) ?? [];
  expect((await app.inject({ url: asset })).headers['cache-control']).toBe('public, max-age=31536000, immutable');
  expect((await app.inject({ url: '/assets/missing.js' })).statusCode).toBe(404);
  expect((await app.inject({ url: '/assets/%2e%2e/.stamp' })).statusCode).toBe(401);
});
