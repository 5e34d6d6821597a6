import { forTest } from '@facet/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTestApp, homeOfFile } from './fixtures.ts';
import type { TestApp } from './fixtures.ts';

const home = await homeOfFile();

describe('before the bundle is loaded', () => {
  let server: TestApp;

  beforeAll(async () => {
    server = await createTestApp(undefined);
  });

  afterAll(async () => {
    await server.close();
  });

  it('the process is alive but not ready', async () => {
    expect((await server.app.inject('/healthz')).statusCode).toBe(200);
    const ready = await server.app.inject('/readyz');
    expect(ready.statusCode).toBe(503);
    expect(ready.headers['retry-after']).toBe('1');
    expect(ready.json()).toMatchObject({ statusCode: 503, code: 'NOT_READY' });
  });

  it.each(['/v1/recommendations', '/v1/interests'])('%s asks the caller to retry', async (url) => {
    const { statusCode, body, headers } = await server.post(url, { userId: 'ada' });
    expect(statusCode).toBe(503);
    expect(headers['retry-after']).toBe('1');
    expect(body).toMatchObject({ code: 'NOT_READY' });
  });
});

describe('metrics', () => {
  it('count requests by route and responses by source, and name the bundle', async () => {
    const server = forTest(await createTestApp(home));
    await server.post('/v1/recommendations', { userId: 'ada' });
    await server.post('/v1/recommendations', { userId: 'stranger' });
    await server.post('/v1/recommendations', { limit: 0 });
    const { body } = await server.app.inject('/metrics');
    const lines = body.split('\n');
    expect(lines).toContain(
      'facet_http_request_duration_seconds_count{method="POST",route="/v1/recommendations",status="200"} 2',
    );
    expect(lines).toContain('facet_serving_responses_total{kind="recommendations",source="model",reason=""} 1');
    expect(lines).toContain(
      'facet_serving_responses_total{kind="recommendations",source="popular",reason="unknown_user"} 1',
    );
    expect(lines).toContain(
      `facet_serving_bundle_info{bundle="${home.bundleRef.id}",model="model-of-the-fixture",dataset="dataset-of-the-fixture"} 1`,
    );
  });
});

describe('trends', () => {
  it('have the latency of requests and their stages, fallbacks and index recall of each interval', async () => {
    const server = forTest(await createTestApp(home, { trendsIntervalMs: 20 }));
    const read = async () =>
      (await server.app.inject('/v1/trends')).json<{ intervalSeconds: number; readings: Record<string, unknown>[] }>();
    await expect.poll(async () => (await read()).readings.length).toBeGreaterThan(0);
    const quiet = (await read()).readings[0]!;
    expect(quiet).toEqual({ at: expect.any(Number) as number, requests: 0, stages: [] });
    await Promise.all(['ada', 'stranger'].map((userId) => server.post('/v1/recommendations', { userId })));
    server.metrics.observeIndexRecall('b1', { hits: 9, wanted: 10 });
    await expect
      .poll(async () => (await read()).readings.reduce((sum, one) => sum + Number(one['requests']), 0))
      .toBe(2);
    const { readings, intervalSeconds } = await read();
    expect(intervalSeconds).toBe(0.02);
    const busy = readings.find(({ requests }) => requests !== 0)!;
    expect(busy['p99Ms']).toBeGreaterThanOrEqual(busy['p50Ms'] as number);
    expect(readings.flatMap(({ stages }) => stages as object[])).toContainEqual(
      expect.objectContaining({ stage: 'profile', p99Ms: expect.any(Number) as number }),
    );
    const shares = readings.flatMap(({ fallbackShare = [] }) => fallbackShare as number);
    expect(shares.reduce((sum, share) => sum + share, 0) / shares.length).toBe(0.5);
    await expect
      .poll(async () => (await read()).readings.flatMap(({ indexRecall = [] }) => indexRecall))
      .toEqual([0.9]);
  });
});

describe('overload', () => {
  it('refuses requests beyond the limit, and serves again later', async () => {
    const server = forTest(await createTestApp(home, { limits: { concurrentMax: 2 } }));
    const responses = await Promise.all(
      Array.from({ length: 6 }, () => server.post('/v1/recommendations', { userId: 'ada' })),
    );
    const refused = responses.filter(({ statusCode }) => statusCode === 503);
    expect(responses.filter(({ statusCode }) => statusCode === 200).length).toBeGreaterThanOrEqual(2);
    expect(refused.length).toBeGreaterThanOrEqual(1);
    for (const { body, headers } of refused) {
      expect(body).toMatchObject({ code: 'OVERLOADED' });
      expect(headers['retry-after']).toMatch(/^[123]$/);
    }
    expect((await server.post('/v1/recommendations', { userId: 'ada' })).statusCode).toBe(200);
  });
});
