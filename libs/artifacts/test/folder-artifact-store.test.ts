import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readdir, readFile, rm, symlink, utimes, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { temporaryFolder } from '@facet/testing';
import { describe, expect, test } from 'vitest';
import { createArtifactStore } from '../src/create-artifact-store.ts';
import { createFolderStorage } from '../src/folder-artifact-store.ts';
import { createFolderArtifactStore } from '../src/index.ts';
import { artifactId, formatManifest } from '../src/manifest.ts';
import { describeArtifactStore } from './conformance.ts';

describeArtifactStore('folder artifact store', async () => {
  const root = await temporaryFolder();
  return {
    store: createFolderArtifactStore(root),
    openAgain: async () => createFolderArtifactStore(root),
    damage: (ref, file, change) => change(join(root, ref.kind, ref.id, file)),
  };
});

test.each([
  ['extra', 'c.txt', (path: string) => writeFile(path, '')],
  ['missing manifest', 'manifest.json', (path: string) => rm(path)],
])('refuses to open an artifact with a file that is %s, and heals it with a new put', async (_, file, damage) => {
  const store = createFolderArtifactStore(await temporaryFolder());
  const put = () => store.put('bundle', (folder) => writeFile(join(folder, 'a'), 'one'), {});
  const ref = await put();
  await damage(join((await store.open(ref)).folder, file));
  await expect(store.open(ref)).rejects.toThrow(file);
  expect(await put()).toEqual(ref);
  await store.open(ref);
});

test('writes nested files and a manifest with hashes, and leaves the staging folder empty', async () => {
  const root = await temporaryFolder();
  const store = createFolderArtifactStore(root);
  const { id } = await store.put(
    'model',
    async (folder) => {
      await mkdir(join(folder, 'deep', 'er'), { recursive: true });
      await writeFile(join(folder, 'deep', 'er', 'x'), 'abc');
    },
    {},
  );
  const manifest: unknown = JSON.parse(await readFile(join(root, 'model', id, 'manifest.json'), 'utf8'));
  expect(manifest).toEqual({
    formatVersion: 1,
    kind: 'model',
    files: [
      { path: 'deep/er/x', bytes: 3, sha256: 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad' },
    ],
    metadata: {},
  });
  expect(await readdir(join(root, 'staging'))).toEqual([]);
});

test('finds each altered file of a large artifact that a thread verifies', async () => {
  const root = await temporaryFolder();
  const store = createFolderArtifactStore(root);
  const large = Buffer.alloc(34_000_000, 7);
  const ref = await store.put(
    'bundle',
    async (folder) => {
      await writeFile(join(folder, 'large'), large);
      await writeFile(join(folder, 'small'), 'abc');
    },
    {},
  );
  expect((await store.open(ref)).folder).toBe(join(root, 'bundle', ref.id));
  for (const [file, sound] of [
    ['large', large],
    ['small', Buffer.from('abc')],
  ] as const) {
    const altered = Buffer.from(sound);
    altered[altered.length - 1]! ^= 1;
    await writeFile(join(root, 'bundle', ref.id, file), altered);
    await expect(store.open(ref)).rejects.toThrow(`${file} has been altered`);
    await writeFile(join(root, 'bundle', ref.id, file), sound);
  }
  await store.open(ref);
});

test('refuses a manifest with a file outside of its artifact', async () => {
  const root = await temporaryFolder();
  await writeFile(join(root, 'outside'), 'abc');
  const sha256 = 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad';
  for (const path of ['../../outside', join(root, 'outside')]) {
    const text = formatManifest({ formatVersion: 1, kind: 'model', files: [{ path, bytes: 3, sha256 }], metadata: {} });
    const id = artifactId(text);
    await mkdir(join(root, 'model', id), { recursive: true });
    await writeFile(join(root, 'model', id, 'manifest.json'), text);
    await expect(createFolderArtifactStore(root).open({ kind: 'model', id })).rejects.toMatchObject({
      code: 'ARTIFACT_CORRUPT',
    });
  }
});

test('refuses a link, which a copy would not preserve', async () => {
  const store = createFolderArtifactStore(await temporaryFolder());
  const put = store.put('model', (folder) => symlink('/etc/hostname', join(folder, 'link')), {});
  await expect(put).rejects.toThrow(/neither a file nor a folder/);
});

test('removes the staged files of dead writers and keeps those of running ones', async () => {
  const root = await temporaryFolder();
  const store = createFolderArtifactStore(root);
  const host = encodeURIComponent(hostname());
  const leftovers = {
    ofDeadProcess: `${host}~${await idOfEndedProcess()}~token~1`,
    ofRestartedProcess: `${host}~${process.pid}~other-token~2`,
    ofRunningProcess: `${host}~${process.ppid}~token~3`,
    ofOtherHost: 'elsewhere~1~token~4',
    ofOtherHostLongAgo: 'elsewhere~1~token~5',
  };
  for (const name of Object.values(leftovers)) await mkdir(join(root, 'staging', name), { recursive: true });
  const longAgo = new Date(Date.now() - 25 * 3600 * 1000);
  await utimes(join(root, 'staging', leftovers.ofOtherHostLongAgo), longAgo, longAgo);
  expect(await store.list('model')).toEqual([]);
  await store.put('model', (folder) => writeFile(join(folder, 'x'), ''), {});
  const left = await readdir(join(root, 'staging'));
  expect(left.sort()).toEqual([leftovers.ofRunningProcess, leftovers.ofOtherHost].sort());
});

test('keeps references whole and listed artifacts valid when the writer is killed', { tags: 'full' }, async () => {
  const root = await temporaryFolder();
  const store = createFolderArtifactStore(root);
  for (const delayMs of [0, 3, 11, 27]) {
    const before = await store.readRef('previous');
    const writer = startWriter(root);
    while ((await store.readRef('previous'))?.id === before?.id) await sleep(5);
    await sleep(delayMs);
    writer.kill('SIGKILL');
    await once(writer, 'exit');
    const current = await store.readRef('current');
    const previous = await store.readRef('previous');
    await store.open(current!);
    await store.open(previous!);
    for (const { ref } of await store.list('bundle')) await store.open(ref);
    await store.prune('bundle', { keep: 3 });
    expect(await readdir(join(root, 'staging'))).toEqual([]);
  }
});

/** Starts a process that puts and promotes as fast as possible. */
function startWriter(root: string) {
  const script = fileURLToPath(new URL('./endless-writer.ts', import.meta.url));
  const args = ['--conditions=@facet/source', '--import', 'tsx', script, root];
  return spawn(process.execPath, args, { stdio: ['ignore', 'ignore', 'inherit'] });
}

async function idOfEndedProcess(): Promise<number> {
  const child = spawn(process.execPath, ['--version'], { stdio: 'ignore' });
  await once(child, 'exit');
  return child.pid!;
}

test('an artifact stays intact when two processes redact its files at the same time', async () => {
  const root = await temporaryFolder();
  const store = createFolderArtifactStore(root);
  const names = ['users', 'more-users', 'most-users'];
  const ref = await store.put(
    'dataset',
    async (folder) => {
      for (const name of names) await writeFile(join(folder, name), 'ada bob');
    },
    {},
  );
  await Promise.all(
    names.map((name) => createFolderArtifactStore(root).redact(ref, name, (target) => writeFile(target, 'erased bob'))),
  );
  const { folder } = await store.open(ref);
  for (const name of names) expect(await readFile(join(folder, name), 'utf8')).toBe('erased bob');
});

test('a redacted file keeps the id of its artifact, and other changes of it are found', async () => {
  const root = await temporaryFolder();
  const store = createFolderArtifactStore(root);
  const write = async (folder: string): Promise<void> => {
    await writeFile(join(folder, 'users'), 'ada bob');
    await writeFile(join(folder, 'items'), 'tea');
  };
  const ref = await store.put('dataset', write, {});
  for (const text of ['erased bob', 'erased erased']) {
    await store.redact(ref, 'users', (target) => writeFile(target, text));
    expect(await readFile(join((await store.open(ref)).folder, 'users'), 'utf8')).toBe(text);
  }
  // A writer of the same content finds the artifact intact.
  expect(await store.put('dataset', write, {})).toEqual(ref);
  expect(await readFile(join((await store.open(ref)).folder, 'users'), 'utf8')).toBe('erased erased');
  expect(await readdir(join(root, 'staging'))).toEqual([]);

  await expect(store.redact(ref, 'none', (target) => writeFile(target, ''))).rejects.toMatchObject({
    code: 'ARTIFACT_INVALID',
  });
  for (const [file, text] of [
    ['users', 'ERASED erased'],
    ['users', 'erased'],
    ['items', 'erased erased'],
  ] as const) {
    const path = join(root, 'dataset', ref.id, file);
    const sound = await readFile(path);
    await writeFile(path, text);
    await expect(store.open(ref)).rejects.toMatchObject({ code: 'ARTIFACT_CORRUPT', context: { file } });
    await writeFile(path, sound);
  }
  await expect(store.put('dataset', (folder) => writeFile(join(folder, 'redactions.json'), '[]'), {})).rejects.toThrow(
    'reserves the file name redactions.json',
  );
});

test('reports an artifact that it cannot list, and removes nothing', async () => {
  const root = await temporaryFolder();
  const store = createFolderArtifactStore(root);
  const refs: string[] = [];
  for (const text of ['1', '2', '3', '4', '5']) {
    refs.push((await store.put('bundle', (folder) => writeFile(join(folder, 'a'), text), {})).id);
  }
  const manifest = join(root, 'bundle', refs[4]!, 'manifest.json');
  await rm(manifest);
  await symlink('manifest.json', manifest);
  await expect(store.list('bundle')).rejects.toMatchObject({ code: 'ELOOP' });
  await expect(store.prune('bundle', { keep: 3 })).rejects.toMatchObject({ code: 'ELOOP' });
  expect(await readdir(join(root, 'bundle'))).toHaveLength(5);
});

describe('a prune during a promotion', () => {
  async function createRace() {
    const root = await temporaryFolder();
    const storage = createFolderStorage(root);
    const store = createArtifactStore(storage);
    const put = (text: string) => store.put('bundle', (folder) => writeFile(join(folder, 'a'), text), {});
    const ref = await put('old');
    for (const text of ['1', '2', '3']) await put(text);
    return { root, storage, store, ref, put };
  }

  test.each(['promote', 'writeRef'] as const)('keeps the artifact until %s has recorded it', async (action) => {
    const { root, storage, store, ref } = await createRace();
    const removed: unknown[] = [];
    const prune = async (): Promise<void> => void removed.push(...(await store.prune('bundle', { keep: 3 })));
    const promoter = createArtifactStore({
      ...storage,
      promotions: {
        ...storage.promotions,
        async create(name, text) {
          await prune();
          return storage.promotions.create(name, text);
        },
      },
      refs: {
        ...storage.refs,
        async write(name, text) {
          await prune();
          await storage.refs.write(name, text);
        },
      },
    });
    await (action === 'promote' ? promoter.promote(ref) : promoter.writeRef('delta', ref));
    await prune();
    expect(removed).toEqual([]);
    await store.open(ref);
    expect(await readdir(join(root, 'staging'))).toEqual([]);
  });

  test('ends the promotion with an error if the prune is first', async () => {
    const { root, storage, store, ref, put } = await createRace();
    let promoting: Promise<unknown> | undefined;
    const pruner = createArtifactStore({
      ...storage,
      remove: (removed, isReferenced) =>
        storage.remove(removed, async () => {
          const isKept = await isReferenced();
          promoting = store.promote(ref).catch((error: unknown) => error);
          // The promotion waits for the end of the removal.
          await sleep(100);
          return isKept;
        }),
    });
    expect(await pruner.prune('bundle', { keep: 3 })).toEqual([ref]);
    expect(await promoting).toMatchObject({ code: 'ARTIFACT_NOT_FOUND' });
    expect(await store.promotions()).toEqual([]);
    expect(await put('old')).toEqual(ref);
    await store.promote(ref);
    expect(await readdir(join(root, 'staging'))).toEqual([]);
  });

  test('promotes although a process was killed while it removed the artifact', async () => {
    const { root, store, ref } = await createRace();
    const pid = await idOfEndedProcess();
    const mark = `${encodeURIComponent(hostname())}~${pid}~token~id~removal~${ref.kind}~${ref.id}`;
    await writeFile(join(root, 'staging', mark), '');
    await store.promote(ref);
    expect(await store.readRef('current')).toEqual(ref);
  });
});
