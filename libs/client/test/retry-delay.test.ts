import { describe, expect, it } from 'vitest';
import { retryDelayMs } from '../src/retry-delay.ts';

const backoff = { firstMs: 100, maxMs: 1_000 };

describe('the delay before the next attempt', () => {
  it.each([
    [1, 50, 100],
    [2, 100, 200],
    [4, 400, 800],
    [5, 500, 1_000],
    [50, 500, 1_000],
  ])('after %i failures is between %i and %i ms', (failures, min, max) => {
    const delays = Array.from({ length: 200 }, () => retryDelayMs(failures, null, backoff));

    expect(Math.min(...delays)).toBeGreaterThanOrEqual(min);
    expect(Math.max(...delays)).toBeLessThanOrEqual(max);
    expect(new Set(delays).size).toBeGreaterThan(100);
  });

  it('is at least what the server requests, in seconds or as a date', () => {
    expect(retryDelayMs(1, '3', backoff)).toBeGreaterThanOrEqual(3_050);
    expect(retryDelayMs(1, new Date(Date.now() + 5_000).toUTCString(), backoff)).toBeGreaterThan(3_900);
  });

  it.each(['soon', '-5', 'Thu, 01 Jan 1970 00:00:00 GMT'])('ignores the header "%s"', (header) => {
    expect(retryDelayMs(1, header, backoff)).toBeLessThanOrEqual(100);
  });
});
