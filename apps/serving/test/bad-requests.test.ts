import { once } from 'node:events';
import { connect } from 'node:net';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createHome, createTestApp, now } from './fixtures.ts';
import type { Home, TestApp } from './fixtures.ts';

let home: Home;
let server: TestApp;

beforeAll(async () => {
  home = await createHome();
  server = await createTestApp(home);
});

afterAll(async () => {
  await server.close();
  await home.remove();
});

const many = (count: number): string[] => Array.from({ length: count }, (_, index) => `film-${index % 60}`);

describe('a wrong field is named, with what is wrong', () => {
  it.each<[string, RegExp, object]>([
    ['limit', /limit must be >= 1/, { limit: 0 }],
    ['limit', /limit must be <= 1000/, { limit: 1001 }],
    ['limit', /limit must be integer/, { limit: 1.5 }],
    ['limit', /limit must be integer/, { limit: '5' }],
    ['userId', /userId must not have fewer than 1 characters/, { userId: '' }],
    ['userId', /userId must not have more than 256 characters/, { userId: 'x'.repeat(257) }],
    ['userId', /userId must be string/, { userId: null }],
    ['userId', /userId must be string/, { userId: 7 }],
    ['behaviors', /behaviors must be array/, { behaviors: 'film-1' }],
    ['behaviors.1', /behaviors.1 must be string, or must be object/, { behaviors: ['film-1', 7] }],
    ['behaviors.1', /behaviors.1 must not have fewer than 1 characters/, { behaviors: ['film-1', ''] }],
    ['behaviors.0.itemId', /behaviors.0.itemId is missing/, { behaviors: [{}] }],
    ['behaviors.0.itemId', /behaviors.0.itemId must be string/, { behaviors: [{ itemId: 5 }] }],
    [
      'behaviors.0.occurredAt',
      /must be RFC 3339 text or epoch/,
      { behaviors: [{ itemId: 'a', occurredAt: 'yesterday' }] },
    ],
    ['behaviors.0.occurredAt', /occurredAt/, { behaviors: [{ itemId: 'a', occurredAt: '2026-02-30T10:00:00Z' }] }],
    ['behaviors.0.occurredAt', /must be >= 100000000000/, { behaviors: [{ itemId: 'a', occurredAt: 1_700_000_000 }] }],
    ['behaviors.0.occurredAt', /in the future/, { behaviors: [{ itemId: 'a', occurredAt: now + 2 * 86_400_000 }] }],
    ['behaviors', /behaviors must not have more than 10000 items/, { behaviors: many(10_001) }],
    ['exclude', /exclude must not have more than 10000 items/, { exclude: many(10_001) }],
    ['exclude.0', /exclude.0 must be string/, { exclude: [{}] }],
    ['explain', /explain must be boolean/, { explain: 'yes' }],
    ['attributes.age', /attributes.age must be/, { attributes: { age: { years: 7 } } }],
  ])('%s: %s', async (field, message, body) => {
    const response = await server.post('/v1/recommendations', body);
    expect(response.statusCode).toBe(400);
    expect(response.body).toMatchObject({ statusCode: 400, code: 'REQUEST_INVALID', field });
    expect(response.body['message']).toMatch(message);
    expect(response.headers['content-type']).toBe('application/json; charset=utf-8');
  });

  it('takes as many as it says', async () => {
    const { statusCode, body } = await server.post('/v1/recommendations', { behaviors: many(10_000), limit: 1000 });
    expect(statusCode).toBe(200);
    expect(body['returned']).toBe(0);
    expect((await server.post('/v1/recommendations', { exclude: many(10_000) })).statusCode).toBe(200);
  });

  it.each(['[]', '"text"', 'null', '7'])('a body of %s', async (payload) => {
    const response = await send({ payload, headers: { 'content-type': 'application/json' } });
    expect(response.json()).toMatchObject({
      statusCode: 400,
      code: 'REQUEST_INVALID',
      message: 'The body must be a JSON object.',
    });
  });
});

const send = (request: {
  payload?: string | Buffer;
  headers?: Record<string, string>;
  url?: string;
  method?: 'GET' | 'PUT' | 'POST';
}) => server.app.inject({ method: 'POST', url: '/v1/recommendations', ...request });

describe('what is no JSON request', () => {
  it.each([
    ['{"userId": ', 'BODY_NOT_JSON', /not valid JSON/],
    ['', 'BODY_NOT_JSON', /empty/],
  ])('%s', async (payload, code, message) => {
    const response = await send({ payload, headers: { 'content-type': 'application/json' } });
    expect(response.statusCode).toBe(400);
    expect(response.json()).toMatchObject({ statusCode: 400, code });
    expect(response.json().message).toMatch(message);
  });

  it('a prototype in the body is one more unknown field', async () => {
    const payload = '{"userId": "nobody", "__proto__": {"limit": 5}, "constructor": {"prototype": {"limit": 5}}}';
    const response = await send({ payload, headers: { 'content-type': 'application/json' } });
    expect(response.json()).toMatchObject({ requested: 20 });
  });

  it.each(['text/plain', 'application/x-www-form-urlencoded', 'application/xml', 'nonsense'])('%s', async (type) => {
    const response = await send({ payload: '{}', headers: { 'content-type': type } });
    expect(response.statusCode).toBe(415);
    expect(response.json()).toMatchObject({ statusCode: 415, code: 'BODY_TYPE_UNSUPPORTED' });
    expect(response.json().remedy).toContain('application/json');
  });

  it('no body at all', async () => {
    expect((await send({})).statusCode).toBe(400);
  });

  it('a body beyond the limit', async () => {
    const payload = JSON.stringify({ userId: 'ada', padding: 'x'.repeat(1 << 20) });
    const response = await send({ payload, headers: { 'content-type': 'application/json' } });
    expect(response.statusCode).toBe(413);
    expect(response.json()).toMatchObject({ statusCode: 413, code: 'BODY_TOO_LARGE' });
  });
});

describe('where there is nothing', () => {
  it('an unknown path points to the docs', async () => {
    const response = await send({ method: 'GET', url: '/v1/recommend?userId=ada' });
    expect(response.statusCode).toBe(404);
    expect(response.json()).toEqual({
      statusCode: 404,
      code: 'NOT_FOUND',
      message: 'There is no GET /v1/recommend here.',
      remedy: 'See /docs.',
    });
  });

  it('another method is told which ones there are', async () => {
    const response = await send({ method: 'GET' });
    expect(response.statusCode).toBe(405);
    expect(response.headers['allow']).toBe('POST');
    expect(response.json()).toMatchObject({ code: 'METHOD_NOT_ALLOWED', remedy: 'Use POST.' });
  });

  it('a malformed URL', async () => {
    const response = await send({ method: 'GET', url: '/%zz' });
    expect(response.json()).toMatchObject({ statusCode: 400, code: 'REQUEST_INVALID' });
  });
});

it('answers what is not HTTP in the same form', async () => {
  const raw = await createTestApp(undefined);
  try {
    await raw.app.listen({ host: '127.0.0.1', port: 0 });
    const { port } = raw.app.server.address() as AddressInfo;
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
  } finally {
    await raw.close();
  }
});

it('masks what is not the fault of the caller, and logs it under the id of the request', async () => {
  const broken = await createTestApp(home);
  await broken.loaded!.bundle.close();
  const response = await broken.app.inject({
    method: 'POST',
    url: '/v1/recommendations',
    headers: { 'x-request-id': 'order-66' },
    payload: { userId: 'ada' },
  });
  expect(response.statusCode).toBe(500);
  expect(response.json()).toEqual({
    statusCode: 500,
    code: 'INTERNAL',
    message: 'The request failed for a reason that is not yours.',
    remedy: 'Look for the request order-66 in the log of the server.',
  });
  const logged = broken.logLines.find(({ level }) => level === 50);
  expect(logged).toMatchObject({ msg: 'request failed', reqId: 'order-66' });
  expect(JSON.stringify(logged)).toContain('The index has been closed');
  await broken.close();
});
