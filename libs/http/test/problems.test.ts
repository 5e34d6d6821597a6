import { once } from 'node:events';
import { METHODS } from 'node:http';
import { connect } from 'node:net';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { AppError } from '@facet/platform';
import { describe, expect, it } from 'vitest';
import { declaredError, problemError } from '../src/index.ts';
import type { HttpApp } from '../src/index.ts';
import { createAppOfFile, createTestApp, errors } from './fixtures.ts';

const server = await createAppOfFile({
  addRoutes: (app) => {
    const open = { config: { scope: 'open' } } as const;
    app.get('/sold-out', open, async () => {
      throw declaredError(errors, 'ORDER_SOLD_OUT', 'There is no soup left.', { field: 'dish' });
    });
    app.get('/full', open, async () => {
      throw declaredError(errors, 'STORE_FULL', 'The store is full.', { retryAfterSeconds: 4.2, remedy: 'Wait.' });
    });
    app.get('/unknown-code', open, async () => {
      throw new AppError('The file /etc/secret is gone.', { code: 'STORE_SECRET', category: 'internal' });
    });
    app.get('/undeclared', open, async () => {
      throw new AppError('The oven /etc/secret is taken.', { code: 'OVEN_TAKEN', category: 'conflict' });
    });
    app.get('/declared', { config: { scope: 'open', errors: { OVEN_TAKEN: { status: 409 } } } }, async () => {
      throw new AppError('The oven is taken.', { code: 'OVEN_TAKEN', category: 'conflict' });
    });
    app.get('/broken', open, async () => {
      throw new TypeError('x is undefined');
    });
  },
});

const send = (request: { payload?: string; headers?: Record<string, string>; method?: 'GET' | 'POST'; url?: string }) =>
  server.app.inject({ method: 'POST', url: '/v1/orders', ...request });
const json = { 'content-type': 'application/json' };

describe('an error of the catalog is revealed', () => {
  it('with its status, field, and the remedy of the catalog', async () => {
    const response = await server.app.inject('/sold-out');
    expect(response.statusCode).toBe(409);
    expect(response.json()).toEqual({
      statusCode: 409,
      code: 'ORDER_SOLD_OUT',
      message: 'There is no soup left.',
      remedy: 'Order something else.',
      field: 'dish',
    });
  });

  it('with the time to wait, in whole seconds, and its own remedy', async () => {
    const response = await server.app.inject('/full');
    expect(response.headers['retry-after']).toBe('5');
    expect(response.json()).toMatchObject({ statusCode: 503, code: 'STORE_FULL', remedy: 'Wait.' });
  });

  it('and is retryable if it is caused by load', () => {
    expect(declaredError(errors, 'STORE_FULL', '').retryable).toBe(true);
    expect(problemError('RATE_LIMITED', '').retryable).toBe(true);
    expect(declaredError(errors, 'ORDER_SOLD_OUT', '').retryable).toBe(false);
  });
});

it('an error that its route declares is revealed', async () => {
  const response = await server.app.inject('/declared');
  expect(response.json()).toEqual({ statusCode: 409, code: 'OVEN_TAKEN', message: 'The oven is taken.' });
});

it('an error that its route does not declare has the status of its category, and is logged as undeclared', async () => {
  server.logLines.length = 0;
  const response = await server.app.inject({ url: '/undeclared', headers: { 'x-request-id': 'order-67' } });
  expect(response.statusCode).toBe(409);
  expect(response.json()).toEqual({
    statusCode: 409,
    code: 'OVEN_TAKEN',
    message: 'The request failed: OVEN_TAKEN.',
    remedy: "Search the server's log for the request id order-67.",
  });
  expect(server.logLines).toContainEqual(
    expect.objectContaining({
      msg: 'request failed with an undeclared error',
      reqId: 'order-67',
      code: 'OVEN_TAKEN',
      route: 'GET /undeclared',
    }),
  );
});

describe('any other error is masked, and logged under the id of the request', () => {
  it.each([
    ['/unknown-code', 'STORE_SECRET'],
    ['/broken', 'x is undefined'],
  ])('%s', async (url, logged) => {
    server.logLines.length = 0;
    const response = await server.app.inject({ url, headers: { 'x-request-id': 'order-66' } });
    expect(response.statusCode).toBe(500);
    expect(response.json()).toEqual({
      statusCode: 500,
      code: 'INTERNAL',
      message: 'The request failed because of an internal error.',
      remedy: "Search the server's log for the request id order-66.",
    });
    const line = server.logLines.find(({ level }) => level === 50);
    expect(line).toMatchObject({ msg: expect.stringContaining('request failed'), reqId: 'order-66' });
    expect(JSON.stringify(line)).toContain(logged);
  });

  it('replaces an id that could forge log lines', async () => {
    const response = await server.app.inject({ url: '/healthz', headers: { 'x-request-id': 'a\u0007 b' } });
    expect(response.headers['x-request-id']).toMatch(/^[0-9a-f-]{36}$/);
  });
});

it.each(['/healthz', '/page', '/docs', '/unknown', '/broken'])(
  'the response of %s can be neither framed, sniffed nor run by a browser',
  async (url) => {
    expect((await server.app.inject({ url })).headers).toMatchObject({
      'content-security-policy': "default-src 'none';frame-ancestors 'none'",
      'x-content-type-options': 'nosniff',
      'x-frame-options': 'SAMEORIGIN',
      'cross-origin-resource-policy': 'same-origin',
      'referrer-policy': 'no-referrer',
    });
  },
);

describe('a body', () => {
  it.each([
    ['{"dish": ', /not valid JSON/],
    ['', /empty/],
  ])('that is not JSON: %s', async (payload, message) => {
    const response = await send({ payload, headers: json });
    expect(response.json()).toMatchObject({ statusCode: 400, code: 'BODY_NOT_JSON' });
    expect(response.json().message).toMatch(message);
  });

  it.each(['text/plain', 'application/x-www-form-urlencoded', 'application/xml', 'nonsense'])(
    'of the type %s',
    async (type) => {
      const response = await send({ payload: '{}', headers: { 'content-type': type } });
      expect(response.json()).toMatchObject({ statusCode: 415, code: 'BODY_TYPE_UNSUPPORTED' });
      expect(response.json().remedy).toContain('application/json');
    },
  );

  it('beyond the limit', async () => {
    const payload = JSON.stringify({ dish: 'x'.repeat(10_000) });
    expect((await send({ payload, headers: json })).json()).toMatchObject({ statusCode: 413, code: 'BODY_TOO_LARGE' });
  });

  it.each([
    ['[]', undefined, 'The body must be a JSON object.'],
    ['{}', 'dish', 'dish is missing.'],
    ['{"dish": 7}', 'dish', 'dish must be string.'],
    ['{"dish": ""}', 'dish', 'dish must not have fewer than 1 characters.'],
    ['{"dish": "soup", "size": "large"}', 'size', 'size must be "small".'],
    ['{"dish": "soup", "side": "soup"}', 'side', 'side must be "bread" or "rice".'],
  ])('that the schema refuses: %s', async (payload, field, message) => {
    const { field: reported, ...rest } = (await send({ payload, headers: json })).json() as Record<string, unknown>;
    expect(rest).toMatchObject({ statusCode: 400, code: 'REQUEST_INVALID', message });
    expect(reported).toBe(field);
  });

  it('that a pattern refuses, with what the pattern means', async () => {
    const response = await send({ payload: '{"dish": "soup", "table": "x"}', headers: json });
    expect(response.json()).toMatchObject({
      message: 'table must match pattern "^[1-9]$".',
      remedy: 'table: The number of the table, from 1 to 9.',
    });
  });

  it('with a prototype has one more unknown field', async () => {
    const payload = '{"dish": "soup", "__proto__": {"a": 5}, "constructor": {"prototype": {"b": 5}}}';
    expect((await send({ payload, headers: json })).json()).toEqual({ dish: 'soup', by: null });
  });
});

describe('an unknown route', () => {
  it('has the remedy of the app', async () => {
    const response = await send({ method: 'GET', url: '/v1/order?user=ada' });
    expect(response.json()).toEqual({
      statusCode: 404,
      code: 'NOT_FOUND',
      message: 'There is no route GET /v1/order.',
      remedy: 'See the menu.',
    });
  });

  it('lists the methods of the path', async () => {
    const response = await send({ method: 'GET' });
    expect(response.statusCode).toBe(405);
    expect(response.headers['allow']).toBe('POST');
    expect(response.json()).toMatchObject({ code: 'METHOD_NOT_ALLOWED', remedy: 'Use POST.' });
  });

  it.each([
    ['/v1/orders/7/dishes', 'GET, HEAD'],
    ['/v1/orders:all', 'POST'],
  ])('lists them also for a path with a parameter or a colon: %s', async (url, allowed) => {
    const addRoutes = (app: HttpApp): void => {
      app.get('/v1/orders/:order/dishes', { config: { scope: 'open' } }, () => 'none');
      app.post('/v1/orders::all', { config: { scope: 'open' } }, () => 'none');
    };
    const { app } = await createTestApp({ addRoutes });
    const response = await app.inject({ method: 'DELETE', url });
    expect([response.statusCode, response.headers['allow']]).toEqual([405, allowed]);
    for (const other of ['/v1/orders//dishes', '/v1/orders/7/8/dishes', '/v1/ordersXall']) {
      expect((await app.inject({ method: 'DELETE', url: other })).statusCode, other).toBe(404);
    }
  });

  it('may have a malformed URL', async () => {
    const response = await send({ method: 'GET', url: '/%zz' });
    expect(response.json()).toMatchObject({ statusCode: 400, code: 'REQUEST_INVALID' });
  });
});

it('responds with 405 and the allowed methods to every method, also to those that Node does not know', async () => {
  const { app } = await createTestApp();
  await app.listen({ host: '127.0.0.1', port: 0 });
  const { port } = app.server.address() as AddressInfo;
  // CONNECT asks for a tunnel. Node closes the connection.
  const known = METHODS.filter((method) => !['POST', 'CONNECT', 'OPTIONS'].includes(method));
  for (const method of [...known, 'get', 'post', 'FOO', 'X-Do!']) {
    const socket = connect(port, '127.0.0.1');
    await once(socket, 'connect');
    socket.write(`${method} /v1/orders?a=1 HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}`);
    const [head = '', body = ''] = (await text(socket)).split('\r\n\r\n');
    expect(head, method).toMatch(/^HTTP\/1.1 405 /);
    expect(head.toLowerCase(), method).toContain('\r\nallow: post\r\n');
    if (method === 'HEAD') continue;
    expect(JSON.parse(body)).toMatchObject({
      code: 'METHOD_NOT_ALLOWED',
      message: `/v1/orders does not support ${method}.`,
      remedy: 'Use POST.',
    });
  }
  const socket = connect(port, '127.0.0.1');
  await once(socket, 'connect');
  socket.write('get /v1/nothing HTTP/1.1\r\nHost: a\r\n\r\n');
  expect(await text(socket)).toMatch(/^HTTP\/1.1 404 .*There is no route get \/v1\/nothing/s);
});

it('responds to broken HTTP in the same form', async () => {
  const { app } = await createTestApp();
  await app.listen({ host: '127.0.0.1', port: 0 });
  const { port } = app.server.address() as AddressInfo;
  for (const [bytes, status, code] of [
    ['HELO you\r\n\r\n', 400, 'REQUEST_INVALID'],
    [`GET /healthz HTTP/1.1\r\nHost: a\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`, 431, 'HEADERS_TOO_LARGE'],
  ] as const) {
    const socket = connect(port, '127.0.0.1');
    await once(socket, 'connect');
    socket.write(bytes);
    const [head = '', body = ''] = (await text(socket)).split('\r\n\r\n');
    expect(head).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
    expect(JSON.parse(body)).toMatchObject({ statusCode: status, code });
  }
});
