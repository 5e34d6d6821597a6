import { spawnSync } from 'node:child_process';
import { appendFile, cp, link, mkdir, open, readdir, readlink, rename, rm, writeFile } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { dayMs } from '@facet/platform';
import { expect, it, onTestFinished, vi } from 'vitest';
import { breakFile, temporaryFolder } from '@facet/testing';
import { changeCatalog, changeRecords, upsertItems, upsertUsers } from '../../src/catalog/change-catalog.ts';
import { openCatalogLog } from '../../src/catalog/catalog-log.ts';
import { compactCatalog } from '../../src/catalog/compact-catalog.ts';
import type { ItemsVersion } from '../../src/catalog/read-catalog.ts';
import {
  findUserInCatalog,
  openItemChanges,
  readCatalogOffsets,
  readItems,
  readItemsVersion,
  readUsers,
} from '../../src/catalog/read-catalog.ts';
import { writeSegment } from '../../src/catalog/segments.ts';
import type { RecordVersion } from '../../src/catalog/segments.ts';

const item = (itemId: string, title?: string) => ({
  itemId,
  attributes: {},
  ...(title === undefined ? {} : { title }),
});
const user = (userId: string, age = 1) => ({ userId, attributes: { age } });

it('replaces whole records by the last one of an id and keeps the others', async () => {
  const folder = join(await temporaryFolder(), 'catalog');
  expect(await readItems(folder)).toEqual([]);
  expect(await readItemsVersion(folder)).toBeUndefined();
  await upsertItems(folder, [
    { itemId: 'b', title: 'Bed', attributes: { brand: 'X' } },
    { itemId: 'a', attributes: { tags: ['new'] } },
  ]);
  await upsertItems(folder, [
    { itemId: 'b', title: 'Old', attributes: {} },
    { itemId: 'b', available: false, attributes: { price: 3 } },
    { itemId: 'a', attributes: { tags: ['new'] } },
  ]);
  expect(await readItems(folder)).toEqual([
    { itemId: 'a', attributes: { tags: ['new'] } },
    { itemId: 'b', available: false, attributes: { price: 3 } },
  ]);
});

it('removes items without a record', async () => {
  const folder = await temporaryFolder();
  await upsertItems(folder, [item('a'), item('b')]);
  const changes = new Map([
    ['a', undefined],
    ['c', item('c')],
    ['never-there', undefined],
  ]);
  await changeRecords('items', folder, changes);
  expect((await readItems(folder)).map(({ itemId }) => itemId)).toEqual(['b', 'c']);
});

it('stores users separately, in the order of their ids', async () => {
  const folder = await temporaryFolder();
  const users = Array.from({ length: 25_000 }, (_, index) => user(`u${index}`, index));
  await upsertUsers(folder, users.slice(0, 9).reverse());
  await upsertUsers(folder, users.toReversed());
  expect(await readUsers(folder)).toEqual(users.toSorted((a, b) => (a.userId < b.userId ? -1 : 1)));
  expect(await readItems(folder)).toEqual([]);
});

it('writes items, users and offsets together, and refuses a second writer of a source', async () => {
  const folder = await temporaryFolder();
  const at = {
    items: [{ id: 'a', record: item('a'), receivedAt: 1 }],
    users: [{ id: 'u', record: user('u'), receivedAt: 1 }],
  };
  await changeCatalog(folder, { ...at, offsets: { 'items-0': { from: 0, to: 5 } } });
  const late = changeCatalog(folder, {
    users: [{ id: 'u', record: user('u', 99), receivedAt: 2 }],
    offsets: { 'items-0': { from: 0, to: 7 } },
  });
  await expect(late).rejects.toMatchObject({ code: 'EVENTS_CATALOG_SUPERSEDED' });
  expect(await readUsers(folder)).toEqual([user('u')]);
  expect(await readCatalogOffsets(folder)).toEqual(new Map([['items-0', 5]]));
  expect(await readdir(join(folder, 'users'))).toHaveLength(1);
});

it('keeps the number of segments small, and loses nothing that other writers add during a compaction', async () => {
  const folder = await temporaryFolder();
  const writes = Array.from({ length: 24 }, (_, index) => index);
  await Promise.all(
    [0, 1].map(async (writer) => {
      for (const index of writes) await upsertItems(folder, [item(`w${writer}-${index % 10}`, `edition ${index}`)]);
    }),
  );
  await compactCatalog(folder, { graceMs: 0 });
  expect((await readdir(join(folder, 'items'))).length).toBeLessThan(10);
  const titles = Object.fromEntries((await readItems(folder)).map(({ itemId, title }) => [itemId, title]));
  for (const index of writes.slice(14)) {
    for (const writer of [0, 1]) expect(titles[`w${writer}-${index % 10}`]).toBe(`edition ${index}`);
  }
});

async function changesAfter(folder: string, version?: ItemsVersion) {
  const { isContinued, changes } = await openItemChanges(folder, version);
  const ids: string[] = [];
  for await (const batch of changes) ids.push(...batch.map(({ id, record }) => (record === undefined ? `-${id}` : id)));
  return { isContinued, ids };
}

it('returns the items that changed after a version, and the same version after a compaction', async () => {
  const folder = await temporaryFolder();
  await upsertItems(
    folder,
    Array.from({ length: 100 }, (_, index) => item(`a${index}`)),
  );
  const after = await readItemsVersion(folder);
  await changeRecords(
    'items',
    folder,
    new Map([
      ['new', item('new')],
      ['a1', undefined],
    ]),
  );
  expect(await changesAfter(folder, after)).toEqual({ isContinued: true, ids: ['-a1', 'new'] });
  const version = await readItemsVersion(folder);
  await compactCatalog(folder, { isFull: true, graceMs: 0 });
  expect(await readItemsVersion(folder)).toEqual(version);
  expect(await readdir(join(folder, 'items'))).toHaveLength(1);
  expect((await changesAfter(folder, after)).isContinued).toBe(true);
});

it('finds the newest versions of late items, also of ids with escaped or other characters', async () => {
  const folder = await temporaryFolder();
  const ids = ['a', 'b', 'b"', 'b\\', 'b\n', 'c', 'é', '\ud800', '😀'];
  const versions = (titled: readonly string[], title: string, receivedAt: number) =>
    titled.map((id) => ({ id, record: item(id, title), receivedAt }));
  await changeCatalog(folder, { items: versions(ids, 'new', 10) });
  const after = await readItemsVersion(folder);
  for (const id of ids) await changeCatalog(folder, { items: versions([id], 'late', 5) });
  const { changes } = await openItemChanges(folder, after);
  const found: string[] = [];
  for await (const batch of changes) for (const { id, record } of batch) found.push(`${id} ${record?.title}`);
  expect(found.sort()).toEqual(ids.map((id) => `${id} new`).sort());
});

it('returns the current version of an item when an older one arrives after it', async () => {
  const folder = await temporaryFolder();
  await upsertItems(folder, [item('a', 'new'), item('b'), item('c')], 10);
  await changeRecords('items', folder, new Map([['c', undefined]]), 20);
  const after = await readItemsVersion(folder);
  const late = ['a', 'c'].map((id) => ({ id, record: item(id, 'late'), receivedAt: 5 }));
  await changeCatalog(folder, { items: late });
  await changeCatalog(folder, { items: [{ id: 'd', record: item('d'), receivedAt: 30 }] });
  const { isContinued, changes } = await openItemChanges(folder, after);
  expect(isContinued).toBe(true);
  const all: Pick<RecordVersion, 'id' | 'record'>[] = [];
  for await (const batch of changes) all.push(...batch.map(({ id, record }) => ({ id, record })));
  expect(all).toEqual([
    { id: 'a', record: item('a', 'new') },
    { id: 'c', record: undefined },
    { id: 'd', record: item('d') },
  ]);
});

it('ignores a version of a user that arrives after a newer one, also after a compaction', async () => {
  const folder = await temporaryFolder();
  for (const id of ['u', 'gone']) await changeRecords('users', folder, new Map([[id, user(id)]]), 1);
  await changeRecords('users', folder, new Map([['u', user('u', 99)]]), 20);
  await changeRecords('users', folder, new Map([['gone', undefined]]), 20);
  const users = ['u', 'gone'].map((id) => ({ id, record: user(id, 7), receivedAt: 10 }));
  const compacted = join(await temporaryFolder(), 'compacted');
  await cp(folder, compacted, { recursive: true });
  // The new segment is larger than all others, so the compaction merges them.
  await changeRecords(
    'users',
    compacted,
    new Map(Array.from({ length: 50 }, (_, index) => [`v${index}`, undefined])),
    20,
  );
  await compactCatalog(compacted, { graceMs: 0 });
  expect(await readdir(join(compacted, 'users'))).toHaveLength(1);
  for (const each of [folder, compacted]) {
    await changeCatalog(each, { users });
    expect(await readUsers(each)).toEqual([user('u', 99)]);
  }
});

it('keeps the version when a compaction drops the newest versions, which repeat earlier ones', async () => {
  const folder = await temporaryFolder();
  await upsertItems(folder, [item('a')], 1);
  await upsertItems(folder, [item('a')], 2);
  const version = await readItemsVersion(folder);
  await compactCatalog(folder, { isFull: true, graceMs: 0 });
  expect(await readItemsVersion(folder)).toEqual(version);
});

it('does not continue a version of a catalog that was restored from a backup or created again', async () => {
  const folder = join(await temporaryFolder(), 'catalog');
  const backup = `${folder}.backup`;
  await upsertItems(folder, [item('a')]);
  await cp(folder, backup, { recursive: true });
  await upsertItems(folder, [item('b')]);
  const version = (await readItemsVersion(folder))!;
  const restore = async (): Promise<void> => {
    await rm(folder, { recursive: true });
    await cp(backup, folder, { recursive: true });
  };
  await restore();
  expect(await changesAfter(folder, version)).toEqual({ isContinued: false, ids: ['a'] });
  for (const id of ['c', 'd']) await upsertItems(folder, [item(id)]);
  expect((await readItemsVersion(folder))!.order).toBeGreaterThan(version.order);
  expect(await changesAfter(folder, version)).toEqual({ isContinued: false, ids: ['a', 'c', 'd'] });

  await rm(folder, { recursive: true });
  for (const id of ['x', 'y', 'z']) await upsertItems(folder, [item(id)]);
  expect(await changesAfter(folder, version)).toEqual({ isContinued: false, ids: ['x', 'y', 'z'] });
});

it('does not continue a version after which a compaction dropped a removal', async () => {
  const folder = await temporaryFolder();
  await upsertItems(folder, [item('a'), item('gone')], 1);
  const before = await readItemsVersion(folder);
  await changeRecords('items', folder, new Map([['gone', undefined]]), 2);
  const removed = await readItemsVersion(folder);
  await changeCatalog(folder, { items: [{ id: 'b', record: item('b'), receivedAt: 100 * dayMs }] });
  expect(await changesAfter(folder, before)).toEqual({ isContinued: true, ids: ['b', '-gone'] });
  const newest = await readItemsVersion(folder);
  await compactCatalog(folder, { isFull: true });
  expect(await changesAfter(folder, before)).toEqual({ isContinued: false, ids: ['a', 'b'] });
  expect(await changesAfter(folder, removed)).toMatchObject({ isContinued: false });
  expect(await changesAfter(folder, newest)).toEqual({ isContinued: true, ids: [] });
});

it('finds a removed user until a full compaction has deleted every version of the user', async () => {
  const folder = await temporaryFolder();
  await upsertUsers(
    folder,
    Array.from({ length: 100 }, (_, index) => user(`u${index}`)),
  );
  await upsertUsers(folder, [user('u5', 99)]);
  expect(await findUserInCatalog(folder, 'u5')).toHaveLength(2);
  await changeRecords('users', folder, new Map([['u5', undefined]]));
  expect((await readUsers(folder)).some(({ userId }) => userId === 'u5')).toBe(false);
  expect(await findUserInCatalog(folder, 'u5')).not.toEqual([]);
  await compactCatalog(folder, { isFull: true });
  expect(await findUserInCatalog(folder, 'u5')).not.toEqual([]);
  await compactCatalog(folder, { isFull: true, graceMs: 0 });
  expect(await findUserInCatalog(folder, 'u5')).toEqual([]);
  expect(await readUsers(folder)).toHaveLength(99);
});

it('leaves out versions of a user that were received later, but not the removal of the user', async () => {
  const folder = await temporaryFolder();
  await changeRecords('users', folder, new Map([['u', user('u')]]), 1);
  await changeRecords('users', folder, new Map([['u', undefined]]), 3);
  await changeRecords('users', folder, new Map([['u', user('u', 99)]]), 4);
  const countOf = async (until?: number): Promise<number> =>
    (await findUserInCatalog(folder, 'u', until)).reduce((sum, { count }) => sum + count, 0);
  // The first version and the removal.
  expect(await countOf(2)).toBe(2);
  await compactCatalog(folder, { isFull: true, graceMs: 0 });
  expect([await countOf(), await countOf(4), await countOf(2)]).toEqual([1, 1, 0]);
  const unfinished = [
    '{"id":"u","receivedAt":4,"record":{}}',
    '{"id":"u","receivedAt":4}',
    '{"id":"u","receivedAt":4,"rec',
  ];
  await writeFile(join(folder, 'users', 'left.jsonl.part'), unfinished.join('\n'));
  expect([await countOf(4), await countOf(2)]).toEqual([4, 2]);
});

it('lets a reader finish while a compaction deletes the segments', async () => {
  const folder = await temporaryFolder();
  await upsertItems(
    folder,
    Array.from({ length: 5_000 }, (_, index) => item(`a${index}`, 'x'.repeat(200))),
  );
  await upsertItems(folder, [item('z')]);
  let seen = 0;
  for await (const batch of (await openItemChanges(folder)).changes) {
    seen += batch.length;
    await compactCatalog(folder, { isFull: true, graceMs: 0 });
  }
  expect(seen).toBe(5_001);
});

it('ignores a segment of a killed writer, and deletes it hours later', async () => {
  const folder = await temporaryFolder();
  await upsertItems(folder, [item('a')]);
  const killed = ['killed.jsonl', 'unfinished.jsonl.part'];
  await writeFile(join(folder, 'items', killed[0]!), '{"id":"b"}\n');
  await writeFile(join(folder, 'items', killed[1]!), '{"id":"b","rec');
  await compactCatalog(folder);
  expect(await readItems(folder)).toEqual([item('a')]);
  expect(await readdir(join(folder, 'items'))).toEqual(expect.arrayContaining(killed));
  await upsertUsers(folder, [user('u')]);
  await writeFile(join(folder, 'users', killed[1]!), '{"id":"u","rec');
  expect(await findUserInCatalog(folder, 'u')).toHaveLength(2);
  await compactCatalog(folder, { now: () => Date.now() + 7 * 3_600_000 });
  expect(await readdir(join(folder, 'items'))).toHaveLength(1);
  expect(await readdir(join(folder, 'users'))).toHaveLength(1);
});

it('finds a user in the unfinished segment of a killed writer, which the next compaction deletes', async () => {
  const folder = await temporaryFolder();
  await upsertUsers(folder, [user('v')]);
  const { pid: ended } = spawnSync(process.execPath, ['--version']);
  const nameOf = (name: string, host: string, pid: number) => `users/${name}.jsonl.${host}.${pid}.part`;
  const left = nameOf('left', hostname(), ended);
  const kept = [nameOf('own', hostname(), process.pid), nameOf('other', 'another-host', ended)];
  await writeFile(join(folder, left), '{"id":"u1","record":{}}\n{"id":"u","record":{}}\n{"id":"u"');
  for (const path of kept) await writeFile(join(folder, path), '{"id":"u2"}\n');
  expect(await findUserInCatalog(folder, 'u')).toEqual([{ path: left, count: 2 }]);
  expect((await findUserInCatalog(folder, 'u2')).map(({ path }) => path).toSorted()).toEqual(kept.toSorted());
  await compactCatalog(folder);
  expect(await findUserInCatalog(folder, 'u')).toEqual([]);
  expect(await findUserInCatalog(folder, 'u2')).toHaveLength(2);
});

it('finds a user while other processes write and compact', async () => {
  const folder = await temporaryFolder();
  await upsertUsers(folder, [user('u')]);
  let isDone = false;
  const write = async (): Promise<void> => {
    for (let round = 0; round < 15; round++) {
      await upsertUsers(
        folder,
        Array.from({ length: 500 }, (_, index) => user(`v${index}`, round)),
      );
      await compactCatalog(folder, { isFull: true, graceMs: 0 });
    }
    isDone = true;
  };
  const find = async (): Promise<void> => {
    while (!isDone) expect((await findUserInCatalog(folder, 'u')).length).toBeLessThan(4);
  };
  await Promise.all([write(), find(), find()]);
  expect(await findUserInCatalog(folder, 'u')).toHaveLength(1);
});

it('makes new folders durable before it commits their first segment', async () => {
  const folder = join(await temporaryFolder(), 'home', 'catalog');
  const probe = await open('/', 'r');
  const prototype = Object.getPrototypeOf(probe) as FileHandle;
  await probe.close();
  const synced: string[] = [];
  const { sync } = prototype;
  const spy = vi.spyOn(prototype, 'sync').mockImplementation(async function (this: FileHandle) {
    synced.push(await readlink(`/proc/self/fd/${this.fd}`));
    return sync.call(this);
  });
  onTestFinished(() => spy.mockRestore());
  await upsertItems(folder, [item('a')]);
  expect(synced).toEqual(expect.arrayContaining([join(folder, '..', '..'), join(folder, '..'), folder]));
  synced.length = 0;
  await upsertUsers(folder, [user('u')]);
  const isTransaction = (path: string): boolean => path.includes('_log/');
  expect(synced.slice(0, synced.findIndex(isTransaction))).toEqual(
    expect.arrayContaining([folder, join(folder, 'users')]),
  );
});

it.each(['items.jsonl', 'items.history.jsonl', 'users.jsonl', '_offsets'])(
  'refuses %s of a catalog without a log',
  async (name) => {
    const folder = await temporaryFolder();
    await writeFile(join(folder, name), '');
    const outdated = {
      code: 'EVENTS_CATALOG_DAMAGED',
      message: expect.stringContaining(`${join(folder, name)}: it has format 0`) as string,
      remedy: expect.stringContaining('Use the version of Facet that wrote it') as string,
    };
    await expect(readUsers(folder)).rejects.toMatchObject(outdated);
    await expect(readItemsVersion(folder)).rejects.toMatchObject(outdated);
    await expect(readCatalogOffsets(folder)).rejects.toMatchObject(outdated);
    await expect(upsertItems(folder, [item('a')])).rejects.toMatchObject(outdated);
    expect(await readdir(folder)).toEqual([name]);
  },
);

it('refuses a transaction or a checkpoint of another format', async () => {
  const folder = await temporaryFolder();
  const log = join(folder, '_log');
  await mkdir(log);
  const damaged = { code: 'EVENTS_CATALOG_DAMAGED', message: expect.stringContaining('/format') as string };
  const other = { format: 2, version: 1, id: 'a' };
  for (const [extension, record] of [
    ['json', { ...other, parent: '', at: 1 }],
    ['checkpoint.json', { ...other, files: [], offsets: {}, removed: {} }],
  ] as const) {
    const path = join(log, `00000000000000000001.${extension}`);
    await writeFile(path, JSON.stringify(record));
    await expect(readItems(folder)).rejects.toMatchObject(damaged);
    await rm(path);
  }
});

it('leaves the segments to another compaction that deletes them during the read', async () => {
  const folder = await temporaryFolder();
  for (const id of ['a', 'b']) {
    await changeCatalog(folder, { users: [{ id, record: user(id), receivedAt: 1 }] });
  }
  const compacted = join(await temporaryFolder(), 'compacted');
  await cp(folder, compacted, { recursive: true });
  await compactCatalog(compacted, { isFull: true, graceMs: 0 });
  const users = join(folder, 'users');
  // A pipe blocks the slow compaction until a process opens the other end.
  const pipe = join(await temporaryFolder(), 'pipe');
  spawnSync('mkfifo', [pipe]);
  for (const name of await readdir(users)) {
    await rm(join(users, name));
    await link(pipe, join(users, name));
  }
  const slow = compactCatalog(folder, { isFull: true });
  await vi.waitFor(async () => expect(await readdir(users)).toContainEqual(expect.stringMatching(/\.part$/)));
  for (const name of await readdir(users)) if (name.endsWith('.jsonl')) await rm(join(users, name));
  await cp(compacted, folder, { recursive: true });
  const writer = await open(pipe, 'r+');
  await slow;
  await writer.close();
  expect(await readUsers(folder)).toEqual([user('a'), user('b')]);
  const [compactedName, ...others] = await readdir(users);
  expect(others).toEqual([]);

  await changeCatalog(folder, { users: [{ id: 'c', record: user('c'), receivedAt: 1 }] });
  await rm(join(users, compactedName!));
  await expect(compactCatalog(folder, { isFull: true })).rejects.toMatchObject({ code: 'EVENTS_CATALOG_DAMAGED' });
});

it('reports a damaged file', async () => {
  const folder = await temporaryFolder();
  await upsertItems(folder, [item('a')]);
  const [name] = await readdir(join(folder, 'items'));
  await appendFile(join(folder, 'items', name!), '{"item');
  await expect(readItems(folder)).rejects.toMatchObject({ code: 'EVENTS_CATALOG_DAMAGED' });
  await rm(join(folder, 'items', name!));
  await expect(readItems(folder)).rejects.toMatchObject({ code: 'EVENTS_CATALOG_DAMAGED' });
});

it('reports files that cannot be read now as retryable, with their path', async () => {
  const folder = await temporaryFolder();
  await upsertItems(folder, [item('a')]);
  await upsertUsers(folder, [user('u')]);
  const unreadable = (path: string): object => ({
    code: 'EVENTS_CATALOG_UNREADABLE',
    category: 'unavailable',
    retryable: true,
    message: `Cannot read the catalog at ${path}: EIO: i/o error, read.`,
    remedy: expect.stringContaining('Then retry.') as string,
  });
  for (const [kind, read] of [
    ['items', readItems],
    ['users', readUsers],
  ] as const) {
    const [name] = await readdir(join(folder, kind));
    const segment = join(folder, kind, name!);
    await breakFile(segment);
    await expect(read(folder)).rejects.toMatchObject(unreadable(segment));
  }
  const [segment] = await readdir(join(folder, 'users'));
  await rm(join(folder, 'users', segment!));
  const unfinished = join(folder, 'users', `a.jsonl.${hostname()}.${process.pid}.part`);
  await breakFile(unfinished);
  await expect(findUserInCatalog(folder, 'u')).rejects.toMatchObject(unreadable(unfinished));
});

it('reports that a process may not open enough files', { tags: 'full' }, async () => {
  const folder = await temporaryFolder();
  const entry = (await writeSegment(folder, 'items', [[{ id: 'a', receivedAt: 1, record: item('a') }]]))!;
  const add = Array.from({ length: 600 }, (_, index) => ({ ...entry, path: `items/${index}.jsonl` }));
  for (const { path } of add) await link(join(folder, entry.path), join(folder, path));
  await (await openCatalogLog(folder, {})).commit(() => ({ add }));
  expect(await readItems(folder)).toEqual([item('a')]);
  const script = `
    import { readItems } from ${JSON.stringify(new URL('../../dist/catalog/read-catalog.js', import.meta.url).href)};
    readItems(${JSON.stringify(folder)}).catch((error) => console.log(error.code, error.retryable, error.message));`;
  const node = [process.execPath, '--input-type=module', '--eval', script];
  const { stdout } = spawnSync('sh', ['-c', 'ulimit -n 500 && exec "$@"', 'sh', ...node], { encoding: 'utf8' });
  expect(stdout).toMatch(/^EVENTS_CATALOG_UNREADABLE true Cannot read the catalog at .*\.jsonl: EMFILE: too many open/);
});

it('reports a damaged transaction log, and a folder that it cannot write, as errors of the catalog', async () => {
  const folder = await temporaryFolder();
  await changeCatalog(folder, { items: [{ id: 'a', record: item('a'), receivedAt: 1 }] });
  await changeCatalog(folder, { items: [{ id: 'b', record: item('b'), receivedAt: 1 }] });
  await rename(join(folder, 'items'), join(folder, 'away'));
  await writeFile(join(folder, 'items'), 'not a folder');
  const unwritable = { code: 'EVENTS_CATALOG_UNWRITABLE', remedy: expect.stringContaining('disk') as string };
  await expect(upsertItems(folder, [item('b')])).rejects.toMatchObject(unwritable);
  await expect(compactCatalog(folder)).rejects.toMatchObject(unwritable);
  const [name] = await readdir(join(folder, '_log'));
  await writeFile(join(folder, '_log', name!), '{}');
  const damaged = {
    code: 'EVENTS_CATALOG_DAMAGED',
    remedy: expect.stringContaining('Restore the whole catalog') as string,
  };
  await expect(readItems(folder)).rejects.toMatchObject(damaged);
  await expect(upsertItems(folder, [item('b')])).rejects.toMatchObject(damaged);
});
