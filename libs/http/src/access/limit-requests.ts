import cluster from 'node:cluster';
import type { ApiKey } from '@facet/platform';
import { RateLimiterCluster, RateLimiterClusterMaster, RateLimiterMemory } from 'rate-limiter-flexible';
import type { HttpApp } from '../http-app.ts';
import { problemError } from '../problems/problem.ts';

/** The supervisor responds at once, unless it is ending. */
const counterTimeoutMs = 1_000;

/**
 * Refuses requests of a key beyond its `requestsPerSecondMax` with `RATE_LIMITED`. The workers of one supervisor count together. Refused
 * requests count, too, but only until the second ends. A supervisor that does not respond limits nothing.
 */
export function limitRequests(app: HttpApp): void {
  const options = { keyPrefix: 'requests', points: 1, duration: 1 };
  const counter = cluster.isWorker
    ? new RateLimiterCluster({ ...options, timeoutMs: counterTimeoutMs })
    : new RateLimiterMemory(options);
  // Sending to a supervisor that has ended emits an error. The worker then finishes its requests and ends.
  cluster.worker?.on('error', () => undefined);
  app.addHook('onRequest', async ({ apiKey }) => {
    if (apiKey?.requestsPerSecondMax === undefined) return;
    const { name, requestsPerSecondMax: max } = apiKey;
    const count = await counter.penalty(name).catch(() => undefined);
    if (count === undefined || count.consumedPoints <= max) return;
    throw problemError('RATE_LIMITED', `The key ${name} exceeds its ${max} requests a second.`, {
      retryAfterSeconds: count.msBeforeNext / 1000,
    });
  });
}

/** Counts the requests of all workers, in their supervisor. */
export function countRequestsOfWorkers(): void {
  new RateLimiterClusterMaster();
}

export type KeyRateLimiter = ReturnType<typeof createKeyRateLimiter>;

/** Creates a limiter that bounds the events per second of each key. */
export function createKeyRateLimiter() {
  const limiter = new RateLimiterMemory({ points: 1, duration: 1 });
  return {
    /**
     * Charges one point for a request before its body is read, so that useless requests count, too.
     *
     * @throws AppError `RATE_LIMITED` with the seconds to wait. A refused request is not charged.
     */
    async admit(key: ApiKey | undefined): Promise<void> {
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
    /** Charges further points for an admitted request. A request beyond the bound is accepted; the next requests wait. */
    async charge(key: ApiKey | undefined, points: number): Promise<void> {
      const max = key?.eventsPerSecondMax;
      if (key === undefined || max === undefined) return;
      const { consumedPoints } = await limiter.penalty(key.name, points);
      if (consumedPoints > max) await limiter.set(key.name, consumedPoints, consumedPoints / max);
    },
  };
}
