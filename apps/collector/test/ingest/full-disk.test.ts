import { execFileSync } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isAppError } from '@facet/platform';
import { expect, it, onTestFinished } from 'vitest';
import { openSpool } from '../../src/ingest/spool/spool.ts';
import type { Spool } from '../../src/ingest/spool/spool.ts';
import { temporaryFolder } from '@facet/testing';

/** Mounts a file system of one megabyte. Returns undefined if this machine does not permit it. */
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

/** Appends until the disk is full, and returns the number of stored batches. */
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

it('keeps its batches on a full disk, restarts, and accepts batches again after a replay', async (context) => {
  const disk = await mountSmallDisk();
  if (disk === undefined) return context.skip('this machine cannot mount a file system');
  const folder = join(disk, 'spool');
  const options = { bytesMax, segmentBytesMax: 100_000, reserveBytes: 20_000 };
  const first = await openSpool(folder, options);
  let stored = await fill(first, 0);
  expect(stored).toBeGreaterThan(50);
  // Failed appends use no further space.
  for (let again = 0; again < 20; again++) expect(await fill(first, stored)).toBe(0);
  await first.close();

  const second = await openSpool(folder, options);
  expect(second.state.records).toBe(stored);
  const seen: number[] = [];
  const replay = async (bytes: number): Promise<boolean> => {
    const chunk = await second.read(bytes);
    if (chunk === undefined) return false;
    seen.push(...chunk.batches.flat().map(({ timestamp }) => timestamp));
    await second.release(chunk);
    return true;
  };
  await replay(150_000);
  const more = await fill(second, stored);
  expect(more).toBeGreaterThan(5);
  stored += more;
  while (await replay(1));
  expect(seen).toEqual(Array.from({ length: stored }, (_, value) => value));
  await second.close();
});

it('keeps refused records on a full disk, so that they do not block the others', async (context) => {
  const disk = await mountSmallDisk();
  if (disk === undefined) return context.skip('this machine cannot mount a file system');
  const folder = join(disk, 'spool');
  const spool = await openSpool(folder, { bytesMax, segmentBytesMax: 100_000, reserveBytes: 40_000 });
  const stored = await fill(spool, 0);
  const refused = [batchOf(0), batchOf(1), batchOf(2)].flat();
  await spool.setAside(refused);
  const lines = (await readFile(join(folder, 'refused.jsonl'), 'utf8')).trim().split('\n');
  expect(lines.map((line) => JSON.parse(line) as unknown)).toEqual(refused);
  // Without the reserve, the file keeps complete lines only.
  await fill(spool, stored);
  const more = [batchOf(3), batchOf(4), batchOf(5)].flat();
  await expect(spool.setAside(more)).rejects.toMatchObject({ code: 'ENOSPC' });
  for (let chunk = await spool.read(1); chunk !== undefined; chunk = await spool.read(1)) await spool.release(chunk);
  await fill(spool, stored);
  await spool.setAside(more);
  const kept = (await readFile(join(folder, 'refused.jsonl'), 'utf8')).trim().split('\n');
  expect(kept.map((line) => JSON.parse(line) as unknown)).toEqual([...refused, ...more]);
  await spool.close();
});
