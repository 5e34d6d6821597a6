/** @module-tag full */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { expect, it, onTestFinished } from 'vitest';
import { startS3 } from '@facet/local-services';
import { forFile, temporaryFolder } from '@facet/testing';
import { compactLake } from '../../src/maintenance/compact-lake.ts';
import { verifyLake } from '../../src/maintenance/verify-lake.ts';
import { lakeStatus } from '../../src/read/lake-status.ts';
import { readLake } from '../../src/read/read-lake.ts';
import { openLakeSnapshot } from '../../src/transaction-log/snapshot.ts';
import { openLakeWriter } from '../../src/write/lake-writer.ts';
import { createS3Lake } from '../storage/s3-lake.ts';
import { openLakeStorage } from '../../src/storage/open-lake-storage.ts';

const child = fileURLToPath(new URL('lake-in-child.ts', import.meta.url));
const livesOfEach = 2;

const s3 = forFile(await startS3());
Object.assign(process.env, s3.env);

/** Runs a role in a child process and kills the process `afterMs` after its first report. */
async function runAndKill(role: 'sink' | 'compactor', lake: string, afterMs: number): Promise<void> {
  const running = spawn(process.execPath, ['--conditions=@facet/source', '--import=tsx', child, role, lake], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  onTestFinished(() => void running.kill('SIGKILL'));
  const ended = once(running, 'exit');
  await Promise.race([once(running.stdout, 'data'), ended]);
  await sleep(afterMs);
  expect(running.kill('SIGKILL'), `the ${role} runs until it is killed`).toBe(true);
  await ended;
}

it.each([
  ['folder', async () => join(await temporaryFolder(), 'lake')],
  ['bucket', async () => (await createS3Lake(s3)).lake],
])(
  'repeatedly killed sinks and compactors leave each offset of a lake in a %s once, and no other files',
  async (_, create) => {
    const lake = await create();
    const live = async (role: 'sink' | 'compactor', seed: number): Promise<void> => {
      for (let life = 0; life < livesOfEach; life++) await runAndKill(role, lake, (seed + life * 37) % 97);
    };
    await Promise.all([live('sink', 11), live('sink', 53), live('compactor', 71)]);

    const before = await readLake(lake);
    const { sources } = await verifyLake(lake);
    expect(sources).toHaveLength(2);
    for (const { committed, rows } of sources) expect(rows).toBe(committed);
    expect(new Set(before.map(({ eventId }) => eventId)).size).toBe(before.length);
    expect(before).toHaveLength(sources.reduce((sum, { committed }) => sum + committed, 0));

    // The sinks advance, so all leftover files are obsolete. Then a compaction removes them.
    const writer = await openLakeWriter(lake);
    for (const { source, committed } of sources) writer.add(source, [], committed + 1);
    await writer.commit();
    await writer.close();
    await compactLake(lake, { graceMs: 0 });
    expect(await readLake(lake)).toEqual(before);
    expect(await verifyLake(lake)).toMatchObject({ isSound: true });
    expect(await lakeStatus(lake)).toMatchObject({ files: 3, replacedFiles: 0, maintenance: undefined });
    expect(await (await openLakeStorage(lake)).list()).toEqual(
      (await openLakeSnapshot(lake)).files.map(({ path }) => path),
    );
    expect(await readdir(join(lake, '_tmp'))).toEqual([]);
  },
  180_000,
);
