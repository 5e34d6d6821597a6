import type { FastifyContextConfig } from 'fastify';
import { describe, expect, it } from 'vitest';
import type { HttpApp } from '../src/index.ts';
import { createAppOfFile, createTestApp, keyOf, textOf } from './fixtures.ts';

const shop = 'https://shop.example';
const keys = [
  keyOf('tracker', ['ingest'], { origins: [shop] }),
  keyOf('producer', ['ingest'], { bodyBytesMax: 100 }),
  keyOf('product', ['serve']),
  keyOf('operator', ['admin', 'serve']),
];

const server = await createAppOfFile({ access: { kind: 'keys', keys } });

const order = (headers: Record<string, string>, query = '', payload: object | string = { dish: 'soup' }) =>
  server.app.inject({ method: 'POST', url: `/v1/orders${query}`, headers, payload });
const get = (url: string, headers: Record<string, string> = {}) => server.app.inject({ method: 'GET', url, headers });
const basic = (password: string): string => `Basic ${Buffer.from(`anyone:${password}`).toString('base64')}`;

describe('a route', () => {
  it.each<FastifyContextConfig>([{}, { keySources: ['basic'] }])(
    'is refused at boot without a scope: %j',
    async (config) => {
      const addRoutes = (app: HttpApp): void => void app.get('/forgotten', { config }, async () => 'secret');
      await expect(createTestApp({ addRoutes })).rejects.toThrow('GET /forgotten declares no scope');
    },
  );

  it('of a plugin gets its scope from the app', async () => {
    const { app } = await createTestApp({
      access: { kind: 'keys', keys },
      accessOf: ({ url }) => (url.startsWith('/plugin/') ? { scope: 'admin' } : undefined),
      addRoutes: (bare) => void bare.get('/plugin/figures', async () => 'figures'),
    });
    expect((await app.inject('/plugin/figures')).statusCode).toBe(401);
    const ask = (name: string) => app.inject({ url: '/plugin/figures', headers: { 'x-api-key': textOf(name) } });
    expect((await ask('product')).statusCode).toBe(403);
    expect((await ask('operator')).statusCode).toBe(200);
  });
});

describe('without a key', () => {
  it.each(['/healthz', '/readyz'])('%s responds', async (url) => expect((await get(url)).statusCode).toBe(200));

  it.each([
    '/page',
    '/metrics',
    '/nothing-here',
    '/healthz/',
    '/HEALTHZ',
    '/healthz/../metrics',
    '/readyz%2f..%2fpage',
  ])('%s returns 401, whether it exists or not', async (url) => {
    const response = await get(url);
    expect(response.statusCode).toBe(401);
    expect(response.json()).toMatchObject({ code: 'UNAUTHORIZED', remedy: expect.stringContaining('x-api-key') });
  });

  it('reads no body', async () => {
    expect((await order({}, '', 'x'.repeat(100_000))).statusCode).toBe(401);
  });
});

describe('a key', () => {
  it.each([
    ['x-api-key', { 'x-api-key': textOf('producer') }],
    ['a bearer token', { authorization: `Bearer ${textOf('producer')}` }],
    ['a bearer token, the scheme in small letters', { authorization: `bearer ${textOf('producer')}` }],
  ])('is accepted as %s, and the route knows its name', async (_, headers) => {
    const response = await order(headers);
    expect(response.statusCode).toBe(200);
    expect(response.json()).toEqual({ dish: 'soup', by: 'producer' });
  });

  it.each<[string, Record<string, string>]>([
    ['another key', { 'x-api-key': 'facet_another' }],
    ['the hash of a key', { 'x-api-key': keys[1]!.sha256 }],
    ['an empty key', { 'x-api-key': '' }],
    ['an empty token', { authorization: 'Bearer ' }],
    ['a key with something behind it', { authorization: `Bearer ${textOf('producer')} x` }],
    ['a key without a scheme', { authorization: textOf('producer') }],
    ['the password of Basic', { authorization: basic(textOf('producer')) }],
  ])('is refused as %s', async (_, headers) => {
    const response = await order(headers);
    expect(response.statusCode).toBe(401);
    expect(response.headers['www-authenticate']).toBe('Bearer');
  });

  it.each([
    ['product', '/metrics'],
    ['producer', '/page'],
    ['producer', '/metrics'],
  ])('%s does not allow %s: a scope implies no other', async (name, url) => {
    const response = await get(url, { 'x-api-key': textOf(name) });
    expect(response.statusCode).toBe(403);
    expect(response.json()).toMatchObject({ code: 'FORBIDDEN', message: expect.stringContaining(name) });
  });

  it('of any scope learns that a path does not exist', async () => {
    expect((await get('/nothing-here', { 'x-api-key': textOf('product') })).statusCode).toBe(404);
  });

  it('is accepted as a password on routes for browsers', async () => {
    const refused = await get('/page', { authorization: basic('wrong') });
    expect(refused.statusCode).toBe(401);
    expect(refused.headers['www-authenticate']).toMatch(/^Basic realm="/);
    expect((await get('/page', { authorization: basic(textOf('product')) })).statusCode).toBe(200);
  });

  it('is never logged, but its name is', async () => {
    server.logLines.length = 0;
    await order({ 'x-api-key': textOf('producer') });
    await order({ origin: shop }, `?key=${textOf('tracker')}`);
    await get('/metrics', { 'x-api-key': textOf('product') });
    expect(server.logLines.map(({ keyName }) => keyName)).toEqual(['producer', 'tracker', 'product']);
    expect(JSON.stringify(server.logLines)).not.toContain('facet_');
  });
});

describe('a key with origins', () => {
  const key = { 'x-api-key': textOf('tracker') };

  it('is limited to these origins', async () => {
    expect((await order({ ...key, origin: shop })).statusCode).toBe(200);
    for (const origin of ['https://other.example', `${shop}.evil.example`, 'http://shop.example', 'null', '']) {
      expect((await order({ ...key, origin })).statusCode, origin).toBe(403);
    }
    expect((await order(key)).statusCode).toBe(403);
  });

  it('is accepted in the URL on routes that allow it, unlike a secret key', async () => {
    expect((await order({ origin: shop }, `?key=${textOf('tracker')}`)).statusCode).toBe(200);
    expect((await order({ origin: shop }, `?key=${textOf('producer')}`)).statusCode).toBe(401);
    expect((await get(`/page?key=${textOf('tracker')}&x-api-key=${textOf('product')}`)).statusCode).toBe(401);
  });
});

describe('a key with a bound on bodies', () => {
  const key = { 'x-api-key': textOf('producer') };

  it('refuses larger bodies', async () => {
    expect((await order(key, '', { dish: 'x'.repeat(80) })).statusCode).toBe(200);
    const response = await order(key, '', { dish: 'x'.repeat(100) });
    expect(response.statusCode).toBe(413);
    expect(response.json()).toMatchObject({ code: 'BODY_TOO_LARGE', message: expect.stringContaining('100 bytes') });
  });

  it('requires Content-Length', async () => {
    const response = await order({ ...key, 'transfer-encoding': 'chunked' });
    expect(response.statusCode).toBe(411);
    expect(response.json()).toMatchObject({ code: 'LENGTH_REQUIRED' });
  });
});

it('accepts requests without a key if no keys are needed', async () => {
  const { app } = await createTestApp();
  for (const url of ['/page', '/metrics']) expect((await app.inject(url)).statusCode).toBe(200);
});

it('runs earlier hooks without a key, and requires a scope on their routes', async () => {
  const { app } = await createTestApp({
    access: { kind: 'keys', keys },
    beforeAccess: async (early) => {
      early.addHook('onRequest', async (request, reply) => {
        if (request.method === 'OPTIONS') await reply.code(204).send();
      });
      early.options('*', { config: { scope: 'open' } }, async () => undefined);
    },
  });
  expect((await app.inject({ method: 'OPTIONS', url: '/v1/orders' })).statusCode).toBe(204);
  expect((await app.inject({ method: 'POST', url: '/v1/orders', payload: {} })).statusCode).toBe(401);
});
