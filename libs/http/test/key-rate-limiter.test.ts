import { isAppError } from '@facet/platform';
import type { ApiKey } from '@facet/platform';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { createKeyRateLimiter } from '../src/index.ts';
import type { KeyRateLimiter } from '../src/index.ts';
import { createTestApp, keyOf } from './fixtures.ts';

const key = keyOf('web', ['ingest'], { eventsPerSecondMax: 100 });
const other = keyOf('app', ['ingest'], { eventsPerSecondMax: 100 });

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** The seconds that a request of this weight must wait, or undefined if it is admitted. */
async function waitFor(limiter: KeyRateLimiter, key: ApiKey | undefined, points: number): Promise<unknown> {
  try {
    await limiter.admit(key);
    await limiter.charge(key, points - 1);
    return undefined;
  } catch (error) {
    if (isAppError(error, 'RATE_LIMITED')) return error.context['retryAfterSeconds'];
    throw error;
  }
}

it('admits the rate of each key separately', async () => {
  const limiter = createKeyRateLimiter();
  for (let sent = 0; sent < 100; sent += 20) expect(await waitFor(limiter, key, 20)).toBeUndefined();
  expect(await waitFor(limiter, key, 1)).toBeCloseTo(1);
  expect(await waitFor(limiter, other, 1)).toBeUndefined();
  vi.advanceTimersByTime(1_000);
  expect(await waitFor(limiter, key, 1)).toBeUndefined();
});

it('admits a batch of any size once, and delays the next requests by its weight', async () => {
  const limiter = createKeyRateLimiter();
  expect(await waitFor(limiter, key, 1_000)).toBeUndefined();
  expect(await waitFor(limiter, key, 1)).toBeCloseTo(10);
  vi.advanceTimersByTime(9_000);
  expect(await waitFor(limiter, key, 1)).toBeCloseTo(1);
  vi.advanceTimersByTime(1_000);
  expect(await waitFor(limiter, key, 1)).toBeUndefined();
});

it('keeps the rate over many seconds for any sequence of requests', async () => {
  const limiter = createKeyRateLimiter();
  let passed = 0;
  for (let ms = 0; ms < 60_000; ms += 50) {
    if ((await waitFor(limiter, key, 70)) === undefined) passed += 70;
    vi.advanceTimersByTime(50);
  }
  expect(passed).toBeGreaterThan(60 * 80);
  expect(passed).toBeLessThanOrEqual(60 * 100 + 140);
});

it('admits everything without a bound or without a key', async () => {
  const limiter = createKeyRateLimiter();
  for (const unbounded of [keyOf('free', ['ingest']), undefined]) {
    expect(await waitFor(limiter, unbounded, 1e9)).toBeUndefined();
    expect(await waitFor(limiter, unbounded, 1e9)).toBeUndefined();
  }
});

it('returns 429 with whole seconds', async () => {
  vi.useRealTimers();
  const limiter = createKeyRateLimiter();
  const { app } = await createTestApp({
    addRoutes: (bare) =>
      void bare.post('/v1/bulk', { config: { scope: 'ingest' }, onRequest: () => limiter.admit(key) }, async () =>
        limiter.charge(key, 249),
      ),
  });
  expect((await app.inject({ method: 'POST', url: '/v1/bulk' })).statusCode).toBe(200);
  const response = await app.inject({ method: 'POST', url: '/v1/bulk' });
  expect(response.statusCode).toBe(429);
  expect(response.headers['retry-after']).toBe('3');
  expect(response.json()).toMatchObject({ code: 'RATE_LIMITED', message: 'The key web may send 100 events a second.' });
});
