import { setTimeout as sleep } from 'node:timers/promises';

const lookEveryMs = 40;

/**
 * What `look` gives as soon as it gives something.
 *
 * @throws Error that says what was waited for, when that takes longer.
 */
export async function until<Found>(
  what: string,
  look: () => Promise<Found | undefined>,
  seconds = 180,
): Promise<Found> {
  const giveUpAt = Date.now() + seconds * 1_000;
  for (;;) {
    const found = await look();
    if (found !== undefined) return found;
    if (Date.now() > giveUpAt) throw new Error(`${what}: not within ${seconds} s`);
    await sleep(lookEveryMs);
  }
}
