import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { isAppError } from '@facet/platform';
import { expect, it, onTestFinished } from 'vitest';
import { openSpool } from '../../src/ingest/spool/spool.ts';
import type { Spool } from '../../src/ingest/spool/spool.ts';
import { temporaryFolder } from '@facet/testing';

/** A file system of one megabyte; undefined where this machine does not let one be made. */
async function mountSmallDisk(): Promise<string | undefined> {
  const folder = await temporaryFolder();
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', folder], { stdio: 'ignore' });
  } catch {
    return undefined;
  }
  onTestFinished(() => void execFileSync('umount', ['--lazy', folder]));
  return folder;
}

const bytesMax = 1 << 30;
const batchOf = (value: number) => [
  { topic: 'events', key: 'ada', value: `${value}`.padEnd(10_000, '.'), timestamp: value },
];

/** Appends until the disk is full; returns how many were taken. */
async function fill(spool: Spool, from: number): Promise<number> {
  for (let value = from; ; value++) {
    try {
      await spool.append([batchOf(value)]);
    } catch (error) {
      expect(isAppError(error, 'COLLECTOR_SPOOL_UNWRITABLE') && error.context['cause']).toBe('ENOSPC');
      return value - from;
    }
  }
}

it('keeps what it has on a full disk, restarts on it, and takes again once something is replayed', async (context) => {
  const disk = await mountSmallDisk();
  if (disk === undefined) return context.skip('no file system can be mounted here');
  const folder = join(disk, 'spool');
  const options = { bytesMax, segmentBytesMax: 100_000 };
  const first = await openSpool(folder, options);
  let taken = await fill(first, 0);
  expect(taken).toBeGreaterThan(50);
  // Nor does it use up anything else while it fails.
  for (let again = 0; again < 20; again++) expect(await fill(first, taken)).toBe(0);
  await first.close();

  const second = await openSpool(folder, options);
  expect(second.state.records).toBe(taken);
  const seen: number[] = [];
  const take = async (bytes: number): Promise<boolean> => {
    const chunk = await second.read(bytes);
    if (chunk === undefined) return false;
    seen.push(...chunk.batches.flat().map(({ timestamp }) => timestamp));
    await second.release(chunk);
    return true;
  };
  await take(150_000);
  const more = await fill(second, taken);
  expect(more).toBeGreaterThan(5);
  taken += more;
  while (await take(1));
  expect(seen).toEqual(Array.from({ length: taken }, (_, value) => value));
  await second.close();
});
