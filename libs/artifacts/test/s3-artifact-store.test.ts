/** @module-tag full */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { createS3Proxy, startS3 } from '@facet/local-services';
import { dayMs, hourMs, isAppError, pathExists } from '@facet/platform';
import { openBucket } from '@facet/platform/s3';
import type { Bucket } from '@facet/platform/s3';
import { forFile, serveForTest } from '@facet/testing';
import { describe, expect, onTestFinished, test } from 'vitest';
import { createArtifactStore } from '../src/create-artifact-store.ts';
import { checkArtifactStore, createFolderArtifactStore, moveArtifactsToS3, openArtifactStore } from '../src/index.ts';
import type { ArtifactRef, ArtifactStore } from '../src/index.ts';
import { entryKey } from '../src/s3/artifact-entry.ts';
import { createS3Storage } from '../src/s3/s3-artifact-store.ts';
import { describeArtifactStore } from './conformance.ts';
import { expectSoundHistory } from './promotion-history.ts';
import { createS3Home } from './s3-store.ts';
import type { S3Home } from './s3-store.ts';

const s3 = forFile(await startS3());

describeArtifactStore('S3 artifact store', async () => {
  const { folder, otherHost, damage } = await createS3Home(s3);
  return { store: openArtifactStore(folder), openAgain: async () => openArtifactStore(await otherHost()), damage };
});

function putFile(store: ArtifactStore, content: string | Buffer, name = 'data', kind = 'bundle'): Promise<ArtifactRef> {
  return store.put(kind, (folder) => writeFile(join(folder, name), content), {});
}

async function errorOf(attempt: Promise<unknown>) {
  const error: unknown = await attempt.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (!isAppError(error)) throw new Error(`expected an AppError, not ${String(error)}`);
  return error;
}

const endless = {
  redactor: new URL('./endless-redactor.ts', import.meta.url),
  writer: new URL('./endless-writer.ts', import.meta.url),
  promoter: new URL('./endless-promoter.ts', import.meta.url),
};

/** Starts a process that {@link kill}, or the end of the test, kills. */
function start(script: URL, ...args: string[]) {
  const file = fileURLToPath(script);
  const child = spawn(process.execPath, ['--conditions=@facet/source', '--import', 'tsx', file, ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, ...s3.env },
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  return child;
}

async function kill(child: ChildProcess): Promise<void> {
  child.kill('SIGKILL');
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
}

/** Returns the part of each key that an entry must name: without entries, references and records. */
async function fileObjects({ keys }: S3Home): Promise<string[]> {
  return (await keys('files/')).sort();
}

test('transfers large files in parts, and another host opens what one has put', async () => {
  const home = await createS3Home(s3);
  const large = Buffer.alloc(20_000_003, 'abcdefg');
  const store = openArtifactStore(home.folder);
  const ref = await store.put(
    'bundle',
    async (folder) => {
      await mkdir(join(folder, 'deep'));
      await writeFile(join(folder, 'deep', 'large file'), large);
      await writeFile(join(folder, 'empty'), '');
    },
    {},
  );
  await store.promote(ref);
  const other = openArtifactStore(await home.otherHost());
  expect(await other.readRef('current')).toEqual(ref);
  const { folder } = await other.open(ref);
  expect((await readFile(join(folder, 'deep', 'large file'))).equals(large)).toBe(true);
  expect(await readFile(join(folder, 'empty'), 'utf8')).toBe('');
});

test('downloads only the files that the caller reads, and repairs damaged and foreign local files', async () => {
  const home = await createS3Home(s3);
  const ref = await openArtifactStore(home.folder).put(
    'bundle',
    async (folder) => {
      await writeFile(join(folder, 'small'), 'abc');
      await writeFile(join(folder, 'big'), Buffer.alloc(100_000));
    },
    {},
  );
  const store = openArtifactStore(await home.otherHost());
  const { folder } = await store.open(ref, { files: ['small'] });
  expect(await readdir(folder)).toEqual(['small']);
  await writeFile(join(folder, 'small'), 'abd');
  await mkdir(join(folder, 'big'));
  expect((await store.open(ref)).folder).toBe(folder);
  expect(await readFile(join(folder, 'small'), 'utf8')).toBe('abc');
  expect((await stat(join(folder, 'big'))).size).toBe(100_000);
});

test('writes local files only to the folder of the copies, which may be another disk', async () => {
  const home = await createS3Home(s3);
  await putFile(openArtifactStore(home.folder), 'content');
  expect((await readdir(home.folder)).sort()).toEqual(['s3-copies', 's3.yaml']);
});

test('concurrent opens of one artifact by several processes all succeed', async () => {
  const home = await createS3Home(s3);
  const ref = await putFile(openArtifactStore(home.folder), Buffer.alloc(9_000_000, 'x'));
  const folder = await home.otherHost();
  const opened = await Promise.all(Array.from({ length: 4 }, () => openArtifactStore(folder).open(ref)));
  for (const one of opened) expect((await stat(join(one.folder, 'data'))).size).toBe(9_000_000);
  expect(await readdir(join(folder, 's3-copies', 'staging'))).toEqual([]);
});

test('processes that open one artifact need the room of one copy', async () => {
  const home = await createS3Home(s3, { cacheBytesMax: 1_000_000 });
  const ref = await putFile(openArtifactStore(home.folder), Buffer.alloc(600_000));
  const folder = await home.otherHost();
  await Promise.all(Array.from({ length: 3 }, () => openArtifactStore(folder).open(ref)));
  const larger = await putFile(openArtifactStore(home.folder), Buffer.alloc(1_200_000));
  expect((await errorOf(openArtifactStore(folder).open(larger))).code).toBe('ARTIFACT_COPIES_FULL');
  expect(await pathExists(join(folder, 's3-copies', 'bundle', ref.id))).toBe(true);
});

test('keeps the copies within the bound, evicts the least recently used, and never one in use', async () => {
  const home = await createS3Home(s3, { cacheBytesMax: 1_000_000 });
  const refs: ArtifactRef[] = [];
  for (const text of ['a', 'b', 'c', 'd']) {
    refs.push(await putFile(openArtifactStore(home.folder), Buffer.alloc(400_000, text)));
  }
  const [a, b, c, d] = refs as [ArtifactRef, ArtifactRef, ArtifactRef, ArtifactRef];
  const folder = await home.otherHost();
  const [one, two] = [openArtifactStore(folder), openArtifactStore(folder)];
  const openA = await one.open(a);
  const openB = await one.open(b);
  const full = await errorOf(two.open(c));
  expect([full.code, full.retryable]).toEqual(['ARTIFACT_COPIES_FULL', true]);
  expect(await readdir(join(folder, 's3-copies', 'staging'))).toEqual([]);
  await openA.release();
  await openB.release();
  await (await two.open(a)).release();
  const openC = await two.open(c);
  const copies = await readdir(join(folder, 's3-copies', 'bundle'));
  expect(copies.sort()).toEqual([a.id, c.id].sort());
  const openD = await one.open(d);
  expect(await readFile(join(openC.folder, 'data'), 'utf8')).toHaveLength(400_000);
  expect(await pathExists(openD.folder)).toBe(true);
  expect(await pathExists(openA.folder)).toBe(false);
});

test('counts downloads in progress, and removes those of killed processes', async () => {
  const home = await createS3Home(s3, { cacheBytesMax: 1_000_000 });
  const ref = await putFile(openArtifactStore(home.folder), Buffer.alloc(400_000));
  const folder = await home.otherHost();
  const host = encodeURIComponent(hostname());
  const stagedBy = async (pid: number): Promise<string> => {
    const staged = join(folder, 's3-copies', 'staging', `${host}~${pid}~token~${pid}`);
    await mkdir(staged, { recursive: true });
    await writeFile(join(staged, '0'), Buffer.alloc(700_000));
    return staged;
  };
  const ofRunning = await stagedBy(process.ppid);
  expect((await errorOf(openArtifactStore(folder).open(ref))).code).toBe('ARTIFACT_COPIES_FULL');
  await rm(ofRunning, { recursive: true });
  const ended = spawn(process.execPath, ['--version'], { stdio: 'ignore' });
  await once(ended, 'exit');
  await stagedBy(ended.pid!);
  await openArtifactStore(folder).open(ref);
  expect(await readdir(join(folder, 's3-copies', 'staging'))).toEqual([]);
});

test('pruning removes only objects of the pruned artifacts', async () => {
  const home = await createS3Home(s3);
  const neighbor = openBucket({ ...home.config, prefix: `${home.config.prefix}-2` });
  await neighbor.put('files/bundle/x', 'of another store');
  const foreign = ['notes.txt', 'artifacts/bundle/readme.json', 'files/readme', 'files/bundle/readme/x', 'refs/a/b'];
  for (const key of foreign) await home.bucket.put(key, 'not ours');
  const store = openArtifactStore(home.folder);
  const refs: ArtifactRef[] = [];
  for (const text of ['1', '2', '3', '4', '5']) refs.push(await putFile(store, text));
  await store.promote(refs[0]!);
  expect(await store.prune('bundle', { keep: 3 })).toEqual([refs[1]]);
  const keys = await home.keys();
  expect(keys).toEqual(expect.arrayContaining(foreign));
  const removed = entryKey(refs[1]!);
  expect(keys.filter((key) => key.includes(refs[1]!.id))).toEqual([removed]);
  expect((await home.bucket.get(removed))!.text).toBe('');
  expect(await neighbor.get('files/bundle/x')).toMatchObject({ text: 'of another store' });
  for (const ref of [refs[0]!, refs[2]!]) await openArtifactStore(await home.otherHost()).open(ref);
});

/** Calls `before` once, ahead of the first write of a key. */
function writesAfter(bucket: Bucket, isKey: (key: string) => boolean, before: () => Promise<unknown>): Bucket {
  let isDue = true;
  return {
    ...bucket,
    async put(key, ...more) {
      if (isDue && isKey(key)) {
        isDue = false;
        await before();
      }
      return bucket.put(key, ...more);
    },
  };
}

describe('a prune during a promotion', () => {
  async function createRace() {
    const home = await createS3Home(s3);
    const storeAt = (bucket = home.bucket, now = Date.now): ArtifactStore =>
      createArtifactStore(createS3Storage(bucket, { ...home.config, folder: home.folder, now }));
    const store = storeAt();
    const ref = await putFile(store, 'old');
    for (const text of ['1', '2', '3']) await putFile(store, text);
    const prune = (by = store): Promise<readonly ArtifactRef[]> => by.prune('bundle', { keep: 3 });
    const isEntry = (key: string): boolean => key === entryKey(ref);
    return { home, storeAt, store, ref, prune, isEntry };
  }

  test('keeps the artifact if the promotion begins after the prune has read the references', async () => {
    const { home, storeAt, store, ref, prune, isEntry } = await createRace();
    const pruner = storeAt(writesAfter(home.bucket, isEntry, () => store.promote(ref)));
    expect(await prune(pruner)).toEqual([]);
    expect(await store.readRef('current')).toEqual(ref);
    await openArtifactStore(await home.otherHost()).open(ref);
  });

  test('keeps the artifact while a promotion is about to be recorded, and removes it an hour later', async () => {
    const { home, storeAt, ref, prune, store } = await createRace();
    const stop = new Error('killed');
    const isRecord = (key: string): boolean => key.startsWith('promotions/');
    const promoter = storeAt(
      writesAfter(home.bucket, isRecord, async () => {
        expect(await prune()).toEqual([]);
        throw stop;
      }),
    );
    await expect(promoter.promote(ref)).rejects.toBe(stop);
    await openArtifactStore(await home.otherHost()).open(ref);
    expect(await prune(storeAt(home.bucket, () => Date.now() + hourMs + 60_000))).toEqual([ref]);
    expect((await errorOf(store.open(ref))).code).toBe('ARTIFACT_NOT_FOUND');
  });

  test.each(['promote', 'writeRef'] as const)('ends %s with an error if the prune is first', async (action) => {
    const { home, storeAt, store, ref, prune, isEntry } = await createRace();
    const promoter = storeAt(
      writesAfter(home.bucket, isEntry, async () => {
        expect(await prune()).toEqual([ref]);
      }),
    );
    const error = await errorOf(action === 'promote' ? promoter.promote(ref) : promoter.writeRef('delta', ref));
    expect(error).toMatchObject({ code: 'ARTIFACT_NOT_FOUND', remedy: expect.stringContaining('rebuild') as string });
    expect([await store.promotions(), await store.readRef('delta')]).toEqual([[], undefined]);
    expect(await putFile(store, 'old')).toEqual(ref);
    await store.promote(ref);
    await openArtifactStore(await home.otherHost()).open(ref);
  });

  test('removes the empty entry after a day', async () => {
    const { home, storeAt, ref, prune } = await createRace();
    await prune();
    await storeAt().removeRemains();
    expect(await home.keys(entryKey(ref))).toHaveLength(1);
    await storeAt(home.bucket, () => Date.now() + dayMs + 60_000).removeRemains();
    expect(await home.keys(entryKey(ref))).toEqual([]);
    expect(await storeAt().list('bundle')).toHaveLength(3);
  });
});

test('keeps an artifact that a writer stores again while its empty entry is removed', async () => {
  const home = await createS3Home(s3);
  const store = openArtifactStore(home.folder);
  const ref = await putFile(store, 'old');
  for (const text of ['1', '2', '3']) await putFile(store, text);
  await store.prune('bundle', { keep: 3 });
  const bucket: Bucket = {
    ...home.bucket,
    async delete(key, ...condition) {
      if (key === entryKey(ref)) expect(await putFile(store, 'old')).toEqual(ref);
      return home.bucket.delete(key, ...condition);
    },
  };
  const later = (): number => Date.now() + dayMs + 60_000;
  await createArtifactStore(
    createS3Storage(bucket, { ...home.config, folder: home.folder, now: later }),
  ).removeRemains();
  await openArtifactStore(await home.otherHost()).open(ref);
});

test('removes the uploads of killed writers after a day, and keeps those of running ones', async () => {
  const home = await createS3Home(s3);
  const id = '0'.repeat(32);
  const key = `files/model/${id}/1~00000000-0000-4000-8000-000000000000/weights`;
  await home.bucket.put(key, 'unfinished');
  const storeAt = (now: () => number): ArtifactStore =>
    createArtifactStore(createS3Storage(home.bucket, { ...home.config, folder: home.folder, now }));
  await storeAt(Date.now).removeRemains();
  expect(await fileObjects(home)).toEqual([key]);
  await storeAt(() => Date.now() + dayMs + 60_000).removeRemains();
  expect(await fileObjects(home)).toEqual([]);
});

test('an erasure reaches the copies of other hosts, at the next open and at the next refresh', async () => {
  const home = await createS3Home(s3);
  const store = openArtifactStore(home.folder);
  const ref = await putFile(store, 'ada bob', 'users', 'dataset');
  const hosts = [await home.otherHost(), await home.otherHost()];
  const files: string[] = [];
  for (const host of hosts) files.push(join((await openArtifactStore(host).open(ref)).folder, 'users'));
  await store.redact(ref, 'users', (target) => writeFile(target, 'erased bob'));
  await openArtifactStore(hosts[0]!).open(ref, { files: ['users'] });
  // A new process, which opens nothing.
  await openArtifactStore(hosts[1]!).removeRemains();
  for (const file of files) expect(await readFile(file, 'utf8')).toBe('erased bob');
  expect(await fileObjects(home)).toHaveLength(1);
});

test('a put of content from before an erasure does not bring it to the copies of its host', async () => {
  const home = await createS3Home(s3);
  const store = openArtifactStore(home.folder);
  const ref = await putFile(store, 'ada bob', 'users', 'dataset');
  await store.redact(ref, 'users', (target) => writeFile(target, 'erased bob'));
  const host = await home.otherHost();
  expect(await putFile(openArtifactStore(host), 'ada bob', 'users', 'dataset')).toEqual(ref);
  expect(await pathExists(join(host, 's3-copies', 'dataset', ref.id, 'files', 'users'))).toBe(false);
});

test('an erasure removes copies of other hosts that have no room for the new content, and continues with the others', async () => {
  const home = await createS3Home(s3, { cacheBytesMax: 1_000_000 });
  const store = openArtifactStore(home.folder);
  const contents = ['ada', 'bob'].map((user) => user + 'x'.repeat(450_000));
  const refs: ArtifactRef[] = [];
  for (const content of contents) refs.push(await putFile(store, content, 'users', 'dataset'));
  const host = openArtifactStore(await home.otherHost());
  const opened = await Promise.all(refs.map((ref) => host.open(ref)));
  for (const ref of refs) {
    await store.redact(ref, 'users', (target) => writeFile(target, `erased${'x'.repeat(450_000)}`));
  }
  await host.removeRemains();
  for (const { folder } of opened) {
    const text = await readFile(join(folder, 'users'), 'utf8').catch(() => '');
    expect(text).not.toMatch(/ada|bob/);
  }
});

test('a change whose response was lost is kept, also if another writer has changed the artifact since', async () => {
  const home = await createS3Home(s3);
  const direct = openArtifactStore(home.folder);
  const ref = await putFile(direct, 'ada bob', 'users', 'dataset');
  let hasLost = false;
  const onResponse = async ({ method, url = '' }: IncomingMessage): Promise<boolean> => {
    if (hasLost || method !== 'PUT' || !url.includes(`/artifacts/dataset/${ref.id}`)) return true;
    hasLost = true;
    // Changes the time of the put.
    await putFile(direct, 'ada bob', 'users', 'dataset');
    return false;
  };
  const endpoint = await serveForTest(createS3Proxy(s3.endpoint, { onResponse }));
  const host = await home.otherHost({ endpoint });
  await openArtifactStore(host).redact(ref, 'users', (target) => writeFile(target, 'erased bob'));
  expect(hasLost).toBe(true);
  const { folder } = await openArtifactStore(await home.otherHost()).open(ref);
  expect(await readFile(join(folder, 'users'), 'utf8')).toBe('erased bob');
  expect(await fileObjects(home)).toHaveLength(1);
});

test('removes nothing while it cannot read what the other artifacts need', async () => {
  const home = await createS3Home(s3);
  const store = openArtifactStore(home.folder);
  const models: ArtifactRef[] = [];
  for (const text of ['1', '2', '3', '4']) models.push(await putFile(store, text, 'weights', 'model'));
  await store.put('bundle', (folder) => writeFile(join(folder, 'a'), ''), { modelId: models[0]!.id });
  const refuses = ({ method, url = '' }: IncomingMessage): boolean =>
    method === 'GET' && url.includes('/artifacts/bundle/');
  const endpoint = await serveForTest(createS3Proxy(s3.endpoint, { refuses }));
  const host = openArtifactStore(await home.otherHost({ endpoint }));
  expect((await errorOf(host.prune('model', { keep: 3 }))).code).toBe('S3_UNREACHABLE');
  expect(await store.list('model')).toHaveLength(4);
  expect(await store.prune('model', { keep: 3 })).toEqual([]);
});

test('two hosts that erase from the same file at once keep both erasures', async () => {
  const home = await createS3Home(s3);
  const users = Array.from({ length: 6 }, (_, user) => `<user ${user}>`);
  const ref = await putFile(openArtifactStore(home.folder), users.join(' '), 'users', 'dataset');
  await Promise.all(
    users.map(async (user) => {
      const store = openArtifactStore(await home.otherHost());
      const { folder } = await store.open(ref);
      await store.redact(ref, 'users', async (target) =>
        writeFile(target, (await readFile(join(folder, 'users'), 'utf8')).replace(user, 'erased')),
      );
    }),
  );
  const { folder } = await openArtifactStore(home.folder).open(ref);
  expect(await readFile(join(folder, 'users'), 'utf8')).toBe(users.map(() => 'erased').join(' '));
  await openArtifactStore(home.folder).removeRemains();
  expect(await fileObjects(home)).toHaveLength(1);
});

test(
  'a killed erasure leaves the artifact whole, and the next one removes the content from before',
  { tags: 'full' },
  async () => {
    const home = await createS3Home(s3);
    const users = Array.from({ length: 400 }, (_, user) => `<user ${user}>`).join('\n');
    const store = openArtifactStore(home.folder);
    // Several parts, so that kills also hit unfinished uploads.
    const ref = await putFile(store, users + 'x'.repeat(8_500_000), 'users', 'dataset');
    const host = await home.otherHost();
    for (const delayMs of [0, 60]) {
      const redactor = start(endless.redactor, host);
      let output = '';
      redactor.stdout.setEncoding('utf8').on('data', (text: string) => (output += text));
      while (output.split('\n').length < 2) await sleep(5);
      await sleep(delayMs);
      await kill(redactor);
      const erased = output.split('\n').slice(0, -1);
      // The erasure command runs again and finds nothing left to erase.
      await openArtifactStore(host).removeRemains();
      const texts = await Promise.all((await fileObjects(home)).map(async (key) => (await home.bucket.get(key))!.text));
      for (const text of texts) for (const user of erased) expect(text).not.toContain(`<user ${user}>`);
      for (const { key } of await home.bucket.uploads('files/')) expect(key).toContain(ref.id);
      const current = await readFile(join((await store.open(ref)).folder, 'users'), 'utf8');
      for (const user of erased) expect(current).not.toContain(`<user ${user}>`);
      expect(current).toContain('<user 399>');
      expect(await readdir(join(host, 's3-copies', 'staging'))).toEqual([]);
    }
    await store.redact(ref, 'users', (target) => writeFile(target, 'erased'));
    expect(await fileObjects(home)).toHaveLength(1);
    expect(await home.bucket.uploads('files/')).toEqual([]);
  },
);

test('keeps the current artifact whole when writers of two hosts are killed', { tags: 'full' }, async () => {
  const home = await createS3Home(s3);
  const store = openArtifactStore(home.folder);
  const hosts = [await home.otherHost(), await home.otherHost()];
  let length = 0;
  for (const delayMs of [0, 30]) {
    const writers = hosts.map((host) => start(endless.writer, host));
    while ((await store.promotions()).length < length + 6) await sleep(20);
    await sleep(delayMs);
    for (const writer of writers) await kill(writer);
    length = (await store.promotions()).length;
    const fresh = openArtifactStore(await home.otherHost());
    await fresh.open((await fresh.readRef('current'))!);
    for (const { ref } of await fresh.list('bundle')) await fresh.open(ref);
    await store.prune('bundle', { keep: 3 });
  }
});

test('promoters of several processes agree on one history when they are killed', { tags: 'full' }, async () => {
  const home = await createS3Home(s3);
  const store = openArtifactStore(home.folder);
  for (const text of ['0', '1', '2', '3']) await putFile(store, text);
  const promoters = ['a', 'b'].map((name) => start(endless.promoter, home.folder, name));
  while ((await store.promotions()).length < 16) await sleep(20);
  for (const promoter of promoters) await kill(promoter);
  await expectSoundHistory(openArtifactStore(home.folder));
});

describe('moving a home to S3', () => {
  test('refuses a folder that contains artifacts, and moves them with references, promotions and erasures', async () => {
    const home = await createS3Home(s3);
    const local = createFolderArtifactStore(home.folder);
    const [one, two] = [await putFile(local, 'one'), await putFile(local, 'two')];
    const dataset = await putFile(local, 'ada bob', 'users', 'dataset');
    await local.redact(dataset, 'users', (target) => writeFile(target, 'erased bob'));
    const broken = await putFile(local, 'broken', 'data', 'model');
    await writeFile(join(home.folder, 'model', broken.id, 'data'), 'BROKEN');
    await local.promote(one);
    await local.promote(two);
    await local.writeRef('delta', one);
    const records = await local.promotions();

    for (const attempt of [() => openArtifactStore(home.folder).open(one), () => checkArtifactStore(home.folder)]) {
      const refused = await errorOf(attempt());
      expect(refused.code).toBe('ARTIFACT_STORE_HAS_LOCAL');
      expect(refused.remedy).toContain('facet artifacts upload');
    }
    await local.open(one);
    const moved = await moveArtifactsToS3(home.folder, () => undefined);
    expect(moved).toEqual({ uploaded: 3, corrupt: [broken], movedTo: join(home.folder, 'uploaded', '1') });
    expect(await readdir(join(home.folder, 'uploaded', '1'))).toEqual([
      'bundle',
      'dataset',
      'model',
      'promotions',
      'refs',
    ]);
    const other = openArtifactStore(await home.otherHost());
    expect(await other.promotions()).toEqual(records);
    expect(await other.readRef('delta')).toEqual(one);
    const { folder } = await other.open(dataset);
    expect(await readFile(join(folder, 'users'), 'utf8')).toBe('erased bob');
    expect(await other.rollback()).toEqual(one);
    await openArtifactStore(home.folder).open(two);
    expect(await moveArtifactsToS3(home.folder, () => undefined)).toMatchObject({ uploaded: 0, movedTo: undefined });
  });

  test('refuses the prefix of another home, and continues an interrupted move', async () => {
    const home = await createS3Home(s3);
    await createFolderArtifactStore(home.folder).promote(await putFile(createFolderArtifactStore(home.folder), 'one'));
    const other = await home.otherHost();
    await createFolderArtifactStore(other).promote(await putFile(createFolderArtifactStore(other), 'two'));
    await moveArtifactsToS3(home.folder, () => undefined);
    expect((await errorOf(moveArtifactsToS3(other, () => undefined))).code).toBe('ARTIFACT_STORE_DIFFERS');
    // As if the process had been killed before it moved the files.
    const again = join(home.folder, 'uploaded', '1');
    for (const name of await readdir(again)) await rename(join(again, name), join(home.folder, name));
    expect((await moveArtifactsToS3(home.folder, () => undefined)).uploaded).toBe(1);
    expect(await openArtifactStore(home.folder).promotions()).toHaveLength(1);
  });

  test('moves what a process that was not stopped promotes in the meantime', async () => {
    const home = await createS3Home(s3);
    const local = createFolderArtifactStore(home.folder);
    await local.promote(await putFile(local, 'one'));
    let hasPromoted = false;
    await moveArtifactsToS3(home.folder, async () => {
      if (!hasPromoted) await local.promote(await putFile(local, 'two'));
      hasPromoted = true;
    });
    expect(await openArtifactStore(home.folder).promotions()).toHaveLength(2);
  });

  test('refuses the references of another home, and a folder whose s3.yaml is gone', async () => {
    const home = await createS3Home(s3);
    const local = createFolderArtifactStore(home.folder);
    await local.writeRef('delta', await putFile(local, 'one'));
    const other = await home.otherHost();
    const otherLocal = createFolderArtifactStore(other);
    await otherLocal.writeRef('delta', await putFile(otherLocal, 'two'));
    await moveArtifactsToS3(home.folder, () => undefined);
    expect((await errorOf(moveArtifactsToS3(other, () => undefined))).code).toBe('ARTIFACT_STORE_DIFFERS');
    await rm(join(home.folder, 's3.yaml'));
    for (const attempt of [
      () => openArtifactStore(home.folder).list('bundle'),
      () => checkArtifactStore(home.folder),
    ]) {
      expect((await errorOf(attempt())).code).toBe('ARTIFACT_STORE_NOT_CONFIGURED');
    }
  });
});

describe('problems', () => {
  test('names wrong, unknown and missing settings', async () => {
    const { folder, config } = await createS3Home(s3);
    const wrong = { ...config, region: undefined, pathStile: true, prefix: '/a/', endpoint: 'minio' };
    await writeFile(join(folder, 's3.yaml'), JSON.stringify(wrong));
    const error = await errorOf(openArtifactStore(folder).list('bundle'));
    expect(error.code).toBe('CONFIG_INVALID');
    expect(error.message).toMatch(/pathStile.*did you mean pathStyle/);
    for (const field of ['region: is missing', 'prefix', 'endpoint']) expect(error.message).toContain(field);
    // The correction needs no restart.
    const store = openArtifactStore(folder);
    await errorOf(store.list('bundle'));
    await writeFile(join(folder, 's3.yaml'), JSON.stringify(config));
    expect(await store.list('bundle')).toEqual([]);
    expect((await errorOf(moveArtifactsToS3(await mkdtemp(join(tmpdir(), 'facet-s3-')), () => undefined))).code).toBe(
      'ARTIFACT_STORE_NOT_CONFIGURED',
    );
  });

  test.each([
    ['a missing bucket', { bucket: 'facet-none' }, 'S3_REFUSED', /does not exist/],
    ['a wrong region', { region: 'eu-west-1' }, 'S3_REFUSED', /region eu-west-1 is wrong/],
    ['no server', { endpoint: 'http://127.0.0.1:9' }, 'S3_UNREACHABLE', /ECONNREFUSED/],
  ])('explains %s', async (_, more, code, message) => {
    const home = await createS3Home(s3, more);
    const attempts = [() => checkArtifactStore(home.folder), () => openArtifactStore(home.folder).readRef('current')];
    for (const attempt of attempts) {
      const error = await errorOf(attempt());
      expect(error).toMatchObject({ code, retryable: code === 'S3_UNREACHABLE' });
      expect(error.message).toMatch(message);
    }
  });

  test('explains wrong credentials', async () => {
    const home = await createS3Home(s3);
    process.env['AWS_SECRET_ACCESS_KEY'] = 'wrong';
    const error = await errorOf(openArtifactStore(home.folder).list('bundle'));
    expect(error).toMatchObject({ code: 'S3_REFUSED', category: 'unavailable' });
    expect(error.message).toMatch(/credentials are wrong/);
    Object.assign(process.env, s3.env);
  });

  test('fails with a retryable error while the server is down, and continues afterwards', async () => {
    const { folder } = await createS3Home(s3);
    const store = openArtifactStore(folder);
    const ref = await putFile(store, 'one');
    await store.promote(ref);
    await s3.kill();
    const error = await errorOf(store.open(ref));
    expect([error.code, error.retryable]).toEqual(['S3_UNREACHABLE', true]);
    await s3.start();
    await store.open(ref);
    expect(await store.readRef('current')).toEqual(ref);
  });

  test('accepts a server with conditional writes, with few requests', async () => {
    const home = await createS3Home(s3);
    await checkArtifactStore(home.folder);
    await checkArtifactStore(home.folder);
    expect(await home.keys()).toEqual(['facet-store.json']);
  });

  test.each([
    ['ignores', 200],
    ['does not implement', 501],
  ])('refuses a server that %s conditions', async (_, status) => {
    const server = createServer((request, response) => {
      request.resume().on('end', () => response.writeHead(status, { ETag: '"1"' }).end());
    });
    const endpoint = await serveForTest(server);
    const { folder } = await createS3Home(s3, { endpoint });
    expect((await errorOf(checkArtifactStore(folder))).code).toBe('S3_UNSUPPORTED');
  });

  test.each([
    ['does not respond', () => undefined],
    [
      'stops in the middle of a response',
      (response: ServerResponse) => response.writeHead(200, { 'Content-Length': '100' }).write('x'),
    ],
  ])('ends requests to a server that %s', async (_, respond) => {
    const server = createServer((request, response) => void request.resume().on('end', () => respond(response)));
    const endpoint = await serveForTest(server);
    const { config } = await createS3Home(s3, { endpoint });
    const startedAt = performance.now();
    const error = await errorOf(openBucket(config, { requestMs: 150 }).get('x'));
    expect([error.code, error.retryable]).toEqual(['S3_UNREACHABLE', true]);
    expect(performance.now() - startedAt).toBeLessThan(30_000);
  });
});
