import { symlinkSync, writeFileSync } from 'node:fs';
import { mkdir, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { temporaryFolder } from '@facet/testing';
import { catalogFormat } from '../../src/catalog/catalog-log.ts';
import type { CatalogLogChange, CatalogState, CatalogTransaction } from '../../src/catalog/catalog-log.ts';
import { openLakeLog, readLakeState } from '../../src/transaction-log/lake-log.ts';
import type { LakeLog } from '../../src/transaction-log/lake-log.ts';
import { folderLogStorage } from '../../src/storage/folder-lake-storage.ts';
import { openTransactionLog } from '../../src/transaction-log/transaction-log.ts';

const inTwoHours = (): number => Date.now() + 7_200_000;
const nameOf = (version: number, extension = 'json'): string => `${String(version).padStart(20, '0')}.${extension}`;

/** Commits a transaction with every kind of change. */
async function step(log: LakeLog, number: number): Promise<void> {
  await log.refresh();
  const version = Math.max(1, log.state.version + 1);
  const facts = { rows: 1, bytes: 1, receivedFrom: 0, receivedTo: 5, anonymous: 1, identifies: 2 };
  const offset = log.state.offsets.get('a-0') ?? 0;
  await log.commit(() => ({
    add: [
      {
        ...facts,
        path: `dt=2024-01-15/file-${version}.parquet`,
        sources: { 'a-0': { from: offset, to: offset + 1 } },
        ...(number % 2 === 0 && { erasedThrough: version - 1 }),
      },
    ],
    remove: number % 3 === 2 ? [`dt=2024-01-15/file-${version - 1}.parquet`] : [],
    offsets: { 'a-0': { from: offset, to: offset + 1 } },
    intake: [{ day: '2024-01-15', producer: 'web', outcome: 'accepted', field: '', reason: '', count: 2 }],
    erasures: [{ erasureId: `e${number % 5}`, userHash: '', sessionHashes: [], requestedAt: 0, requestedBy: 'test' }],
    erased:
      number % 7 === 6 ? [{ erasureId: 'e1', through: version - 1, rows: 1, files: 1, sessionHashes: ['s'] }] : [],
    reopened: number % 11 === 10 ? ['e1'] : [],
    claim: number % 4 === 3 ? null : { token: 't', host: 'h', pid: 1, at: number },
  }));
}

const recordsIn = async (lake: string): Promise<string[]> =>
  (await readdir(join(lake, '_delta_log'))).filter((name) => /^\d{20}\.json$/.test(name)).sort();
const checkpointsIn = async (lake: string): Promise<string[]> =>
  (await readdir(join(lake, '_delta_log'))).filter((name) => name.endsWith('.checkpoint.parquet')).sort();

it('gives all writers and readers the same history', async () => {
  const lake = await temporaryFolder();
  const [one, two] = [await openLakeLog(lake), await openLakeLog(lake)];
  for (let number = 0; number < 70; number++) await step(number % 2 === 0 ? one : two, number);
  await Promise.all([one, two].map(async (log) => log.refresh()));
  expect(one.state).toMatchObject({ version: 70, offsets: new Map([['a-0', 70]]) });
  expect([...one.state.intake.values()]).toMatchObject([[{ count: 140 }]]);
  expect(one.state.erasures.size).toBe(5);
  // The process that writes a checkpoint forgets deleted files.
  const removed = expect.any(Map) as Map<string, number>;
  expect(two.state).toEqual({ ...one.state, removed });
  // The checkpoint of version 64 and the transactions after it give the same state.
  expect(await readLakeState(lake)).toEqual({ ...one.state, removed });
  expect(await checkpointsIn(lake)).toEqual([32, 64].map((version) => nameOf(version, 'checkpoint.parquet')));
  expect(JSON.parse(await readFile(join(lake, '_delta_log', '_last_checkpoint'), 'utf8'))).toMatchObject({
    version: 64,
  });
});

it('creates the table once when several writers begin at the same time', async () => {
  const lake = await temporaryFolder();
  const logs = await Promise.all(Array.from({ length: 4 }, async () => openLakeLog(lake)));
  await Promise.all(
    logs.map(async (log, number) => log.commit(() => ({ offsets: { [`a-${number}`]: { from: 0, to: 1 } } }))),
  );
  const { version, offsets } = await readLakeState(lake);
  expect({ version, sources: offsets.size }).toEqual({ version: 4, sources: 4 });
  const created = await readFile(join(lake, '_delta_log', nameOf(0)), 'utf8');
  expect(created).toContain('"protocol"');
  for (const record of (await recordsIn(lake)).slice(1)) {
    expect(await readFile(join(lake, '_delta_log', record), 'utf8')).not.toContain('"metaData"');
  }
});

it('refuses a lake with another log format, and leaves its files', async () => {
  const lake = await temporaryFolder();
  const log = join(lake, '_log');
  await mkdir(log);
  await writeFile(join(log, nameOf(1)), '{"format":1,"version":1,"id":"a","parent":"","at":1}');
  const outdated = {
    code: 'EVENTS_LAKE_DAMAGED',
    message: `Cannot read the lake at ${log}: it has log format 1, but this version of Facet reads only Delta Lake tables, with a log in _delta_log.`,
    remedy: expect.stringContaining('Use the version of Facet that wrote it') as string,
  };
  await expect(readLakeState(lake)).rejects.toMatchObject(outdated);
  await expect(openLakeLog(lake)).rejects.toMatchObject(outdated);
  expect(await readdir(lake)).toEqual(['_log']);
});

it('keeps the intake counts of 400 days', async () => {
  const lake = await temporaryFolder();
  const log = await openLakeLog(lake);
  const count = { producer: 'web', outcome: 'accepted', field: '', reason: '', count: 1 } as const;
  const days = Array.from({ length: 402 }, (_, day) => new Date(day * 86_400_000).toISOString().slice(0, 10));
  await log.commit(() => ({ intake: days.slice(0, 400).map((day) => ({ ...count, day })) }));
  await log.commit(() => ({ intake: [days[0]!, days[401]!].map((day) => ({ ...count, day })) }));
  // The protocol permits one action for each domain in a commit.
  const record = await readFile(join(lake, '_delta_log', nameOf(2)), 'utf8');
  expect(record.match(new RegExp(`facet.intake.${days[0]}`, 'g'))).toHaveLength(1);
  const { intake } = await readLakeState(lake);
  expect([...intake.keys()].sort()).toEqual([...days.slice(1, 400), days[401]]);
});

it('prunes transactions before a checkpoint after the grace period, and lets late readers catch up', async () => {
  const lake = await temporaryFolder();
  const behind = await openLakeLog(lake);
  await step(behind, 0);
  const log = await openLakeLog(lake, { now: inTwoHours });
  for (let number = 1; number < 66; number++) await step(log, number);
  expect(await recordsIn(lake)).toEqual([64, 65, 66].map((version) => nameOf(version)));
  expect(await checkpointsIn(lake)).toHaveLength(1);
  await step(behind, 66);
  expect(behind.state.version).toBe(67);
  expect(await readLakeState(lake)).toEqual(behind.state);
});

it('keeps transactions and checkpoints in the grace period, so that earlier versions can be read', async () => {
  const lake = await temporaryFolder();
  const log = await openLakeLog(lake);
  for (let number = 0; number < 66; number++) await step(log, number);
  expect(await recordsIn(lake)).toHaveLength(67);
  expect(await checkpointsIn(lake)).toHaveLength(2);
});

it.each([40, 63])(
  'refuses transaction %i of a process that was suspended until its version was pruned',
  async (version) => {
    const lake = await temporaryFolder();
    const zombie = await openLakeLog(lake);
    const log = await openLakeLog(lake, { now: inTwoHours });
    while (log.state.version < version - 1) await step(log, 0);
    await zombie.refresh();
    while (log.state.version < 66) await step(log, 0);
    const records = await recordsIn(lake);
    expect(records).toHaveLength(3);
    const truth = await readLakeState(lake);
    // Simulates a process that was suspended right after a refresh.
    Object.assign(zombie, { refresh: async () => undefined });
    await expect(step(zombie, 0)).rejects.toMatchObject({ code: 'EVENTS_LAKE_SUPERSEDED' });
    expect(await readLakeState(lake)).toEqual(truth);
    expect(await recordsIn(lake)).toEqual(records);
    const late = await openLakeLog(lake);
    await step(late, 0);
    expect(late.state.version).toBe(67);
  },
);

it('keeps a commit that another program has already put in a checkpoint', async () => {
  const folder = await temporaryFolder();
  await mkdir(join(folder, '_log'));
  const log = await openTransactionLog<CatalogState, CatalogLogChange, CatalogTransaction>(
    folderLogStorage(join(folder, '_log')),
    {
      ...catalogFormat,
      serialize: (transaction) => {
        const checkpoint = { ...transaction, files: [], offsets: {}, removed: {} };
        writeFileSync(join(folder, '_log', nameOf(transaction.version, 'checkpoint.json')), JSON.stringify(checkpoint));
        return catalogFormat.serialize(transaction);
      },
    },
  );
  await log.commit(() => ({}));
  expect(await readdir(join(folder, '_log'))).toContain(nameOf(1));
});

it('reports a disk that fails after it has stored a transaction, and commits nothing twice', async () => {
  const folder = await temporaryFolder();
  const following = join(folder, '_log', nameOf(2));
  await mkdir(join(folder, '_log'));
  const log = await openTransactionLog<CatalogState, CatalogLogChange, CatalogTransaction>(
    folderLogStorage(join(folder, '_log')),
    {
      ...catalogFormat,
      serialize: (transaction) => {
        symlinkSync('/proc/self/mem', following);
        return catalogFormat.serialize(transaction);
      },
    },
  );
  const change = { offsets: { 'a-0': { from: 0, to: 1 } } };
  await expect(log.commit(() => change)).rejects.toMatchObject({
    code: 'EVENTS_CATALOG_UNREADABLE',
    message: `Cannot read the catalog at ${folder}: EIO: i/o error, read.`,
    retryable: true,
  });
  await rm(following);
  await expect(log.commit(() => change)).rejects.toMatchObject({ code: 'EVENTS_CATALOG_SUPERSEDED' });
  expect(log.state).toMatchObject({ version: 1, offsets: new Map([['a-0', 1]]) });
});

it('refuses paths with characters that Delta Lake encodes', async () => {
  const log = await openLakeLog(await temporaryFolder());
  const facts = { rows: 1, bytes: 1, receivedFrom: 0, receivedTo: 5, anonymous: 1, identifies: 2, sources: {} };
  const change = { add: [{ ...facts, path: 'dt=2024-01-15/part-a b-0-0-1.parquet' }] };
  await expect(log.commit(() => change)).rejects.toThrow('the path of a file is invalid');
});

it('deletes the temporary files of killed commits after the grace period', async () => {
  const lake = await temporaryFolder();
  const log = await openLakeLog(lake, { now: inTwoHours });
  await step(log, 0);
  const temporary = join(lake, '_delta_log', '.killed.tmp');
  await writeFile(temporary, '');
  // Like the file of a live commit that vanishes after the listing.
  await symlink('missing', join(lake, '_delta_log', '.a.tmp'));
  for (let number = 1; number < 66; number++) await step(log, number);
  expect(await readdir(join(lake, '_delta_log'))).not.toContain('.killed.tmp');
  expect(await recordsIn(lake)).toHaveLength(3);
});

it('refuses conflicting changes', async () => {
  const lake = await temporaryFolder();
  const log = await openLakeLog(lake);
  await step(log, 0);
  await expect(log.commit(() => ({ offsets: { 'a-0': { from: 0, to: 9 } } }))).rejects.toMatchObject({
    code: 'EVENTS_LAKE_SUPERSEDED',
    context: { sources: ['a-0'] },
  });
  const refuse = (): never => {
    throw new Error('not now');
  };
  await expect(log.commit(refuse)).rejects.toThrow('not now');
  expect((await readLakeState(lake)).version).toBe(1);
});

it('tells the commit of another program from a damaged transaction', async () => {
  const lake = await temporaryFolder();
  const log = await openLakeLog(lake);
  for (let number = 0; number < 3; number++) await step(log, number);
  const record = join(lake, '_delta_log', nameOf(3));
  const line = (await readFile(record, 'utf8')).split('\n').find((each) => each.startsWith('{"add"'))!;
  const { add } = JSON.parse(line) as { add: object };
  // delta-rs writes `null` for absent tags.
  const foreign = [{ commitInfo: { timestamp: 1, engineInfo: 'delta-rs:1.6.6' } }, { add: { ...add, tags: null } }];
  await writeFile(record, foreign.map((action) => JSON.stringify(action)).join('\n'));
  await expect(readLakeState(lake)).rejects.toMatchObject({
    message: expect.stringContaining('another program has written version 3') as string,
    remedy: expect.stringContaining('Stop the other program') as string,
  });
  for (const text of ['', 'null', line]) {
    await writeFile(record, text);
    await expect(readLakeState(lake)).rejects.toMatchObject({
      code: 'EVENTS_LAKE_DAMAGED',
      message: expect.stringContaining(nameOf(3)) as string,
      remedy: expect.stringMatching(/^Restore the file/) as string,
    });
  }
});

it('reports a missing transaction, a newer format and the commit of another program', async () => {
  const lake = await temporaryFolder();
  const log = await openLakeLog(lake);
  for (let number = 0; number < 3; number++) await step(log, number);
  const folder = join(lake, '_delta_log');
  const damaged = (message: string): object => ({
    code: 'EVENTS_LAKE_DAMAGED',
    message: expect.stringContaining(message) as string,
  });
  await writeFile(join(folder, nameOf(4)), JSON.stringify({ commitInfo: { timestamp: 1, operation: 'VACUUM' } }));
  await expect(readLakeState(lake)).rejects.toMatchObject({
    ...damaged('another program has written version 4'),
    remedy: expect.stringContaining('Stop the other program') as string,
  });
  await rm(join(folder, nameOf(4)));
  await rm(join(folder, nameOf(2)));
  await expect(readLakeState(lake)).rejects.toMatchObject(damaged('transaction 2 is missing'));
  const created = await readFile(join(folder, nameOf(0)), 'utf8');
  await writeFile(join(folder, nameOf(0)), created.replace('"facet"]', '"facet","rowTracking"]'));
  await expect(readLakeState(lake)).rejects.toMatchObject({
    ...damaged('rowTracking'),
    remedy: expect.stringMatching(/^Upgrade Facet/) as string,
  });
});

it.each([
  '../keys.yaml',
  '/etc/passwd',
  'dt=2024-01-15/../../x.parquet',
  '_delta_log/1.parquet',
  'dt=2024-01-15/a/b.parquet',
  'dt=2024-01-15/..%2Fx.parquet',
])('refuses the path %s, which does not name a file of the lake', async (path) => {
  const lake = await temporaryFolder();
  const log = await openLakeLog(lake);
  for (let number = 0; number < 3; number++) await step(log, number);
  const record = join(lake, '_delta_log', nameOf(3));
  const text = await readFile(record, 'utf8');
  for (const action of ['add', 'remove']) {
    const line = text.split('\n').find((each) => each.startsWith(`{"${action}"`))!;
    const damaged = JSON.parse(line) as Record<string, object>;
    damaged[action] = { ...damaged[action], path };
    await writeFile(record, text.replace(line, JSON.stringify(damaged)));
    await expect(readLakeState(lake)).rejects.toMatchObject({ code: 'EVENTS_LAKE_DAMAGED' });
  }
  await writeFile(record, text);
  expect(await readLakeState(lake)).toEqual(log.state);
});
