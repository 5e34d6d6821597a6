import { randomFill } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';

const probeEveryMs = 10;
const probe = new Uint8Array(1);

/**
 * How long work stands in line now, in milliseconds: a job of next to nothing goes the way of every request, through the event
 * loop and the line for libuv's threads and back. Unlike the time of a request this counts only what the cores of this
 * process are short of, not that a store somewhere else is slow.
 */
export async function measureQueueDelay(): Promise<number> {
  const due = performance.now() + probeEveryMs;
  await delay(probeEveryMs, undefined, { ref: false });
  await new Promise<void>((resolve) => randomFill(probe, () => resolve()));
  return Math.max(0, performance.now() - due);
}
