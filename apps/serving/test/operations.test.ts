import { once } from 'node:events';
import { connect } from 'node:net';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createHome, createTestApp } from './fixtures.ts';
import type { Home, TestApp } from './fixtures.ts';

let home: Home;

beforeAll(async () => {
  home = await createHome();
});

afterAll(async () => {
  await home.remove();
});

describe('before the bundle is loaded', () => {
  let server: TestApp;

  beforeAll(async () => {
    server = await createTestApp(undefined);
  });

  afterAll(async () => {
    await server.close();
  });

  it('the process lives but is not ready', async () => {
    expect((await server.app.inject('/healthz')).statusCode).toBe(200);
    const ready = await server.app.inject('/readyz');
    expect(ready.statusCode).toBe(503);
    expect(ready.headers['retry-after']).toBe('1');
    expect(ready.json()).toMatchObject({ statusCode: 503, code: 'NOT_READY' });
  });

  it.each(['/v1/recommendations', '/v1/interests'])('%s asks the caller to come again', async (url) => {
    const { statusCode, body, headers } = await server.post(url, { userId: 'ada' });
    expect(statusCode).toBe(503);
    expect(headers['retry-after']).toBe('1');
    expect(body).toMatchObject({ code: 'NOT_READY' });
  });
});

describe('metrics', () => {
  it('count requests by route, answers by source, and name the bundle', async () => {
    const server = await createTestApp(home);
    await server.post('/v1/recommendations', { userId: 'ada' });
    await server.post('/v1/recommendations', { userId: 'nobody' });
    await server.post('/v1/recommendations', { limit: 0 });
    await server.app.inject('/guess-1');
    await server.app.inject('/guess-2?userId=ada');
    const { body, headers } = await server.app.inject('/metrics');
    expect(headers['content-type']).toMatch(/^text\/plain/);
    const lines = body.split('\n');
    expect(lines).toContain(
      'facet_http_request_duration_seconds_count{method="POST",route="/v1/recommendations",status="200"} 2',
    );
    expect(lines).toContain(
      'facet_http_request_duration_seconds_count{method="POST",route="/v1/recommendations",status="400"} 1',
    );
    expect(lines).toContain('facet_http_request_duration_seconds_count{method="GET",route="unknown",status="404"} 2');
    expect(lines).toContain('facet_serving_answers_total{kind="recommendations",source="model",reason=""} 1');
    expect(lines).toContain(
      'facet_serving_answers_total{kind="recommendations",source="popular",reason="unknown_user"} 1',
    );
    expect(lines).toContain(
      `facet_serving_bundle_info{bundle="${home.bundleRef.id}",model="model-of-the-fixture",dataset="dataset-of-the-fixture"} 1`,
    );
    expect(body).toContain('nodejs_eventloop_lag_seconds');
    expect(body).not.toContain('guess');
    await server.close();
  });
});

describe('overload', () => {
  it('turns away what is beyond the bound of concurrent work, and serves again after', async () => {
    const server = await createTestApp(home, { limits: { concurrentMax: 2 } });
    const responses = await Promise.all(
      Array.from({ length: 6 }, () => server.post('/v1/recommendations', { userId: 'ada' })),
    );
    const refused = responses.filter(({ statusCode }) => statusCode === 503);
    expect(responses.filter(({ statusCode }) => statusCode === 200).length).toBeGreaterThanOrEqual(2);
    expect(refused.length).toBeGreaterThanOrEqual(1);
    for (const { body, headers } of refused) {
      expect(body).toMatchObject({ code: 'OVERLOADED' });
      expect(headers['retry-after']).toBe('1');
    }
    expect((await server.post('/v1/recommendations', { userId: 'ada' })).statusCode).toBe(200);
    await server.close();
  });

  it('turns requests away while the event loop is late; probes and metrics still answer', async () => {
    const server = await createTestApp(home, { limits: { eventLoopDelayMsMax: 30 } });
    expect((await server.post('/v1/recommendations', {})).statusCode).toBe(200);
    const blockedUntil = Date.now() + 1_500;
    while (Date.now() < blockedUntil) {
      const pause = Date.now() + 120;
      while (Date.now() < pause);
      await sleep(1);
    }
    const { statusCode, body, headers } = await server.post('/v1/recommendations', {});
    expect(statusCode).toBe(503);
    expect(headers['retry-after']).toBe('1');
    expect(body).toMatchObject({ code: 'OVERLOADED' });
    for (const url of ['/healthz', '/readyz', '/metrics']) {
      expect((await server.app.inject(url)).statusCode, url).toBe(200);
    }
    await server.close();
  });
});

it('closing waits for the request under way, refuses the one behind it, and takes no new connection', async () => {
  const server = await createTestApp(home);
  await server.app.listen({ host: '127.0.0.1', port: 0 });
  const { port } = server.app.server.address() as AddressInfo;
  const body = JSON.stringify({ userId: 'ada' });
  const head =
    `POST /v1/recommendations HTTP/1.1\r\nHost: facet\r\nContent-Type: application/json\r\n` +
    `Content-Length: ${body.length}\r\n\r\n`;
  const socket = connect(port, '127.0.0.1');
  await once(socket, 'connect');
  socket.write(head + body.slice(0, 5));
  await sleep(100);
  const closed = server.close();
  await sleep(50);
  socket.write(body.slice(5) + head + body);
  const [, first = '', second = ''] = (await text(socket)).split('HTTP/1.1 ');
  await closed;
  expect(first).toMatch(/^200 /);
  expect(first).toContain('"kind":"model"');
  expect(second).toMatch(/^503 /);
  expect(second).toContain('"code":"CLOSING"');
  const late = connect(port, '127.0.0.1');
  const [error] = (await once(late, 'error')) as [NodeJS.ErrnoException];
  expect(error.code).toBe('ECONNREFUSED');
});
