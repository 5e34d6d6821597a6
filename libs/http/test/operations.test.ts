import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { createLogger } from '@facet/platform';
import { Type } from 'typebox';
import { describe, expect, it, vi } from 'vitest';
import {
  addHealthRoutes,
  createHttpApp,
  createHttpMetrics,
  declaredError,
  listen,
  listRoutes,
  problemError,
} from '../src/index.ts';
import { createTestApp, errors } from './fixtures.ts';

describe('health', () => {
  it('reports what the app checks', async () => {
    let isStuck = false;
    let bundleId = '';
    const app = await createHttpApp(
      { logger: createLogger({ name: 'test', level: 'silent' }), metrics: createHttpMetrics() },
      { access: { kind: 'keys', keys: [] }, errors, bodyBytesMax: 100, eventLoopDelayMsMax: 250 },
    );
    addHealthRoutes(app, {
      readySummary: 'Whether there is a bundle',
      readyFacts: { bundleId: Type.String() },
      readyExample: { bundleId: 'eb342103ec0057bad650138446eee7d9' },
      checkReady: async () => {
        if (bundleId === '') throw problemError('NOT_READY', 'There is no bundle.');
        return { bundleId };
      },
      checkAlive: () => {
        if (isStuck) throw declaredError(errors, 'STORE_FULL', 'The store is stuck.');
      },
    });
    expect((await app.inject('/healthz')).json()).toEqual({ status: 'ok' });
    const waiting = await app.inject('/readyz');
    expect(waiting.json()).toMatchObject({ statusCode: 503, code: 'NOT_READY' });
    expect(waiting.headers['retry-after']).toBe('1');
    bundleId = 'b1';
    expect((await app.inject('/readyz')).json()).toEqual({ status: 'ready', version: '0.1.0', bundleId: 'b1' });
    isStuck = true;
    expect((await app.inject('/healthz')).json()).toMatchObject({ statusCode: 503, code: 'STORE_FULL' });
    await app.close();
  });
});

describe('metrics', () => {
  it('count requests by route, status and method, and create no series for guessed paths', async () => {
    const { app } = await createTestApp();
    await app.inject({ method: 'POST', url: '/v1/orders', payload: { dish: 'soup' } });
    await app.inject({ method: 'POST', url: '/v1/orders', payload: {} });
    await app.inject('/guess-1');
    await app.inject('/guess-2?user=ada');
    const { body, headers } = await app.inject('/metrics');
    expect(headers['content-type']).toMatch(/^text\/plain/);
    const lines = body.split('\n');
    for (const [labels, count] of [
      ['method="POST",route="/v1/orders",status="200"', 1],
      ['method="POST",route="/v1/orders",status="400"', 1],
      ['method="GET",route="unknown",status="404"', 2],
    ] as const) {
      expect(lines).toContain(`facet_http_request_duration_seconds_count{${labels}} ${count}`);
    }
    expect(body).toContain('nodejs_eventloop_lag_seconds');
    expect(body).toMatch(/^facet_build_info\{version="\d+\.\d+\.\d+"\} 1$/m);
    expect(body).not.toContain('guess');
  });
});

/** Lets each turn of the event loop last 120 ms. */
async function delayEventLoop(): Promise<void> {
  const blockedUntil = Date.now() + 1_500;
  while (Date.now() < blockedUntil) {
    const pause = Date.now() + 120;
    while (Date.now() < pause);
    await sleep(1);
  }
}

describe('overload', () => {
  it('refuses requests while the event loop is late, except probes and metrics', async () => {
    const { app } = await createTestApp({ eventLoopDelayMsMax: 30 });
    const order = () => app.inject({ method: 'POST', url: '/v1/orders', payload: { dish: 'soup' } });
    expect((await order()).statusCode).toBe(200);
    expect((await app.inject('/readyz')).statusCode).toBe(200);
    await delayEventLoop();
    const response = await order();
    expect(response.json()).toMatchObject({ statusCode: 503, code: 'OVERLOADED' });
    expect(response.headers['retry-after']).toBe('1');
    for (const url of ['/healthz', '/readyz', '/metrics']) {
      expect((await app.inject(url)).statusCode, url).toBe(200);
    }
  });

  it('is not ready before the event loop is on time after the start', async () => {
    const { app } = await createTestApp({ eventLoopDelayMsMax: 60 });
    await delayEventLoop();
    const early = await app.inject('/readyz');
    expect(early.json()).toMatchObject({ statusCode: 503, code: 'NOT_READY' });
    // A busy machine delays the event loop, too, but not beyond the minute of a start.
    await vi.waitFor(async () => expect((await app.inject('/readyz')).statusCode).toBe(200), { timeout: 90_000 });
  });
});

it('returns the URL, or the reason why it cannot listen', async () => {
  const { app } = await createTestApp();
  const { url } = await listen(app, { host: '127.0.0.1', port: 0 });
  expect((await fetch(`${url}/healthz`)).status).toBe(200);
  await app.close();

  const taken = createServer().listen(0, '127.0.0.1');
  await once(taken, 'listening');
  const { port } = taken.address() as AddressInfo;
  const late = await createTestApp();
  await expect(listen(late.app, { host: '127.0.0.1', port })).rejects.toMatchObject({
    code: 'HTTP_ADDRESS_UNUSABLE',
    remedy: expect.stringContaining('FACET_PORT'),
  });
  taken.close();
});

it('waits for current requests when closing, refuses new ones, and accepts no connection', async () => {
  const { app } = await createTestApp();
  await app.listen({ host: '127.0.0.1', port: 0 });
  const { port } = app.server.address() as AddressInfo;
  const body = JSON.stringify({ dish: 'soup' });
  const head =
    `POST /v1/orders HTTP/1.1\r\nHost: facet\r\nContent-Type: application/json\r\n` +
    `Content-Length: ${body.length}\r\n\r\n`;
  const begin = async (part: string): Promise<Socket> => {
    const socket = connect(port, '127.0.0.1');
    await once(socket, 'connect');
    socket.write(part);
    return socket;
  };
  const underWay = await begin(head + body.slice(0, 5));
  const arriving = await begin(head.slice(0, 20));
  await sleep(100);
  const closed = app.close();
  await sleep(50);
  underWay.write(body.slice(5));
  arriving.write(head.slice(20) + body);
  const [response, refusal] = await Promise.all([text(underWay), text(arriving)]);
  await closed;
  expect(response).toMatch(/^HTTP\/1.1 200 /);
  expect(response).toContain('"dish":"soup"');
  expect(refusal).toMatch(/^HTTP\/1.1 503 /);
  expect(refusal).toContain('"code":"CLOSING"');
  const late = connect(port, '127.0.0.1');
  const [error] = (await once(late, 'error')) as [NodeJS.ErrnoException];
  expect(error.code).toBe('ECONNREFUSED');
});

it('refuses bodies while the bound for arriving bodies is reached', async () => {
  const { app } = await createTestApp({ bodyBytesMax: 1_000, arrivingBytesMax: 2_000 });
  const { url } = await listen(app, { host: '127.0.0.1', port: 0 });
  const { port } = app.server.address() as AddressInfo;
  const order = async (): Promise<number> => {
    const headers = { 'content-type': 'application/json' };
    return (await fetch(`${url}/v1/orders`, { method: 'POST', headers, body: '{"dish":"soup"}' })).status;
  };
  const begin = async (length: string): Promise<Socket> => {
    const socket = connect(port, '127.0.0.1');
    socket.write(`POST /v1/orders HTTP/1.1\r\nHost: facet\r\nContent-Type: application/json\r\n${length}\r\n\r\n`);
    await sleep(20);
    return socket;
  };
  const one = await begin('Content-Length: 1000');
  expect(await order()).toBe(200);
  const other = await begin('Transfer-Encoding: chunked');
  expect(await order()).toBe(503);
  expect((await fetch(`${url}/healthz`)).status).toBe(200);
  one.destroy();
  await expect.poll(order).toBe(200);
  for (let times = 0; times < 200; times++) expect(await order()).toBe(200);
  other.destroy();
});

it('frees the room of a body after the response, also for injected requests', async () => {
  const { app } = await createTestApp({ bodyBytesMax: 1_000, arrivingBytesMax: 2_000 });
  const payload = { dish: 'x'.repeat(500) };
  for (const url of ['/v1/orders', '/nowhere', '/healthz']) {
    for (let times = 0; times < 10; times++) {
      const { statusCode } = await app.inject({ method: url === '/healthz' ? 'GET' : 'POST', url, payload });
      expect(statusCode, url).toBe(url === '/nowhere' ? 404 : 200);
    }
  }
});

describe('a request that does not arrive', () => {
  const head = 'POST /v1/orders HTTP/1.1\r\nHost: facet\r\nContent-Type: application/json\r\n';
  it.each([
    ['within its headers', head],
    ['within its body', `${head}Content-Length: 100\r\n\r\n{`],
  ])('%s, times out and loses its connection, also if the caller keeps it open', async (_, sent) => {
    const { app } = await createTestApp({ requestTimeoutMs: 200 });
    await app.listen({ host: '127.0.0.1', port: 0 });
    const { port } = app.server.address() as AddressInfo;
    const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
    socket.write(sent);
    let response = '';
    socket.setEncoding('utf8').on('data', (part: string) => (response += part));
    await once(socket, 'end');
    expect(response).toMatch(/^HTTP\/1.1 408 /);
    expect(response).toContain('"code":"REQUEST_TIMED_OUT"');
    const countConnections = (): Promise<number> =>
      new Promise((resolve) => app.server.getConnections((_error, count) => resolve(count)));
    await expect.poll(countConnections, { timeout: 3_000 }).toBe(0);
    socket.destroy();
  });
});

it('cancels slow responses, with and without a body', { tags: 'full' }, async () => {
  const finish: (() => void)[] = [];
  const { app, logLines } = await createTestApp({
    requestTimeoutMs: 10,
    addRoutes(routes) {
      const never = async (): Promise<object> => new Promise((resolve) => finish.push(() => resolve({})));
      routes.get('/v1/never', { config: { scope: 'serve' } }, never);
      routes.post('/v1/never', { config: { scope: 'serve' } }, never);
    },
  });
  const url = await app.listen({ host: '127.0.0.1', port: 0 });
  const body = { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{"dish":"soup"}' };
  const responses = await Promise.all([fetch(`${url}/v1/never`), fetch(`${url}/v1/never`, body)]);
  for (const response of responses) {
    expect(response.status).toBe(503);
    expect(response.headers.get('retry-after')).toBe('1');
    expect(await response.json()).toMatchObject({ code: 'RESPONSE_TIMED_OUT' });
  }
  expect(finish).toHaveLength(2);
  // A late result is dropped.
  for (const respond of finish) respond();
  await app.close();
  expect(logLines.filter(({ level }) => level === 'error' || level === 50)).toEqual([]);
});

it('gives a route the time that it declares', { tags: 'full' }, async () => {
  const { app } = await createTestApp({
    requestTimeoutMs: 10,
    addRoutes(routes) {
      const config = { scope: 'serve' } as const;
      const slowly = async (): Promise<object> => sleep(3_000).then(() => ({ dish: 'stew' }));
      routes.get('/v1/stew', { config, handlerTimeout: 60_000 }, slowly);
    },
  });
  const response = await fetch(`${await app.listen({ host: '127.0.0.1', port: 0 })}/v1/stew`);
  expect(await response.json()).toEqual({ dish: 'stew' });
});

it.each([
  ['with its length', 'Content-Length: 20000000'],
  ['in chunks', 'Transfer-Encoding: chunked'],
])('refuses a body that is too large, %s, while it arrives', async (_, framing) => {
  const { app } = await createTestApp();
  await app.listen({ host: '127.0.0.1', port: 0 });
  const { port } = app.server.address() as AddressInfo;
  const socket = connect(port, '127.0.0.1');
  socket.write(`POST /v1/orders HTTP/1.1\r\nHost: facet\r\nContent-Type: application/json\r\n${framing}\r\n\r\n`);
  // The first chunk, or the first part of a body without chunks.
  socket.write(`f42400\r\n${' '.repeat(1 << 20)}`);
  const [response] = (await once(socket, 'data')) as [Buffer];
  expect(response.toString()).toMatch(/^HTTP\/1.1 413 [^]*"code":"BODY_TOO_LARGE"/);
  for (let sent = 0; sent < 10; sent++) {
    socket.write(' '.repeat(1 << 20));
    await sleep(10);
  }
  expect(socket.errored).toBeNull();
  socket.destroy();
});

it('does not wait for idle connections when closing', async () => {
  let finish: () => void = () => undefined;
  const { app } = await createTestApp({
    addRoutes: (bare) =>
      void bare.get(
        '/slow',
        { config: { scope: 'open' } },
        async () => new Promise<void>((resolve) => (finish = resolve)),
      ),
  });
  const { url } = await listen(app, { host: '127.0.0.1', port: 0 });
  const pending = fetch(`${url}/slow`);
  await sleep(50);
  const closed = app.close();
  await sleep(50);
  finish();
  expect((await pending).headers.get('connection')).toBe('close');
  await closed;
});

it('lists all routes', async () => {
  const { app } = await createTestApp({
    addRoutes(bare) {
      const config = { scope: 'open' } as const;
      bare.options('*', { config }, async () => '');
      bare.get('/files/*', { config }, async () => '');
      bare.get('/files/index.html', { config }, async () => '');
      bare.delete('/v1/orders/:orderId', { config }, async () => '');
      bare.get('/v1/orders/:orderId/dish', { config }, async () => '');
    },
  });
  const routes = listRoutes(app).filter(({ method }) => method !== 'HEAD');
  expect(routes.map(({ method, url }) => `${method} ${url}`).sort()).toEqual([
    'DELETE /v1/orders/:orderId',
    'GET /files/*',
    'GET /files/index.html',
    'GET /healthz',
    'GET /metrics',
    'GET /page',
    'GET /readyz',
    'GET /v1/orders/:orderId/dish',
    'OPTIONS *',
    'POST /v1/orders',
  ]);
});
