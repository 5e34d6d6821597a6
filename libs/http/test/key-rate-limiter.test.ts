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

/** The seconds that the limiter asks a request of so many points to wait, or undefined where it lets it pass. */
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

it('lets pass as much a second as the key may send, and each key by itself', async () => {
  const limiter = createKeyRateLimiter();
  for (let sent = 0; sent < 100; sent += 20) expect(await waitFor(limiter, key, 20)).toBeUndefined();
  expect(await waitFor(limiter, key, 1)).toBeCloseTo(1);
  expect(await waitFor(limiter, other, 1)).toBeUndefined();
  vi.advanceTimersByTime(1_000);
  expect(await waitFor(limiter, key, 1)).toBeUndefined();
});

it('takes a batch of any size once, and makes what follows wait as long as it weighs', async () => {
  const limiter = createKeyRateLimiter();
  expect(await waitFor(limiter, key, 1_000)).toBeUndefined();
  expect(await waitFor(limiter, key, 1)).toBeCloseTo(10);
  vi.advanceTimersByTime(9_000);
  expect(await waitFor(limiter, key, 1)).toBeCloseTo(1);
  vi.advanceTimersByTime(1_000);
  expect(await waitFor(limiter, key, 1)).toBeUndefined();
});

it('keeps the rate over many seconds, whatever the callers try', async () => {
  const limiter = createKeyRateLimiter();
  let passed = 0;
  for (let ms = 0; ms < 60_000; ms += 50) {
    if ((await waitFor(limiter, key, 70)) === undefined) passed += 70;
    vi.advanceTimersByTime(50);
  }
  expect(passed).toBeGreaterThan(60 * 80);
  expect(passed).toBeLessThanOrEqual(60 * 100 + 140);
});

it('bounds nothing without a bound, or without a key', async () => {
  const limiter = createKeyRateLimiter();
  for (const unbounded of [keyOf('free', ['ingest']), undefined]) {
    expect(await waitFor(limiter, unbounded, 1e9)).toBeUndefined();
    expect(await waitFor(limiter, unbounded, 1e9)).toBeUndefined();
  }
});

it('tells the caller with 429 and whole seconds', async () => {
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
  await app.close();
});
