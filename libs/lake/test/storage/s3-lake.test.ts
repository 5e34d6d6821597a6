/** @module-tag full */
import { randomUUID } from 'node:crypto';
import {
  appendFile,
  mkdir,
  open,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  truncate,
  utimes,
  writeFile,
} from 'node:fs/promises';
import { createServer } from 'node:http';
import type { IncomingMessage } from 'node:http';
import { basename, dirname, join } from 'node:path';
import { expect, it } from 'vitest';
import { openFileEventLog } from '@facet/event-log';
import { compareDeltaReaders, createS3Proxy, installDeltaReaders, startS3 } from '@facet/local-services';
import { forFile, forTest, makeEvent, noon, serveForTest, temporaryFolder } from '@facet/testing';
import { hashUser } from '@facet/schemas';
import { dayMs, hashFile, pathExists } from '@facet/platform';
import { compactLake } from '../../src/maintenance/compact-lake.ts';
import { verifyErasure } from '../../src/maintenance/erasures.ts';
import { rebuildLake } from '../../src/maintenance/rebuild-lake.ts';
import { uploadLake } from '../../src/maintenance/upload-lake.ts';
import { verifyLake } from '../../src/maintenance/verify-lake.ts';
import { countEvents, readLake } from '../../src/read/read-lake.ts';
import { lakeStatus } from '../../src/read/lake-status.ts';
import { readInteractionsOnSpark } from '../../src/read/read-interactions-on-spark.ts';
import { openLakeStorage } from '../../src/storage/open-lake-storage.ts';
import { openLakeSnapshot } from '../../src/transaction-log/snapshot.ts';
import { openLakeWriter } from '../../src/write/lake-writer.ts';
import type { LakeWriter } from '../../src/write/lake-writer.ts';
import { sinkLog } from '../../src/write/sink-log.ts';
import { strictLog } from '../strict-log.ts';
import { writeLake } from '../write-lake.ts';
import { createS3Lake } from './s3-lake.ts';

const s3 = forFile(await startS3());
Object.assign(process.env, s3.env);

async function writerOf(lake: string): Promise<LakeWriter> {
  return forTest(await openLakeWriter(lake));
}

/** Adds an event per offset on a new day each. */
function add(writer: LakeWriter, from: number, to: number): void {
  const logged = Array.from({ length: to - from }, (_, index) => ({
    offset: from + index,
    event: makeEvent({ eventId: `e${from + index}`, occurredAt: noon + (from + index) * dayMs }),
  }));
  writer.add('a-0', logged, to);
}

const intakeCount = {
  day: '2024-01-15',
  producer: 'shop',
  outcome: 'accepted',
  field: '',
  reason: '',
  count: 1,
} as const;

/** Starts a proxy. While it is silent, the bucket stores records of the log, but the proxy does not respond. */
async function startSilentS3(): Promise<{ readonly endpoint: string; setSilent(isSilent: boolean): void }> {
  let isSilent = false;
  const onResponse = async ({ method, url = '' }: IncomingMessage): Promise<boolean> =>
    !(isSilent && method === 'PUT' && /_delta_log\/\d{20}\.json/.test(url));
  const endpoint = await serveForTest(createS3Proxy(s3.endpoint, { onResponse }));
  return { endpoint, setSilent: (silent) => void (isSilent = silent) };
}

const readIds = async (lake: string): Promise<string[]> => (await readLake(lake)).map(({ eventId }) => eventId);

it('gives machines with separate disks the same lake', async () => {
  const { lake, otherMachine } = await createS3Lake(s3);
  const writer = await writerOf(lake);
  add(writer, 0, 3);
  await writer.commit();
  const other = await otherMachine();
  expect(await readIds(other)).toEqual(['e0', 'e1', 'e2']);
  add(writer, 3, 4);
  await writer.commit();
  expect(await readIds(other)).toEqual(['e0', 'e1', 'e2', 'e3']);
  expect(await compactLake(other)).toMatchObject({ days: 0 });
  expect(await verifyLake(lake)).toMatchObject({ isSound: true, sources: [{ rows: 4 }] });
});

it('copies an object for a cluster in parts if it is large', { tags: 'full' }, async () => {
  const { lake, objects } = await createS3Lake(s3);
  const path = 'dt=2024-01-15/merged-1.parquet';
  const zeros = 512 * 1024 * 1024;
  await mkdir(join(objects, 'dt=2024-01-15'), { recursive: true });
  await writeFile(join(objects, path), '');
  await truncate(join(objects, path), zeros);
  await appendFile(join(objects, path), 'end');
  const folder = await (await openLakeStorage(lake)).openClusterFolder();
  await folder.add('input', [{ path, bytes: zeros + 3 }]);
  const copied = await open(join(objects, '_tmp', basename(folder.url), 'input', '0.parquet'));
  const { buffer, bytesRead } = await copied.read(Buffer.alloc(10), 0, 10, zeros - 1);
  expect(buffer.toString('latin1', 0, bytesRead)).toBe('\0end');
  await copied.close();
  await folder.remove();
});

it('reports the files that it copies for Spark', async () => {
  const { lake } = await createS3Lake(s3);
  const writer = await writerOf(lake);
  add(writer, 0, 4);
  await writer.commit();
  const home = await temporaryFolder();
  await mkdir(join(home, 'bin'));
  await writeFile(join(home, 'bin', 'spark-sql'), '#!/bin/sh\necho Time taken: 1 seconds >&2\nexit 1\n', {
    mode: 0o755,
  });
  const progress: [share: number, step: string][] = [];
  const rules = { positives: [], bots: { eventsPerDayMax: 1000, noSleepHours: 24 } };
  const options = {
    spark: { master: 'local', home },
    onProgress: (...reached: (typeof progress)[number]) => void progress.push(reached),
  };
  await expect(readInteractionsOnSpark(await openLakeSnapshot(lake), {}, rules, options)).rejects.toThrow('Spark');
  expect(progress).toEqual([
    [0.025, '1 of 4 files copied for Spark'],
    [0.05, '2 of 4 files copied for Spark'],
    [expect.closeTo(0.075), '3 of 4 files copied for Spark'],
    [0.1, '4 of 4 files copied for Spark'],
    [expect.closeTo(0.1, 1), expect.stringMatching(/^1 of \d+ queries of Spark finished$/)],
  ]);
});

it('deletes the temporary folder of a process that was killed during a query of a cluster', async () => {
  const { lake, objects } = await createS3Lake(s3);
  const storage = await openLakeStorage(lake);
  const { url } = await storage.openClusterFolder();
  const name = basename(url);
  const copy = `_tmp/${name}/input0/0.parquet`;
  await mkdir(dirname(join(objects, copy)));
  await writeFile(join(objects, copy), 'rows');
  await storage.removeLeftovers();
  expect(await verifyErasure(lake, 'A')).toMatchObject({ unreadable: [copy] });
  const twoHoursAgo = Date.now() / 1000 - 7200;
  for (const path of [copy, `_tmp/${name}/in-use`]) await utimes(join(objects, path), twoHoursAgo, twoHoursAgo);
  await storage.removeLeftovers();
  expect(await verifyErasure(lake, 'A')).toMatchObject({ unreadable: [] });
  expect(await pathExists(join(objects, '_tmp', name))).toBe(false);
});

it('recognizes its own record after an attempt without a response', async () => {
  const { lake, otherMachine } = await createS3Lake(s3);
  let lost = 0;
  const onResponse = async ({ method, url = '' }: IncomingMessage): Promise<boolean> => {
    const isRecord = method === 'PUT' && /_delta_log\/\d{20}\.json/.test(url);
    return !(isRecord && lost++ === 0);
  };
  const endpoint = await serveForTest(createS3Proxy(s3.endpoint, { onResponse }));
  const writer = await writerOf(await otherMachine({ endpoint }));
  add(writer, 0, 2);
  await writer.commit();
  add(writer, 2, 3);
  await writer.commit();
  expect(lost).toBeGreaterThan(2);
  expect(await readIds(lake)).toEqual(['e0', 'e1', 'e2']);
  expect(await verifyLake(lake)).toMatchObject({ isSound: true, sources: [{ committed: 3, rows: 3 }] });
});

it('recognizes its own records behind a proxy that repeats requests', async () => {
  const { lake, otherMachine } = await createS3Lake(s3);
  const repeats = ({ method, url = '' }: IncomingMessage): boolean =>
    method === 'PUT' && /_delta_log\/\d{20}\.json/.test(url);
  const endpoint = await serveForTest(createS3Proxy(s3.endpoint, { repeats }));
  const writer = await writerOf(await otherMachine({ endpoint }));
  add(writer, 0, 2);
  await writer.commit();
  const { version } = await lakeStatus(lake);
  add(writer, 2, 3);
  writer.addIntake([intakeCount]);
  await writer.commit();
  expect(await lakeStatus(lake)).toMatchObject({ version: version + 1, intake: [intakeCount] });
  expect(await readIds(lake)).toEqual(['e0', 'e1', 'e2']);
});

it('loses and repeats nothing when the bucket stores a record but never responds', { tags: 'full' }, async () => {
  const { lake, otherMachine } = await createS3Lake(s3);
  await writeLake(lake, [makeEvent({ eventId: 'first' })]);
  const { endpoint, setSilent } = await startSilentS3();
  const writer = await writerOf(await otherMachine({ endpoint }));
  setSilent(true);
  add(writer, 0, 2);
  await expect(writer.commit()).rejects.toMatchObject({ code: 'S3_UNREACHABLE', retryable: true });
  setSilent(false);
  // As the sink does: it retries, finds its own commit, and continues at the committed offset.
  await expect(writer.commit()).rejects.toMatchObject({ code: 'EVENTS_LAKE_SUPERSEDED' });
  await writer.discard();
  expect(writer.committed('a-0')).toBe(2);
  add(writer, 2, 3);
  await writer.commit();
  expect(await readIds(lake)).toEqual(['e0', 'first', 'e1', 'e2']);
  expect(await verifyLake(lake)).toMatchObject({
    isSound: true,
    sources: [
      { committed: 3, rows: 3 },
      { committed: 1, rows: 1 },
    ],
  });
});

it('adds counts once when the bucket stores a record but never responds', async () => {
  const { lake, otherMachine } = await createS3Lake(s3);
  const { endpoint, setSilent } = await startSilentS3();
  const writer = await writerOf(await otherMachine({ endpoint }));
  add(writer, 0, 1);
  await writer.commit();
  setSilent(true);
  writer.addIntake([intakeCount]);
  await writer.commit().catch(() => undefined);
  setSilent(false);
  await writer.commit();
  add(writer, 1, 2);
  await writer.commit();
  expect(await lakeStatus(lake)).toMatchObject({ intake: [intakeCount] });
});

it('releases the claim of a compaction if the bucket stores it but never responds', async () => {
  const { lake, otherMachine } = await createS3Lake(s3);
  const writer = await writerOf(lake);
  add(writer, 0, 2);
  await writer.commit();
  const { version } = await lakeStatus(lake);
  const claim = `_delta_log/${String(version + 1).padStart(20, '0')}.json`;
  const onResponse = async ({ method, url = '' }: IncomingMessage): Promise<boolean> =>
    !(method === 'PUT' && url.includes(claim));
  const endpoint = await serveForTest(createS3Proxy(s3.endpoint, { onResponse }));
  await expect(compactLake(await otherMachine({ endpoint }))).rejects.toMatchObject({ code: 'S3_UNREACHABLE' });
  expect(await lakeStatus(lake)).toMatchObject({ version: version + 2, maintenance: undefined });
});

it('keeps pending events while the server is down, and commits them afterwards', { tags: 'full' }, async () => {
  const { lake } = await createS3Lake(s3);
  const writer = await writerOf(lake);
  add(writer, 0, 2);
  await writer.commit();
  await s3.kill();
  add(writer, 2, 3);
  await expect(writer.commit()).rejects.toMatchObject({ code: 'S3_UNREACHABLE', retryable: true });
  await expect(readLake(lake)).rejects.toMatchObject({ code: 'S3_UNREACHABLE', retryable: true });
  await s3.start();
  await writer.commit();
  expect(await readIds(lake)).toEqual(['e0', 'e1', 'e2']);
});

it('repeats the requests of a read during an outage only once', async () => {
  const { lake, otherMachine } = await createS3Lake(s3);
  await writeLake(lake, [makeEvent({ eventId: 'e0' })]);
  let isDown = false;
  let requests = 0;
  const refuses = (): boolean => {
    if (isDown) requests++;
    return isDown;
  };
  const endpoint = await serveForTest(createS3Proxy(s3.endpoint, { refuses }));
  const snapshot = await openLakeSnapshot(await otherMachine({ endpoint }));
  isDown = true;
  await expect(countEvents(snapshot, {})).rejects.toMatchObject({ code: 'S3_UNREACHABLE' });
  expect(requests).toBe(4);
});

it('explains a bucket that does not exist and a server without conditional writes', async () => {
  const { lake } = await createS3Lake(s3, { bucket: 'facet-none' });
  await expect(openLakeWriter(lake)).rejects.toMatchObject({ code: 'S3_REFUSED', category: 'unavailable' });
  await expect(lakeStatus(lake)).rejects.toMatchObject({ code: 'S3_REFUSED' });
  const server = createServer((request, response) => {
    request.resume().on('end', () => response.writeHead(200, { ETag: '"1"' }).end());
  });
  const endpoint = await serveForTest(server);
  const ignoring = await createS3Lake(s3, { endpoint });
  await expect(openLakeWriter(ignoring.lake)).rejects.toMatchObject({ code: 'S3_UNSUPPORTED' });
  expect(await readdir(ignoring.lake)).toEqual(['s3.yaml']);
});

it('refuses to start another lake in the folder without s3.yaml', async () => {
  const { lake, writeConfig } = await createS3Lake(s3);
  const writer = await writerOf(lake);
  add(writer, 0, 1);
  await writer.commit();
  await rm(join(lake, 's3.yaml'));
  const refused = { code: 'EVENTS_LAKE_NOT_CONFIGURED', remedy: expect.stringContaining('s3.yaml') };
  await expect(openLakeWriter(lake)).rejects.toMatchObject(refused);
  await expect(readLake(lake)).rejects.toMatchObject(refused);
  await writeConfig(lake);
  expect(await readIds(lake)).toEqual(['e0']);
});

it('keeps copies within their bound, uses them again, and deletes those of replaced files', async () => {
  const { lake, objects, otherMachine } = await createS3Lake(s3);
  const writer = await writerOf(lake);
  for (let offset = 0; offset < 4; offset++) {
    add(writer, offset, offset + 1);
    await writer.commit();
  }
  const { files } = await openLakeSnapshot(lake);
  const cacheBytesMax = 3 * Math.max(...files.map(({ bytes }) => bytes));
  const reader = await otherMachine({ cacheBytesMax: Math.max(cacheBytesMax, 1_000_000) });
  await readLake(reader);
  const copies = async (): Promise<string[]> =>
    (await readdir(join(reader, 's3-copies'), { recursive: true })).filter((name) => name.endsWith('.parquet'));
  expect((await copies()).sort()).toEqual(files.map(({ path }) => path));
  // Without the objects, only the copies can be read.
  await rename(join(objects, 'dt=2024-01-15'), join(objects, 'moved'));
  expect(await readIds(reader)).toEqual(['e0', 'e1', 'e2', 'e3']);
  await rename(join(objects, 'moved'), join(objects, 'dt=2024-01-15'));
  writer.addErasure({
    erasureId: 'e',
    userHash: hashUser(makeEvent({ eventId: 'e' }).userId!),
    sessionHashes: [],
    requestedAt: noon + 9 * dayMs,
    requestedBy: 'test',
  });
  await writer.commit();
  await compactLake(lake);
  // The erasure has the key of the lake, which is on the shared data home.
  await rename(join(lake, '_erasures.key'), join(reader, '_erasures.key'));
  expect(await readIds(reader)).toEqual([]);
  expect(await copies()).toEqual([]);
});

it('evicts the least recently used copies, and refuses a read that needs more', async () => {
  const { lake, otherMachine } = await createS3Lake(s3);
  const writer = await writerOf(lake);
  const ofDay = (day: number): object => ({
    occurredFrom: noon + day * dayMs - 1,
    occurredBefore: noon + day * dayMs + 1,
  });
  for (let day = 0; day < 3; day++) {
    const logged = Array.from({ length: 12_000 }, (_, index) => ({
      offset: day * 12_000 + index,
      event: makeEvent({ eventId: randomUUID(), sessionId: randomUUID(), occurredAt: noon + day * dayMs }),
    }));
    writer.add('a-0', logged, (day + 1) * 12_000);
    await writer.commit();
  }
  const sizes = (await openLakeSnapshot(lake)).files.map(({ bytes }) => bytes);
  const cacheBytesMax = 1_000_000;
  expect([sizes[0]! < cacheBytesMax, sizes[0]! + sizes[1]! > cacheBytesMax]).toEqual([true, true]);
  const reader = await otherMachine({ cacheBytesMax });
  for (const day of [0, 1, 2, 0]) expect(await readLake(reader, ofDay(day))).toHaveLength(12_000);
  const days = (await readdir(join(reader, 's3-copies'))).filter((name) => name.startsWith('dt='));
  const kept = await Promise.all(days.map((day) => readdir(join(reader, 's3-copies', day))));
  expect(kept.flat()).toHaveLength(1);
  const neededBytes = sizes.reduce((sum, bytes) => sum + bytes, 0);
  await expect(readLake(reader)).rejects.toMatchObject({
    code: 'EVENTS_LAKE_COPIES_FULL',
    remedy: expect.stringContaining(`cacheBytesMax in lake/s3.yaml to ${neededBytes} or more`),
  });
  expect(await readdir(join(reader, 's3-copies', '_tmp'))).toEqual([]);
});

it('finds an object with another content than its writer has recorded', async () => {
  const { lake, objects, otherMachine } = await createS3Lake(s3);
  const writer = await writerOf(lake);
  add(writer, 0, 1);
  await writer.commit();
  const [file] = (await openLakeSnapshot(lake)).files;
  await writeFile(join(objects, file!.path), Buffer.alloc(file!.bytes));
  await expect(readLake(await otherMachine())).rejects.toMatchObject({
    code: 'EVENTS_LAKE_DAMAGED',
    message: expect.stringContaining('another content'),
  });
});

/** Changes the event ids in a copy without changing its size, so that it stays a valid Parquet file. */
async function alterCopy(copy: string): Promise<void> {
  const content = await readFile(copy);
  const altered = Buffer.from(content.toString('latin1').replaceAll('right', 'wrong'), 'latin1');
  expect(altered.equals(content)).toBe(false);
  await writeFile(copy, altered);
}

/** Overwrites a copy with zeros of the same size. */
async function zeroCopy(copy: string): Promise<void> {
  await writeFile(copy, Buffer.alloc((await stat(copy)).size));
}

/** Commits each event alone. Returns the paths of the files. */
async function commitEach(lake: string, eventIds: readonly string[]): Promise<string[]> {
  const writer = await writerOf(lake);
  for (const [offset, eventId] of eventIds.entries()) {
    writer.add('a-0', [{ offset, event: makeEvent({ eventId }) }], offset + 1);
    await writer.commit();
  }
  return (await openLakeSnapshot(lake)).files.map(({ path }) => path);
}

it.each([
  ['an altered', alterCopy],
  ['a zeroed', zeroCopy],
])('downloads %s copy again', async (_, damage) => {
  const { lake } = await createS3Lake(s3);
  const [path] = await commitEach(lake, ['right-1', 'right-2']);
  const rows = await readLake(lake);
  const copy = join(lake, 's3-copies', path!);
  const content = await readFile(copy);
  await damage(copy);
  expect(await readLake(lake)).toEqual(rows);
  expect((await readFile(copy)).equals(content)).toBe(true);
  await damage(copy);
  await compactLake(lake);
  expect(await readLake(lake)).toEqual(rows);
});

it('rebuilds refused rows from the object if the local copy is damaged', async () => {
  const { lake, objects, otherMachine } = await createS3Lake(s3);
  const log = forTest(await openFileEventLog(join(await temporaryFolder(), 'log'), { topic: 'a' }));
  await log.append(['right-1', 'right-2'].map((eventId) => makeEvent({ eventId })));
  await sinkLog(log, lake);
  const machine = await otherMachine();
  const rows = await readLake(machine);
  const [file] = (await openLakeSnapshot(lake)).files;
  await zeroCopy(join(machine, 's3-copies', file!.path));
  const strict = strictLog(log, [{ offset: 1, reason: 'unknown-type' }], (offset) => offset === 1);
  expect(await rebuildLake(strict, machine, { from: 0 })).toEqual({ rows: 1, days: 1, kept: 1, lost: [] });
  // The rebuild does not download what it has uploaded.
  const copies = await readdir(join(machine, 's3-copies'), { recursive: true });
  const [merged] = (await openLakeSnapshot(lake)).files;
  expect(await pathExists(join(objects, merged!.path))).toBe(true);
  expect(copies).not.toContain(merged!.path);
  expect(await readLake(machine)).toEqual(rows);
});

it('records the hashes of the files that an upload moves, so that reads keep copies', async () => {
  const { writeConfig } = await createS3Lake(s3);
  const lake = join(await temporaryFolder(), 'lake');
  await commitEach(lake, ['right-1', 'right-2']);
  const erasure = { erasureId: 'e', userHash: hashUser('another'), sessionHashes: [], requestedBy: 'ops' };
  await writeLake(lake, [], { erasures: [{ ...erasure, requestedAt: Date.now() }] });
  await compactLake(lake);
  await writeConfig(lake);
  await uploadLake(lake);
  const { files, pendingErasures } = await openLakeSnapshot(lake);
  for (const { path, sha256 } of files) expect(sha256).toBe((await hashFile(join(lake, 'uploaded/1', path))).sha256);
  expect(pendingErasures).toEqual([]);
  const rows = await readLake(lake);
  const copy = join(lake, 's3-copies', files[0]!.path);
  expect(await pathExists(copy)).toBe(true);
  await zeroCopy(copy);
  expect(await readLake(lake)).toEqual(rows);
});

it('checks a bucket once per process, and connects again after wrong credentials', async () => {
  const { otherMachine } = await createS3Lake(s3);
  let checks = 0;
  const onResponse = async ({ url = '' }: IncomingMessage): Promise<boolean> => {
    if (url.includes('facet-store.json')) checks++;
    return true;
  };
  const endpoint = await serveForTest(createS3Proxy(s3.endpoint, { onResponse }));
  const lake = await otherMachine({ endpoint });
  const { AWS_SECRET_ACCESS_KEY: secret } = process.env;
  process.env['AWS_SECRET_ACCESS_KEY'] = 'wrong';
  try {
    await expect(openLakeWriter(lake)).rejects.toMatchObject({ code: 'S3_REFUSED', retryable: true });
  } finally {
    process.env['AWS_SECRET_ACCESS_KEY'] = secret;
  }
  await writerOf(lake);
  checks = 0;
  const writer = await writerOf(lake);
  add(writer, 0, 1);
  await writer.commit();
  expect(await readIds(lake)).toEqual(['e0']);
  expect(checks).toBe(0);
});

it('verifies the objects, not their copies', async () => {
  const { lake, objects } = await createS3Lake(s3);
  const writer = await writerOf(lake);
  add(writer, 0, 2);
  await writer.commit();
  expect(await verifyLake(lake)).toMatchObject({ isSound: true });
  const [first, second] = (await openLakeSnapshot(lake)).files;
  await truncate(join(objects, first!.path), 10);
  expect(await verifyLake(lake)).toMatchObject({
    isSound: false,
    files: [{ path: first!.path, problem: `has 10 bytes instead of ${first!.bytes}` }],
  });
  await writeFile(join(objects, second!.path), Buffer.alloc(second!.bytes));
  await expect(verifyLake(lake)).rejects.toMatchObject({ code: 'EVENTS_LAKE_DAMAGED' });
});

it('moves a lake to S3, after an interruption, too', { tags: 'full' }, async () => {
  const { writeConfig, objects } = await createS3Lake(s3);
  const lake = join(await temporaryFolder(), 'lake');
  const old = await writerOf(lake);
  for (let offset = 0; offset < 40; offset++) {
    add(old, offset, offset + 1);
    await old.commit();
  }
  await compactLake(lake);
  const rows = await readLake(lake);
  const { version } = await lakeStatus(lake);
  await expect(uploadLake(lake)).rejects.toMatchObject({ code: 'EVENTS_LAKE_NOT_CONFIGURED' });
  await writeConfig(lake);
  await expect(readLake(lake)).rejects.toMatchObject({ code: 'EVENTS_LAKE_HAS_LOCAL' });
  await expect(openLakeWriter(lake)).rejects.toMatchObject({ code: 'EVENTS_LAKE_HAS_LOCAL' });

  const interrupt = (done: number): void => {
    if (done === 10) throw new Error('interrupted');
  };
  await expect(uploadLake(lake, interrupt)).rejects.toThrow('interrupted');
  const uploaded: number[] = [];
  const moved = await uploadLake(lake, (_, total) => uploaded.push(total));
  // The hashes of the files are a change.
  expect(moved).toEqual({ version: version + 1, files: 40, rows: 40, movedTo: join(lake, 'uploaded', '1') });
  // Without a log in the bucket, an object of the same size can be that of another lake.
  expect(uploaded).toHaveLength(40);
  const remoteLog = await readdir(join(objects, '_delta_log'));
  const checkpoint = remoteLog.find((name) => name.endsWith('.checkpoint.parquet'))!;
  expect(remoteLog).toContain(checkpoint.replace('.checkpoint.parquet', '.json'));
  expect(await readLake(lake)).toEqual(rows);
  expect(await verifyLake(lake)).toMatchObject({ isSound: true, version: version + 1 });
  expect(await uploadLake(lake)).toMatchObject({ version: version + 1, movedTo: undefined });

  // A process that was not stopped cannot acknowledge events that are not in the bucket.
  add(old, 40, 41);
  await expect(old.commit()).rejects.toMatchObject({ code: 'EVENTS_LAKE_NOT_CONFIGURED' });
  const writer = await writerOf(lake);
  expect(writer.committed('a-0')).toBe(40);
  add(writer, 40, 41);
  await writer.commit();
  expect(await readIds(lake)).toContain('e40');
});

it('does not touch a lake with another log format', async () => {
  const { writeConfig } = await createS3Lake(s3);
  const lake = join(await temporaryFolder(), 'lake');
  const day = 'dt=2024-01-15';
  await mkdir(join(lake, day), { recursive: true });
  await mkdir(join(lake, '_log'));
  await writeFile(join(lake, '_log', '00000000000000000001.json'), '{}');
  await writeConfig(lake);
  await expect(uploadLake(lake)).rejects.toMatchObject({
    code: 'EVENTS_LAKE_DAMAGED',
    message: expect.stringContaining('log format 1') as string,
  });
  expect((await readdir(lake)).sort()).toEqual(['_log', day, 's3.yaml']);
});

it('reports the local files that a killed upload left, and moves them only if the bucket has the lake', async () => {
  const { writeConfig, objects } = await createS3Lake(s3);
  const lake = join(await temporaryFolder(), 'lake');
  await writeLake(lake, [makeEvent({ eventId: 'first' })]);
  await writeConfig(lake);
  await uploadLake(lake);
  const day = join(lake, 'dt=2024-01-15');
  await rename(join(lake, 'uploaded', '1', 'dt=2024-01-15'), day);
  expect(await verifyErasure(lake, 'u')).toMatchObject({ localFolders: [day, join(lake, 'uploaded')] });
  const record = join(objects, '_delta_log', '00000000000000000001.json');
  const text = await readFile(record, 'utf8');
  await writeFile(record, '{');
  await expect(uploadLake(lake)).rejects.toMatchObject({ code: 'EVENTS_LAKE_DAMAGED' });
  expect(await readdir(lake)).toContain('dt=2024-01-15');
  await writeFile(record, text);
  expect(await uploadLake(lake)).toMatchObject({ movedTo: join(lake, 'uploaded', '2') });
  expect(await verifyErasure(lake, 'u')).toMatchObject({ localFolders: [join(lake, 'uploaded')] });
});

it('refuses to write if a process without s3.yaml has started a lake in the folder', async () => {
  const { lake, writeConfig } = await createS3Lake(s3);
  const storage = await openLakeStorage(lake);
  await rm(join(lake, 's3.yaml'));
  await writeLake(lake, [makeEvent({ eventId: 'of the folder' })]);
  await writeConfig(lake);
  await expect(storage.prepareWrites()).rejects.toMatchObject({ code: 'EVENTS_LAKE_HAS_LOCAL' });
});

it('refuses to move a lake to the prefix of another one', async () => {
  const { lake, writeConfig } = await createS3Lake(s3);
  await writeLake(lake, [makeEvent({ eventId: 'of S3' })]);
  const other = join(await temporaryFolder(), 'lake');
  await writeLake(other, [makeEvent({ eventId: 'of the folder' })]);
  await writeConfig(other);
  await expect(uploadLake(other)).rejects.toMatchObject({ code: 'EVENTS_LAKE_DIFFERS' });
  expect(await readIds(lake)).toEqual(['of S3']);
});

it('moves an empty home', async () => {
  const { writeConfig } = await createS3Lake(s3);
  const lake = join(await temporaryFolder(), 'lake');
  await mkdir(lake);
  await writeConfig(lake);
  expect(await uploadLake(lake)).toEqual({ version: 0, files: 0, rows: 0, movedTo: undefined });
  await writeLake(lake, [makeEvent({ eventId: 'first' })]);
  expect(await readIds(lake)).toEqual(['first']);
});

it('gives delta-rs, pandas, Polars and DuckDB the same rows as Facet', { tags: 'full', timeout: 600_000 }, async () => {
  const readers = await installDeltaReaders();
  const { lake, objects } = await createS3Lake(s3);
  const writer = await writerOf(lake);
  for (let offset = 0; offset < 36; offset += 4) {
    add(writer, offset, offset + 4);
    await writer.commit();
  }
  await compactLake(lake);
  const { writeConfig, objects: uploadedObjects } = await createS3Lake(s3);
  const uploaded = join(await temporaryFolder(), 'lake');
  const local = await writerOf(uploaded);
  add(local, 0, 36);
  await local.commit();
  await writeConfig(uploaded);
  await uploadLake(uploaded);
  const versionsOf = async (folder: string): Promise<Map<number, string[]>> => {
    const { version, files } = await openLakeSnapshot(folder);
    return new Map([[version, files.map(({ path }) => path)]]);
  };
  // The test server keeps the objects as files.
  const results = await compareDeltaReaders(
    readers,
    new Map([
      [objects, await versionsOf(lake)],
      [uploadedObjects, await versionsOf(uploaded)],
    ]),
  );
  expect(results).toHaveLength(10);
  for (const result of results) expect(result).toMatchObject({ missing: 0, surplus: 0, rows: 36 });
});
