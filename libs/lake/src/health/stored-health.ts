import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { writeFileAtomically } from '@facet/platform';
import type { DayHealth } from './health-report.ts';

/**
 * Keeps a day's health as `<folder>/<day>.json`, in place of an earlier one. Without the names of suspicious users: an
 * erasure would not reach them here.
 */
export async function storeDayHealth(folder: string, health: DayHealth): Promise<void> {
  await mkdir(folder, { recursive: true });
  const kept = { ...health, suspiciousUsers: { ...health.suspiciousUsers, examples: [] } };
  await writeFileAtomically(join(folder, `${health.day}.json`), [`${JSON.stringify(kept)}\n`]);
}

/** What {@link storeDayHealth} kept of a day, or `undefined`. */
export async function readDayHealth(folder: string, day: string): Promise<DayHealth | undefined> {
  const text = await readFile(join(folder, `${day}.json`), 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
  return text === undefined ? undefined : (JSON.parse(text) as DayHealth);
}
