import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { dayFolder, dayMs, dayOfTime, listDays } from './exposure-layout.ts';

/**
 * Removes days that are over for longer than they are kept.
 *
 * @param options.retentionDays that are kept besides today's.
 * @param options.now epoch milliseconds.
 * @returns the days that are gone.
 */
export async function removeOldExposures(
  folder: string,
  options: { readonly retentionDays: number; readonly now: number },
): Promise<string[]> {
  const oldest = dayOfTime(options.now - options.retentionDays * dayMs);
  const gone = (await listDays(folder)).filter((day) => day < oldest);
  for (const day of gone) await rm(join(folder, dayFolder(day)), { recursive: true, force: true });
  return gone;
}
