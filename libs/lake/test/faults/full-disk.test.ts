/** @module-tag full */
import { execFile } from 'node:child_process';
import { mkdir, rm, stat, statfs, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, it, onTestFinished } from 'vitest';
import type { TestContext } from 'vitest';
import type { LoggedEvent } from '@facet/event-log';
import { dayMs } from '@facet/platform';
import { forTest, makeEvent, noon, temporaryFolder } from '@facet/testing';
import { compactLake } from '../../src/maintenance/compact-lake.ts';
import { verifyLake } from '../../src/maintenance/verify-lake.ts';
import { lakeStatus } from '../../src/read/lake-status.ts';
import { readLake } from '../../src/read/read-lake.ts';
import { openLakeSnapshot } from '../../src/transaction-log/snapshot.ts';
import { openLakeWriter } from '../../src/write/lake-writer.ts';
import { listPlacedFiles } from '../../src/storage/place-files.ts';

const run = promisify(execFile);
const unwritable = { code: 'EVENTS_LAKE_UNWRITABLE', retryable: true };

/** Mounts a disk of one megabyte at a new folder, or skips the test where mounting is not permitted. */
async function smallDisk(context: TestContext): Promise<string> {
  return mountAt(await temporaryFolder(), context);
}

async function mountAt(folder: string, context: TestContext): Promise<string> {
  await run('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', folder]).catch((error: unknown) =>
    context.skip(`needs permission to mount a small disk: ${String((error as Error).message)}`),
  );
  onTestFinished(async () => void (await run('umount', ['--lazy', folder])));
  return folder;
}

/** Fills the disk except for the given number of bytes, rounded to pages of 4096. */
async function fill(disk: string, freeBytes: number): Promise<void> {
  const { bavail, bsize } = await statfs(disk);
  const ballast = join(disk, 'ballast');
  const had = await stat(ballast).then(
    ({ size }) => size,
    () => 0,
  );
  await writeFile(ballast, Buffer.alloc(Math.max(0, had + bavail * bsize - freeBytes)));
}

function logged(from: number, to: number): LoggedEvent[] {
  return Array.from({ length: to - from }, (_, index) => ({
    offset: from + index,
    event: makeEvent({ eventId: `e${from + index}`, occurredAt: noon + (index % 4) * dayMs }),
  }));
}

it('a commit on a full disk leaves no partial state at any step, and succeeds once there is space', async (context) => {
  const disk = await smallDisk(context);
  const lake = join(disk, 'lake');
  const writer = forTest(await openLakeWriter(lake));
  let end = 0;
  const outcomes = new Set<string>();
  for (let freePages = 0; freePages < 48; freePages += 2) {
    const before = await lakeStatus(lake);
    await fill(disk, freePages * 4096);
    writer.add('a-0', logged(end, end + 40), end + 40);
    end += 40;
    const outcome = await writer.commit().then(
      () => 'committed',
      (error: unknown) => {
        expect(error).toMatchObject(unwritable);
        return 'refused';
      },
    );
    outcomes.add(outcome);
    const after = await lakeStatus(lake);
    expect(after.rows).toBe(outcome === 'refused' ? before.rows : end);
    expect(await readLake(lake)).toHaveLength(after.rows);
    expect(writer.pending.events).toBe(end - after.rows);
  }
  expect([...outcomes].sort()).toEqual(['committed', 'refused']);

  await rm(join(disk, 'ballast'));
  writer.add('a-0', logged(end, end + 40), end + 40);
  await writer.commit();
  expect(await verifyLake(lake)).toMatchObject({ isSound: true, sources: [{ rows: end + 40, absent: 0 }] });
  expect(await listPlacedFiles(lake)).toEqual((await openLakeSnapshot(lake)).files.map(({ path }) => path));
});

it('a compaction on a full disk changes no rows, and succeeds once there is space', async (context) => {
  const disk = await smallDisk(context);
  const lake = join(disk, 'lake');
  const writer = forTest(await openLakeWriter(lake));
  for (let from = 0; from < 80; from += 40) {
    writer.add('a-0', logged(from, from + 40), from + 40);
    await writer.commit();
  }
  const before = await readLake(lake);
  await fill(disk, 3 * 4096);
  await expect(compactLake(lake)).rejects.toMatchObject(unwritable);
  expect(await readLake(lake)).toEqual(before);
  await rm(join(disk, 'ballast'));
  await compactLake(lake, { graceMs: 0 });
  expect(await readLake(lake)).toEqual(before);
  expect(await listPlacedFiles(lake)).toHaveLength(4);
});

it('reports a folder of a killed process that cannot be deleted', async (context) => {
  const lake = await temporaryFolder();
  const abandoned = join(lake, '_tmp', 'another-host.1.a');
  await mkdir(abandoned, { recursive: true });
  await mountAt(abandoned, context);
  await utimes(abandoned, 0, 0);
  await expect(compactLake(lake)).rejects.toMatchObject(unwritable);
  await expect(openLakeWriter(lake)).rejects.toMatchObject(unwritable);
});
