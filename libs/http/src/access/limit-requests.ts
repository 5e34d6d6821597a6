import cluster from 'node:cluster';
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
