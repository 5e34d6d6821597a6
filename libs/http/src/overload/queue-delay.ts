import { randomFill } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';

const probeEveryMs = 10;
const probe = new Uint8Array(1);

/**
 * Measures the queueing delay in milliseconds: a trivial job takes the way of every request, through the event loop and the
 * thread pool of libuv. Unlike the latency of requests, the delay does not depend on slow stores elsewhere.
 */
export async function measureQueueDelay(): Promise<number> {
  const due = performance.now() + probeEveryMs;
  await delay(probeEveryMs, undefined, { ref: false });
  await new Promise<void>((resolve) => randomFill(probe, () => resolve()));
  return Math.max(0, performance.now() - due);
}
