import { mkdir, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { afterAll, describe, expect, it } from 'vitest';
import { openFileEventLog } from '@facet/event-log';
import { startS3 } from '@facet/local-services';
import { dayMs, pathExists } from '@facet/platform';
import { hashUser } from '@facet/schemas';
import { forTest, makeEvent, noon, temporaryFolder } from '@facet/testing';
import { compactLake } from '../../src/maintenance/compact-lake.ts';
import { verifyErasure } from '../../src/maintenance/erasures.ts';
import { rebuildLake } from '../../src/maintenance/rebuild-lake.ts';
import { verifyLake } from '../../src/maintenance/verify-lake.ts';
import { lakeStatus, listLakeFiles } from '../../src/read/lake-status.ts';
import { readLake } from '../../src/read/read-lake.ts';
import { parsePartPath } from '../../src/layout.ts';
import { openLakeStorage } from '../../src/storage/open-lake-storage.ts';
import type { LakeStorage } from '../../src/storage/lake-storage.ts';
import type { PlacedFile } from '../../src/storage/place-files.ts';
import { readLakeState } from '../../src/transaction-log/lake-log.ts';
import { openLakeSnapshot } from '../../src/transaction-log/snapshot.ts';
import { openLakeWriter } from '../../src/write/lake-writer.ts';
import type { LakeWriter } from '../../src/write/lake-writer.ts';
import { sinkLog } from '../../src/write/sink-log.ts';
import { eventsOfThreeDays } from '../events-of-three-days.ts';
import { createS3Lake } from './s3-lake.ts';

/** A lake, and the folder that contains its files on the disk. */
interface TestLake {
  readonly lake: string;
  readonly files: string;
}

const storages: readonly {
  readonly name: string;
  readonly create: () => Promise<TestLake>;
  readonly options: { readonly tags?: string };
}[] = [
  { name: 'folder', create: folderLake, options: {} },
  { name: 'bucket', create: s3Lake, options: { tags: 'full' } },
];

async function folderLake(): Promise<TestLake> {
  const lake = join(await temporaryFolder(), 'lake');
  return { lake, files: lake };
}

let server: ReturnType<typeof startS3> | undefined;
afterAll(async () => (await server)?.stop());

/** Starts the server before the first lake in a bucket: `npm test` needs none. */
async function s3Lake(): Promise<TestLake> {
  server ??= startS3();
  const s3 = await server;
  Object.assign(process.env, s3.env);
  const { lake, objects } = await createS3Lake(s3);
  return { lake, files: objects };
}

async function place(storage: LakeStorage, contents: Readonly<Record<string, number>>): Promise<readonly PlacedFile[]> {
  const folder = await temporaryFolder();
  const files = await Promise.all(
    Object.entries(contents).map(async ([path, bytes], number) => {
      const written = join(folder, String(number));
      await writeFile(written, Buffer.alloc(bytes, path));
      return { written, path };
    }),
  );
  return storage.placeFiles(files);
}

describe.each(storages)('the storage of a lake in a $name', ({ create, options }) => {
  async function open(): Promise<LakeStorage> {
    const { lake } = await create();
    await mkdir(lake, { recursive: true });
    return openLakeStorage(lake);
  }

  it('creates a record of the log once, however many writers try', options, async () => {
    const { log } = await open();
    expect(await log.names()).toEqual([]);
    await expect(log.read('1.json')).rejects.toThrow();
    const texts = Array.from({ length: 8 }, (_, writer) => `{"writer":${writer}}\n`);
    const created = await Promise.all(texts.map((text) => log.create('1.json', text)));
    expect(created.filter(Boolean)).toHaveLength(1);
    expect(await log.read('1.json')).toBe(texts[created.indexOf(true)]);
    expect(await log.names()).toEqual(['1.json']);
    await log.remove('1.json');
    await log.remove('1.json');
    expect(await log.names()).toEqual([]);
  });

  it('creates a record while a process with another clock deletes its unfinished file', options, async () => {
    const { log } = await open();
    for (let version = 0; version < 100; version++) {
      let isCreated: boolean | undefined;
      const creating = log.create(`${version}.json`, 'x').then((created) => {
        isCreated = created;
      });
      const isUnfinished = async (): Promise<boolean> => (await log.names()).some((name) => name.endsWith('.tmp'));
      while (isCreated === undefined && !(await isUnfinished())) await setImmediate();
      await log.removeLeftovers(Date.now() + dayMs);
      await creating;
      expect(isCreated).toBe(true);
    }
    expect(await log.names()).toHaveLength(100);
  });

  it('stores files of the log that other programs write and read', options, async () => {
    const { log } = await open();
    await log.create('1.json', 'x');
    // More than one part of an upload.
    const content = Buffer.alloc(9_000_000, 'checkpoint ');
    await log.writeFile('1.checkpoint', (path) => writeFile(path, content));
    expect((await log.readFile('1.checkpoint', (path) => readFile(path))).equals(content)).toBe(true);
    await log.write('last', 'one');
    await log.write('last', 'two');
    expect(await log.read('last')).toBe('two');
    expect([...(await log.names())].sort()).toEqual(['1.checkpoint', '1.json', 'last']);
    await expect(log.readFile('2.checkpoint', async (path) => readFile(path))).rejects.toThrow();
    expect(await log.isOlder('last', Date.now() - 60_000)).toBe(false);
    expect(await log.isOlder('last', Date.now() + 60_000)).toBe(true);
    expect(await log.isOlder('missing', Date.now() + 60_000)).toBe(false);
  });

  it('places, lists, opens and removes data files', options, async () => {
    const storage = await open();
    const contents = { 'dt=2024-01-15/part-a-0-0-9.parquet': 9_000_000, 'dt=2024-01-16/merged-1.parquet': 10 };
    const placed = await place(storage, contents);
    expect(placed.map(({ bytes }) => bytes)).toEqual(Object.values(contents));
    const paths = placed.map(({ path }) => path);
    expect(await storage.list()).toEqual(paths);
    expect([...(await storage.sizes())].sort()).toEqual(placed.map(({ path, bytes }) => [path, bytes]).sort());
    const opened = await storage.open(placed);
    for (const [index, [path, bytes]] of Object.entries(contents).entries()) {
      expect((await readFile(join(opened.folder, paths[index]!))).equals(Buffer.alloc(bytes, path))).toBe(true);
    }
    await opened.close();
    await storage.remove(paths);
    await storage.remove(paths);
    expect(await storage.list()).toEqual([]);
  });

  it('never replaces a file that another process has placed', options, async () => {
    const storage = await open();
    const path = 'dt=2024-01-15/part-a-0-0-9.parquet';
    const [first] = await place(storage, { [path]: 10 });
    const [other] = await place(storage, { [path]: 20 });
    expect(await place(storage, { [path]: 20 })).toEqual([other]);
    for (const placed of [first!, other!]) {
      const opened = await storage.open([placed]);
      expect((await stat(join(opened.folder, placed.path))).size).toBe(placed.bytes);
      await opened.close();
    }
    expect(parsePartPath(other!.path)).toEqual({ source: 'a-0', from: 0 });
  });

  it('exchanges files with a cluster', options, async () => {
    const { lake, files } = await create();
    await mkdir(lake, { recursive: true });
    const storage = await openLakeStorage(lake);
    const path = 'dt=2024-01-15/merged-1.parquet';
    const placed = await place(storage, { [path]: 9_000_000 });
    const folder = await storage.openClusterFolder();
    await folder.add('input', placed);
    await expect(folder.add('missing', [{ path: 'dt=2024-01-15/merged-2.parquet', bytes: 1 }])).rejects.toThrow();
    await storage.remove(placed.map((file) => file.path));
    const onCluster = join(files, '_tmp', basename(folder.url));
    expect((await readFile(join(onCluster, 'input', '0.parquet'))).equals(Buffer.alloc(9_000_000, path))).toBe(true);
    await mkdir(join(onCluster, 'result'));
    await writeFile(join(onCluster, 'result', 'part-0.parquet'), 'rows');
    const downloads: [done: number, total: number][] = [];
    await folder.fetch(['result'], (...reached) => downloads.push(reached));
    expect(downloads).toEqual(files === lake ? [] : [[1, 1]]);
    expect(await readFile(join(folder.local, 'result', 'part-0.parquet'), 'utf8')).toBe('rows');
    await storage.removeLeftovers();
    expect(await readdir(join(onCluster, 'result'))).toEqual(['part-0.parquet']);
    await folder.remove();
    expect(await pathExists(onCluster)).toBe(false);
    expect(await pathExists(folder.local)).toBe(false);
  });
});

async function writerOf(lake: string): Promise<LakeWriter> {
  return forTest(await openLakeWriter(lake));
}

const events = eventsOfThreeDays(300);

describe.each(storages)('a lake in a $name', ({ create, options }) => {
  async function sinkEvents() {
    const { lake, files } = await create();
    const log = forTest(await openFileEventLog(join(await temporaryFolder(), 'log'), { topic: 'a' }));
    await log.append(events);
    await sinkLog(log, lake, { batchEventsMax: 100 });
    return { lake, files, log };
  }

  it('gives all writers one history, and each offset once', options, async () => {
    const { lake, files } = await create();
    const write = async (source: string): Promise<void> => {
      const writer = await writerOf(lake);
      for (let offset = 0; offset < 25; offset++) {
        writer.add(source, [{ offset, event: makeEvent({ eventId: `${source} ${offset}` }) }], offset + 1);
        await writer.commit();
      }
    };
    await Promise.all(['a-0', 'b-0', 'c-0'].map(write));
    expect(await verifyLake(lake)).toMatchObject({
      // The first transaction creates the table.
      version: 75,
      isSound: true,
      sources: ['a-0', 'b-0', 'c-0'].map((source) => ({ source, committed: 25, rows: 25 })),
    });
    const log = await readdir(join(files, '_delta_log'));
    expect(log.filter((name) => name.endsWith('.checkpoint.parquet')).length).toBeGreaterThanOrEqual(2);
    expect(log).toContain('_last_checkpoint');
    // A new reader begins at the checkpoint.
    expect((await readLakeState(lake)).version).toBe(75);
  });

  it('refuses the second writer of a source, which then continues at the committed offset', options, async () => {
    const { lake } = await create();
    const [one, two] = [await writerOf(lake), await writerOf(lake)];
    const event = makeEvent({ eventId: 'once' });
    for (const writer of [one, two]) writer.add('a-0', [{ offset: 0, event }], 1);
    const outcomes = await Promise.allSettled([one.commit(), two.commit()]);
    const refused = outcomes.filter(({ status }) => status === 'rejected');
    expect(refused).toMatchObject([{ reason: { code: 'EVENTS_LAKE_SUPERSEDED' } }]);
    const loser = outcomes[0]!.status === 'rejected' ? one : two;
    await loser.discard();
    expect(loser.committed('a-0')).toBe(1);
    loser.add('a-0', [{ offset: 1, event: makeEvent({ eventId: 'next' }) }], 2);
    await loser.commit();
    expect(await verifyLake(lake)).toMatchObject({ isSound: true, sources: [{ rows: 2, committed: 2 }] });
  });

  it('compacts, and keeps replaced files for the grace period', options, async () => {
    const { lake } = await sinkEvents();
    const rows = await readLake(lake);
    const before = await openLakeSnapshot(lake);
    expect(await compactLake(lake)).toMatchObject({ days: 3, filesBefore: 9, filesAfter: 3 });
    expect(await readLake(lake)).toEqual(rows);
    expect(await readLake(before)).toEqual(rows);
    expect(await lakeStatus(lake)).toMatchObject({ files: 3, replacedFiles: 9, maintenance: undefined });
    await compactLake(lake, { graceMs: 0 });
    expect(await lakeStatus(lake)).toMatchObject({ files: 3, replacedFiles: 0 });
    await expect(readLake(before)).rejects.toMatchObject({ code: 'EVENTS_LAKE_SNAPSHOT_EXPIRED' });
    expect(await readLake(lake)).toEqual(rows);
  });

  it('erases users, and rebuilds days from the log without them', options, async () => {
    const { lake, log } = await sinkEvents();
    const writer = await writerOf(lake);
    writer.addErasure({
      erasureId: 'e',
      userHash: hashUser('u3'),
      sessionHashes: [],
      requestedAt: noon + dayMs,
      requestedBy: 'test',
    });
    await writer.commit();
    const rows = await readLake(lake);
    expect(rows.some(({ userId }) => userId === 'u3')).toBe(false);
    expect((await verifyErasure(lake, 'u3')).rows).toBeGreaterThan(20);
    await compactLake(lake);
    expect((await verifyErasure(lake, 'u3')).files.every(({ isReplaced }) => isReplaced)).toBe(true);
    await compactLake(lake, { graceMs: 0 });
    expect(await verifyErasure(lake, 'u3')).toMatchObject({ rows: 0, unreadable: [] });
    expect(await rebuildLake(log, lake, { from: noon + 100_000 })).toMatchObject({ rows: 200, kept: 0, lost: [] });
    expect(await readLake(lake)).toEqual(rows);
    expect(await verifyLake(lake)).toMatchObject({ isSound: true });
  });

  it('names missing and damaged files, and repairs them from the log', options, async () => {
    const { lake, files, log } = await sinkEvents();
    const rows = await readLake(lake);
    const [missing, damaged] = await listLakeFiles(lake);
    await rm(join(lake, 's3-copies'), { recursive: true, force: true });
    await rm(join(files, missing!.path));
    expect(await verifyLake(lake)).toMatchObject({ isSound: false, files: [{ path: missing!.path }] });
    const { size } = await stat(join(files, damaged!.path));
    await writeFile(join(files, damaged!.path), Buffer.alloc(size));
    await rm(join(lake, 's3-copies'), { recursive: true, force: true });
    await expect(readLake(lake)).rejects.toMatchObject({ code: 'EVENTS_LAKE_DAMAGED' });
    await rebuildLake(log, lake, { from: 0 });
    expect(await readLake(lake)).toEqual(rows);
  });
});
