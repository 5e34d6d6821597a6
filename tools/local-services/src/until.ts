import { setTimeout as sleep } from 'node:timers/promises';

const pollMs = 40;

/** Polls `look` until it returns a value other than false. @throws Error that names `what` after `seconds`. */
export async function until<Found>(
  what: string,
  look: () => Promise<Found | false | undefined>,
  seconds = 180,
): Promise<Found> {
  const deadline = Date.now() + seconds * 1_000;
  for (;;) {
    const found = await look();
    if (found !== undefined && found !== false) return found;
    if (Date.now() > deadline) throw new Error(`${what}: timed out after ${seconds} s`);
    await sleep(pollMs);
  }
}
