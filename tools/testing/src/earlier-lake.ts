import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { listNames } from '@facet/platform';

/** What the log of a lake records. */
interface LoggedLake {
  readonly files: readonly object[];
  readonly offsets: object;
  readonly erasures: readonly object[];
  readonly version: number;
}

/**
 * Replaces the log of a lake by a checkpoint and a transaction in the format of an earlier release.
 *
 * @param logged the snapshot of the newest version
 */
export async function toEarlierLog(lake: string, { files, offsets, erasures, version }: LoggedLake): Promise<void> {
  for (const folder of ['_delta_log', '_log']) await rm(join(lake, folder), { recursive: true });
  await mkdir(join(lake, '_log'));
  const write = (number: number, extension: string, record: object): Promise<void> =>
    writeFile(
      join(lake, '_log', `${String(number).padStart(20, '0')}.${extension}`),
      JSON.stringify({ format: 1, version: number, id: String(number), ...record }),
    );
  await write(version, 'checkpoint.json', {
    files,
    offsets,
    intake: [],
    erasures: erasures.map((erasure) => ({ ...erasure, isKeyed: true })),
    removed: {},
  });
  await write(version, 'json', { parent: String(version - 1), at: Date.now() });
  await write(version + 1, 'json', { parent: String(version), at: Date.now() });
}

/** Returns whether a lake has records of an earlier log in addition to the two that a migration keeps. */
export async function needsMigration(lake: string): Promise<boolean> {
  return (await listNames(join(lake, '_log'))).filter((name) => name.endsWith('.json')).length > 2;
}
