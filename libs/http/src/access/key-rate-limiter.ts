import type { ApiKey } from '@facet/platform';
import { RateLimiterMemory } from 'rate-limiter-flexible';
import { problemError } from '../problems/problem.ts';

/** Bounds the events per second of each key. */
export interface KeyRateLimiter {
  /**
   * Charges one point for a request before its body is read, so that useless requests count, too.
   *
   * @throws AppError `RATE_LIMITED` with the seconds to wait. A refused request is not charged.
   */
  admit(key: ApiKey | undefined): Promise<void>;
  /** Charges further points for an admitted request. A request beyond the bound is accepted; the next requests wait. */
  charge(key: ApiKey | undefined, points: number): Promise<void>;
}

export function createKeyRateLimiter(): KeyRateLimiter {
  const limiter = new RateLimiterMemory({ points: 1, duration: 1 });
  return {
    async admit(key) {
      const max = key?.eventsPerSecondMax;
      if (key === undefined || max === undefined) return;
      const used = await limiter.get(key.name);
      if (used !== null && used.consumedPoints >= max) {
        throw problemError('RATE_LIMITED', `The key ${key.name} may send ${max} events a second.`, {
          retryAfterSeconds: used.msBeforeNext / 1000,
        });
      }
      await limiter.penalty(key.name, 1);
    },
    async charge(key, points) {
      const max = key?.eventsPerSecondMax;
      if (key === undefined || max === undefined) return;
      const { consumedPoints } = await limiter.penalty(key.name, points);
      if (consumedPoints > max) await limiter.set(key.name, consumedPoints, consumedPoints / max);
    },
  };
}
