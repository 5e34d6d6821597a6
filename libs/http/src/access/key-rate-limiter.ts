import type { ApiKey } from '@facet/platform';
import { RateLimiterMemory } from 'rate-limiter-flexible';
import { problemError } from '../problems/problem.ts';

/** Bounds how much each key may send a second. */
export interface KeyRateLimiter {
  /**
   * Takes `points` from what the key may send. A request is never too large to be taken at all: what goes beyond the
   * bound makes the next ones wait.
   *
   * @throws AppError `RATE_LIMITED` with the seconds to wait; nothing is taken then.
   */
  consume(key: ApiKey | undefined, points: number): Promise<void>;
}

export function createKeyRateLimiter(): KeyRateLimiter {
  const limiter = new RateLimiterMemory({ points: 1, duration: 1 });
  return {
    async consume(key, points) {
      const max = key?.eventsPerSecondMax;
      if (key === undefined || max === undefined) return;
      const used = await limiter.get(key.name);
      if (used !== null && used.consumedPoints >= max) {
        throw problemError('RATE_LIMITED', `The key ${key.name} may send ${max} events a second.`, {
          retryAfterSeconds: used.msBeforeNext / 1000,
        });
      }
      const { consumedPoints } = await limiter.penalty(key.name, points);
      if (consumedPoints > max) await limiter.set(key.name, consumedPoints, consumedPoints / max);
    },
  };
}
