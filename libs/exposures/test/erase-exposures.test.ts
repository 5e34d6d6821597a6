import { readdir, readFile, stat, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { hashUser } from '@facet/schemas';
import { expect, it } from 'vitest';
import { countErasable, eraseFromExposures, ExposureWriter, findExposure, readExposures } from '../src/index.ts';
import type { ExposureRecord } from '../src/index.ts';
import { exposure, noon } from './exposure.ts';
import { temporaryFolder } from '@facet/testing';
import type { UserErasure } from '../src/log/erase-exposures.ts';

/** Stands for the key of a lake. */
const erasureKey = { of: (hash: string): string => `keyed ${hash}` };
const recorded = (erasures: readonly UserErasure[]) => ({ erasures, erasureKey });
const erasureOf = (userId: string, requestedAt = noon): UserErasure => ({
  erasureId: `erasure-of-${userId}`,
  userHash: erasureKey.of(hashUser(userId)),
  requestedAt,
});

/** Returns a log with a closed file, and the writer of an open one. */
async function log(): Promise<{ folder: string; writer: ExposureWriter }> {
  const folder = await temporaryFolder();
  const first = new ExposureWriter({ folder, now: () => noon });
  for (const userId of ['ada', 'bob', 'ada', undefined]) first.append(record(userId));
  first.append(record('ada', noon + 1));
  await first.close();
  return { folder, writer: new ExposureWriter({ folder, now: () => noon }) };
}

let number = 0;
const record = (userId: string | undefined, respondedAt = noon): ExposureRecord =>
  exposure({ recommendationId: `r${number++}`, respondedAt, ...(userId === undefined ? {} : { userId }) });

async function usersOf(folder: string, erasures: readonly UserErasure[] = []): Promise<(string | undefined)[]> {
  const users: (string | undefined)[] = [];
  for await (const records of readExposures(folder, { erased: recorded(erasures) })) {
    users.push(...records.map(({ userId }) => userId));
  }
  return users;
}

async function bytesOf(folder: string): Promise<string> {
  const names = (await readdir(folder, { recursive: true })).filter((name) => name.includes('.jsonl'));
  return (await Promise.all(names.map((name) => readFile(join(folder, name), 'utf8')))).join('');
}

it('is skipped by readers immediately, and removed from the disk afterwards', async () => {
  const { folder, writer } = await log();
  await writer.close();
  const erasures = [erasureOf('ada')];
  expect(await usersOf(folder, erasures)).toEqual(['bob', undefined, 'ada']);
  expect(await countErasable(folder, recorded(erasures))).toEqual({ records: 2, unreadable: [] });
  expect(await eraseFromExposures(folder, recorded(erasures))).toEqual({ records: 2, files: 1, openFiles: 0 });
  // Records after the erasure stay.
  expect(await usersOf(folder)).toEqual(['bob', undefined, 'ada']);
  expect(await countErasable(folder, recorded(erasures))).toEqual({ records: 0, unreadable: [] });
  expect(await readdir(folder)).toContain('_erasures.json');
});

it('finds the later pages of a response, which contain the hash of the user', async () => {
  const folder = await temporaryFolder();
  const writer = new ExposureWriter({ folder, now: () => noon });
  for (const userId of ['ada', 'bob']) {
    const first = record(userId);
    writer.append(first);
    const { recommendationId } = first;
    writer.append(exposure({ recommendationId, userHash: hashUser(userId), offset: 3, items: [`page of ${userId}`] }));
  }
  await writer.close();
  const erasures = [erasureOf('ada')];
  expect(await usersOf(folder, erasures)).toEqual(['bob', undefined]);
  expect(await countErasable(folder, recorded(erasures))).toEqual({ records: 2, unreadable: [] });
  expect((await eraseFromExposures(folder, recorded(erasures))).records).toBe(2);
  expect(await bytesOf(folder)).not.toMatch(/ada/);
  expect(await bytesOf(folder)).toContain('page of bob');
});

it('skips open files, which a later run erases completely', async () => {
  const { folder, writer } = await log();
  writer.append(record('ada'));
  writer.append(record('bob'));
  await writer.flush();
  const erasures = [erasureOf('ada')];
  expect(await eraseFromExposures(folder, recorded(erasures))).toEqual({ records: 2, files: 1, openFiles: 1 });
  // The writer continues in its file.
  const late = record('bob');
  writer.append(late);
  await writer.close();
  expect(await findExposure(folder, late.recommendationId)).toEqual(late);
  expect(await countErasable(folder, recorded(erasures))).toEqual({ records: 1, unreadable: [] });
  expect(await eraseFromExposures(folder, recorded(erasures))).toEqual({ records: 1, files: 1, openFiles: 0 });
  expect(await countErasable(folder, recorded(erasures))).toEqual({ records: 0, unreadable: [] });
});

it('processes the file of a dead process, including its truncated line', async () => {
  const { folder, writer } = await log();
  writer.append(record('bob'));
  await writer.flush();
  const name = (await readdir(folder, { recursive: true })).find((path) => path.endsWith('.open'))!;
  const path = join(folder, name);
  await writeFile(path, `${await readFile(path, 'utf8')}{"recommendationId":"torn","userId":"ada"`);
  const erasures = [erasureOf('ada')];
  expect(await countErasable(folder, recorded(erasures))).toEqual({ records: 2, unreadable: [path] });
  expect((await eraseFromExposures(folder, recorded(erasures))).openFiles).toBe(1);
  const longAgo = (await stat(path)).mtimeMs / 1000 - 2 * 3_600;
  await utimes(path, longAgo, longAgo);
  expect((await eraseFromExposures(folder, recorded(erasures))).openFiles).toBe(0);
  expect(await countErasable(folder, recorded(erasures))).toEqual({ records: 0, unreadable: [] });
  expect(await readFile(path, 'utf8')).not.toContain('ada');
  expect(await readFile(path, 'utf8')).toContain('bob');
  await writer.close();
});

it('lists files with unreadable lines of the days before the erasure', async () => {
  const { folder, writer } = await log();
  await writer.close();
  const [name] = (await readdir(folder, { recursive: true })).filter((path) => path.endsWith('.jsonl'));
  const path = join(folder, name!);
  await writeFile(path, `${(await readFile(path, 'utf8')).replace('{', '\0')}`);
  expect((await countErasable(folder, recorded([erasureOf('ada')]))).unreadable).toEqual([path]);
  expect((await countErasable(folder, recorded([erasureOf('ada', noon - 86_400_000)]))).unreadable).toEqual([]);
  await eraseFromExposures(folder, recorded([erasureOf('bob')]));
  expect((await countErasable(folder, recorded([erasureOf('ada')]))).unreadable).toEqual([]);
});

it('removes a file without remaining lines, and skips completed erasures', async () => {
  const folder = await temporaryFolder();
  const writer = new ExposureWriter({ folder, now: () => noon });
  writer.append(record('ada'));
  await writer.close();
  await eraseFromExposures(folder, recorded([erasureOf('ada')]));
  expect(await bytesOf(folder)).toBe('');
  // Writes an erased record again, which would not happen otherwise.
  const again = new ExposureWriter({ folder, now: () => noon });
  again.append(record('ada'));
  again.append(record('bob'));
  await again.close();
  expect((await eraseFromExposures(folder, recorded([erasureOf('ada')]))).records).toBe(0);
  expect((await eraseFromExposures(folder, recorded([erasureOf('ada'), erasureOf('bob')]))).records).toBe(1);
});

it('does not complete a recent erasure, because records may still be in a buffer', async () => {
  const folder = await temporaryFolder();
  const now = Date.now();
  const write = async () => {
    const writer = new ExposureWriter({ folder });
    writer.append(record('ada', now - 1));
    await writer.close();
  };
  const erasures = [erasureOf('ada', now)];
  await write();
  expect((await eraseFromExposures(folder, recorded(erasures))).records).toBe(1);
  await write();
  expect((await eraseFromExposures(folder, recorded(erasures))).records).toBe(1);
});

it('does nothing without a log', async () => {
  const folder = join(await temporaryFolder(), 'absent');
  expect(await eraseFromExposures(folder, recorded([erasureOf('ada')]))).toEqual({
    records: 0,
    files: 0,
    openFiles: 0,
  });
});
