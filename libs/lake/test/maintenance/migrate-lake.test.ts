import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { compareDeltaReaders, installDeltaReaders } from '@facet/local-services';
import { hashUser } from '@facet/schemas';
import { forTest, makeEvent, noon, temporaryFolder } from '@facet/testing';
import { compactLake } from '../../src/maintenance/compact-lake.ts';
import { listErasures, verifyErasure } from '../../src/maintenance/erasures.ts';
import { migrateLake } from '../../src/maintenance/migrate-lake.ts';
import { verifyLake } from '../../src/maintenance/verify-lake.ts';
import { isEmptyHome } from '../../src/read/is-empty-home.ts';
import { lakeStatus } from '../../src/read/lake-status.ts';
import { readLake } from '../../src/read/read-lake.ts';
import { ensureErasureKey } from '../../src/transaction-log/erasure-key.ts';
import { readLakeState } from '../../src/transaction-log/lake-log.ts';
import { openLakeSnapshot } from '../../src/transaction-log/snapshot.ts';
import type { LakeStateFile } from '../../src/transaction-log/state.ts';
import { openLakeWriter } from '../../src/write/lake-writer.ts';
import { writeLake } from '../write-lake.ts';

const nameOf = (version: number, extension = 'json'): string => `${String(version).padStart(20, '0')}.${extension}`;
/** Files of the earlier log that remain of `earlierLake`. */
const kept = [nameOf(7, 'checkpoint.json'), nameOf(7)];
const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

const now = Date.now();
const count = { producer: 'web', outcome: 'accepted', field: '', reason: '', count: 2 } as const;
const intake = { day: '2024-01-15', ...count };
const request = (userId: string) => ({
  erasureId: `erase ${userId}`,
  userHash: hashUser(userId),
  sessionHashes: [],
  requestedAt: noon + 9,
  requestedBy: 'test',
});

/**
 * Writes a lake with the transaction log of an earlier release: a checkpoint of version 3, and the transactions 3 to 6. The
 * Parquet files are of this release, which has not changed them.
 */
async function earlierLake(): Promise<{ lake: string; files: readonly LakeStateFile[] }> {
  const lake = join(await temporaryFolder(), 'lake');
  for (const userId of ['A', 'B', 'C', 'D']) {
    const session = { sessionId: 's', receivedAt: noon + 1 };
    await writeLake(lake, [
      makeEvent({ eventId: `of ${userId}`, userId, ...session }),
      makeEvent({ eventId: `anonymous ${userId}`, userId: undefined as never, ...session }),
    ]);
  }
  const { files } = await openLakeSnapshot(lake);
  for (const log of ['_delta_log', '_log']) await rm(join(lake, log), { recursive: true });
  const earlier = (file: LakeStateFile): object => ({ ...file, addedAt: undefined, version: undefined });
  const [first, second, third, fourth] = files as [LakeStateFile, LakeStateFile, LakeStateFile, LakeStateFile];
  const key = await ensureErasureKey(lake);
  const head = { format: 1, at: noon };
  const checkpoint = {
    ...head,
    version: 3,
    id: 'three',
    files: [
      { ...earlier(first), version: 1 },
      { ...earlier(second), version: 2, erasedThrough: 2 },
    ],
    offsets: { 'test-0': 4 },
    intake: [intake],
    // Recorded without the key of the lake, by a release that had none.
    erasures: [{ ...request('A'), sessionHashes: [sha256('s')], version: 3, done: { through: 2, rows: 1, files: 1 } }],
    removed: { 'dt=2024-01-15/merged-0a.parquet': noon },
  };
  const transactions = [
    { ...head, version: 3, id: 'three', parent: 'two' },
    {
      ...head,
      version: 4,
      id: 'four',
      parent: 'three',
      add: [earlier(third)],
      offsets: { 'test-0': { from: 4, to: 6 } },
      intake: [intake, { ...intake, day: '2024-01-16' }],
      erasures: [{ ...request('B'), userHash: key.of(hashUser('B')), isKeyed: true }],
      claim: { token: 't', host: 'h', pid: 1, at: noon },
    },
    {
      ...head,
      version: 5,
      id: 'five',
      parent: 'four',
      erased: [
        { erasureId: 'erase B', through: 4, rows: 2, files: 1, sessionHashes: [key.of(sha256('s'))], isKeyed: true },
      ],
    },
    {
      ...head,
      at: now,
      version: 6,
      id: 'six',
      parent: 'five',
      add: [earlier(fourth)],
      remove: [second.path],
      offsets: { 'test-0': { from: 6, to: 8 } },
      reopened: ['erase B'],
      deleted: ['dt=2024-01-15/merged-0a.parquet'],
      claim: null,
    },
  ];
  await mkdir(join(lake, '_log'));
  await writeFile(join(lake, '_log', nameOf(3, 'checkpoint.json')), JSON.stringify(checkpoint));
  for (const transaction of transactions) {
    await writeFile(join(lake, '_log', nameOf(transaction.version)), JSON.stringify(transaction));
  }
  return { lake, files };
}

it('continues the versions, files, offsets, counts and erasures of the earlier log', async () => {
  const { lake, files } = await earlierLake();
  const outdated = {
    code: 'EVENTS_LAKE_OUTDATED',
    message: expect.stringContaining(lake) as string,
    remedy: expect.stringContaining('facet lake migrate') as string,
  };
  await expect(readLake(lake)).rejects.toMatchObject(outdated);
  await expect(openLakeWriter(lake)).rejects.toMatchObject(outdated);

  expect(await migrateLake(lake)).toEqual({ isConverted: true, version: 7, files: 3, rows: 6 });
  const { erasureKey, removed } = await readLakeState(lake);
  const snapshot = await openLakeSnapshot(lake);
  const [first, , third, fourth] = files;
  expect(snapshot.files).toMatchObject([
    { ...first, version: 1, addedAt: expect.any(Number) as number },
    { ...third, version: 4, addedAt: noon },
    { ...fourth, version: 6, addedAt: now },
  ]);
  expect([...removed.keys()]).toContain(files[1]!.path);
  expect(await lakeStatus(lake)).toMatchObject({
    version: 7,
    offsets: { 'test-0': 8 },
    intake: [
      { ...intake, count: 4 },
      { ...intake, day: '2024-01-16' },
    ],
    replacedFiles: 1,
    maintenance: undefined,
  });
  expect(snapshot.erasures).toEqual([
    {
      ...request('A'),
      userHash: erasureKey.of(hashUser('A')),
      sessionHashes: [erasureKey.of(sha256('s'))],
      version: 3,
      recordedVersion: 3,
      done: { through: 2, rows: 1, files: 1 },
    },
    {
      ...request('B'),
      userHash: erasureKey.of(hashUser('B')),
      sessionHashes: [erasureKey.of(sha256('s'))],
      version: 6,
      recordedVersion: 4,
      done: { through: -1, rows: 2, files: 1 },
    },
  ]);
  const log = join(lake, '_delta_log');
  expect(await readFile(join(log, nameOf(7)), 'utf8')).not.toContain(hashUser('A'));

  await compactLake(lake, { graceMs: 0 });
  expect((await listErasures(lake)).filter(({ isPending }) => isPending)).toEqual([]);
  expect(await verifyErasure(lake, 'B')).toMatchObject({ rows: 0 });
  expect(await verifyLake(lake)).toMatchObject({ isSound: true });
});

it('stops processes of the earlier release, which create the next version of their log', async () => {
  const { lake } = await earlierLake();
  await migrateLake(lake);
  expect((await readdir(join(lake, '_log'))).sort()).toEqual(kept);
  for (const name of kept) {
    expect(JSON.parse(await readFile(join(lake, '_log', name), 'utf8'))).toMatchObject({ format: 2, version: 7 });
  }
});

it('refuses to delete an earlier log with transactions that the table lacks', async () => {
  const { lake } = await earlierLake();
  const log = join(lake, '_log');
  const missing = {
    code: 'EVENTS_LAKE_DAMAGED',
    message: expect.stringContaining('transactions that the table in _delta_log lacks') as string,
  };
  const folder = await temporaryFolder();
  await writeLake(folder, [makeEvent()]);
  await rename(join(folder, '_delta_log'), join(lake, '_delta_log'));
  await expect(migrateLake(lake)).rejects.toMatchObject(missing);
  await writeFile(join(log, nameOf(7)), '{"format":2,"version":7}');
  await expect(migrateLake(lake)).rejects.toMatchObject(missing);
  expect(await readdir(log)).toContain(nameOf(6));
  // The remedy keeps the table.
  await rename(log, join(lake, '_log.old'));
  expect(await migrateLake(lake)).toMatchObject({ isConverted: false, version: 1 });
  expect(await readdir(log)).toEqual([nameOf(1)]);
});

it('resumes at each step, and changes nothing when it runs again', async () => {
  const { lake } = await earlierLake();
  const log = join(lake, '_log');
  const before = await Promise.all(
    (await readdir(log)).map(async (name) => [name, await readFile(join(log, name))] as const),
  );
  const expected = { version: 7, files: 3, rows: 6 };
  expect(await migrateLake(lake)).toEqual({ isConverted: true, ...expected });
  // Ended the earlier log, but did not write the new one.
  await rm(join(lake, '_delta_log'), { recursive: true });
  for (const [name, content] of before) await writeFile(join(log, name), content);
  await expect(readLake(lake)).rejects.toMatchObject({ code: 'EVENTS_LAKE_OUTDATED' });
  expect(await migrateLake(lake)).toEqual({ isConverted: true, ...expected });
  // Wrote the new log, but did not delete the earlier one.
  for (const [name, content] of before) await writeFile(join(log, name), content);
  const { mtimeMs } = await stat(join(lake, '_delta_log', nameOf(7)));
  expect(await migrateLake(lake)).toEqual({ isConverted: false, ...expected });
  expect((await stat(join(lake, '_delta_log', nameOf(7)))).mtimeMs).toBe(mtimeMs);
  expect((await readdir(log)).sort()).toEqual(kept);
  // Another migration wrote the checkpoint that stops earlier processes.
  await rm(join(lake, '_delta_log'), { recursive: true });
  for (const [name, content] of before) await writeFile(join(log, name), content);
  expect(await migrateLake(lake)).toEqual({ isConverted: true, ...expected });
});

// The first installation takes half a minute.
it('gives delta-rs, pandas, Polars and DuckDB the rows of the earlier lake', { timeout: 600_000 }, async () => {
  const { lake } = await earlierLake();
  const { version } = await migrateLake(lake);
  const files = (await openLakeSnapshot(lake)).files.map(({ path }) => path);
  const results = await compareDeltaReaders(
    await installDeltaReaders(),
    new Map([[lake, new Map([[version, files]])]]),
  );
  expect(results).toHaveLength(5);
  for (const result of results) expect(result).toMatchObject({ version: 7, rows: 6, missing: 0, surplus: 0 });
});

it('lets several migrations run at the same time', async () => {
  const { lake } = await earlierLake();
  const results = await Promise.all([migrateLake(lake), migrateLake(lake), migrateLake(lake)]);
  for (const result of results) expect(result).toMatchObject({ version: 7, files: 3, rows: 6 });
  const writer = forTest(await openLakeWriter(lake));
  expect(writer.committed('test-0')).toBe(8);
});

it('does not change a damaged earlier log', async () => {
  const { lake } = await earlierLake();
  const damaged = { code: 'EVENTS_LAKE_DAMAGED', message: expect.stringContaining('_log') as string };
  const path = join(lake, '_log', nameOf(5));
  const text = await readFile(path, 'utf8');
  await rm(path);
  await expect(migrateLake(lake)).rejects.toMatchObject(damaged);
  await writeFile(path, text.replace('"erased"', '"add":[{"path":"../keys.yaml","sources":{}}],"erased"'));
  await expect(migrateLake(lake)).rejects.toMatchObject(damaged);
  expect(await readdir(lake)).not.toContain('_delta_log');
  await writeFile(path, text);
  await rm(join(lake, '_erasures.key'));
  await expect(migrateLake(lake)).rejects.toMatchObject(damaged);
});

it.each(['x', 1.5, null, undefined])('refuses a record of the earlier log with version %s', async (version) => {
  const { lake } = await earlierLake();
  const log = join(lake, '_log');
  for (const name of [nameOf(6), nameOf(3, 'checkpoint.json')]) {
    const path = join(log, name);
    const text = await readFile(path, 'utf8');
    await writeFile(path, JSON.stringify({ ...(JSON.parse(text) as object), version }));
    await expect(migrateLake(lake)).rejects.toMatchObject({ code: 'EVENTS_LAKE_DAMAGED' });
    await writeFile(path, text);
  }
  expect(await readdir(log)).not.toContain(nameOf(7));
  expect(await migrateLake(lake)).toMatchObject({ isConverted: true, version: 7 });
});

it('converts an earlier log that has only a checkpoint', async () => {
  const { lake } = await earlierLake();
  for (const version of [3, 4, 5, 6]) await rm(join(lake, '_log', nameOf(version)));
  await expect(openLakeWriter(lake)).rejects.toMatchObject({ code: 'EVENTS_LAKE_OUTDATED' });
  expect(await migrateLake(lake)).toMatchObject({ isConverted: true, version: 4, files: 2 });
});

it('names a stray file in the folder of the new log', async () => {
  const { lake } = await earlierLake();
  const folder = join(lake, '_delta_log');
  await mkdir(folder);
  await writeFile(join(folder, 'stray'), '');
  await expect(migrateLake(lake)).rejects.toMatchObject({
    code: 'EVENTS_LAKE_UNWRITABLE',
    message: expect.stringMatching(/not empty.*_delta_log/) as string,
  });
  await rm(join(folder, 'stray'));
  expect(await migrateLake(lake)).toMatchObject({ isConverted: true });
});

it('does nothing without a lake, and for a log without transactions', async () => {
  const home = await temporaryFolder();
  const [lakeFolder, catalogFolder] = [join(home, 'lake'), join(home, 'catalog')];
  const nothing = { isConverted: false, version: 0, files: 0, rows: 0 };
  expect(await migrateLake(lakeFolder)).toEqual(nothing);
  await mkdir(join(lakeFolder, '_log'), { recursive: true });
  await writeFile(join(lakeFolder, '_log', 'a.tmp'), '');
  expect(await migrateLake(lakeFolder)).toEqual(nothing);
  expect(await isEmptyHome({ lakeFolder, catalogFolder })).toBe(true);
});
