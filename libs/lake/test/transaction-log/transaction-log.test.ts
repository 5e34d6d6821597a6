import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { temporaryFolder } from '@facet/testing';
import { noErasureKey } from '../../src/transaction-log/erasure-key.ts';
import { parseLakeState, serializeLakeState } from '../../src/transaction-log/state.ts';
import { openTransactionLog, readLakeState } from '../../src/transaction-log/transaction-log.ts';
import type { TransactionLog } from '../../src/transaction-log/transaction-log.ts';

const inTwoHours = (): number => Date.now() + 7_200_000;

/** Commits a transaction with every kind of change. */
async function step(log: TransactionLog, number: number): Promise<void> {
  await log.refresh();
  const { version } = log.state;
  const file = { rows: 1, bytes: 1, receivedFrom: 0, receivedTo: 0, anonymous: 0, identifies: 0, sources: {} };
  await log.commit({
    add: [{ ...file, path: `dt=2024-01-15/file-${version + 1}.parquet` }],
    remove: number % 3 === 2 ? [`dt=2024-01-15/file-${version}.parquet`] : [],
    offsets: { 'a-0': { from: log.state.offsets.get('a-0') ?? 0, to: (log.state.offsets.get('a-0') ?? 0) + 1 } },
    intake: [{ day: '2024-01-15', producer: 'web', outcome: 'accepted', field: '', reason: '', count: 2 }],
    erasures: [{ erasureId: `e${number % 5}`, userHash: '', sessionHashes: [], requestedAt: 0, requestedBy: 'test' }],
  });
}

const recordsIn = async (lake: string): Promise<string[]> =>
  (await readdir(join(lake, '_log'))).filter((name) => !name.includes('checkpoint')).sort();
const checkpointsIn = async (lake: string): Promise<string[]> =>
  (await readdir(join(lake, '_log'))).filter((name) => name.includes('checkpoint')).sort();

it('is one history for all writers and readers', async () => {
  const lake = await temporaryFolder();
  const [one, two] = [await openTransactionLog(lake), await openTransactionLog(lake)];
  for (let number = 0; number < 70; number++) await step(number % 2 === 0 ? one : two, number);
  await Promise.all([one, two].map(async (log) => log.refresh()));
  expect(one.state).toMatchObject({ version: 70, offsets: new Map([['a-0', 70]]) });
  expect(one.state.intake.size).toBe(1);
  expect([...one.state.intake.values()][0]).toMatchObject({ count: 140 });
  expect(one.state.erasures.size).toBe(5);
  expect(serializeLakeState(two.state)).toBe(serializeLakeState(one.state));
  expect(serializeLakeState(await readLakeState(lake))).toBe(serializeLakeState(one.state));
  expect(await checkpointsIn(lake)).toEqual(
    [32, 64].map((version) => `${String(version).padStart(20, '0')}.checkpoint.json`),
  );
});

it('prunes transactions of a checkpoint after the grace period, and lets late readers catch up', async () => {
  const lake = await temporaryFolder();
  const behind = await openTransactionLog(lake);
  await step(behind, 0);
  const log = await openTransactionLog(lake, { now: inTwoHours });
  for (let number = 1; number < 66; number++) await step(log, number);
  expect(await recordsIn(lake)).toEqual(['00000000000000000065.json', '00000000000000000066.json']);
  expect(await checkpointsIn(lake)).toHaveLength(1);
  await step(behind, 66);
  expect(behind.state.version).toBe(67);
  expect(serializeLakeState(await readLakeState(lake))).toBe(serializeLakeState(behind.state));
});

it.each([40, 64])(
  'refuses transaction %i of a process that was suspended until its version was pruned',
  async (version) => {
    const lake = await temporaryFolder();
    const zombie = await openTransactionLog(lake);
    const log = await openTransactionLog(lake, { now: inTwoHours });
    while (log.state.version < version - 1) await step(log, 0);
    await zombie.refresh();
    while (log.state.version < 66) await step(log, 0);
    expect(await recordsIn(lake)).toHaveLength(2);
    const truth = serializeLakeState(await readLakeState(lake));
    // Simulates a process that was suspended right after a refresh.
    Object.assign(zombie, { refresh: async () => undefined });
    await expect(step(zombie, 0)).rejects.toMatchObject({ code: 'EVENTS_LAKE_SUPERSEDED' });
    expect(serializeLakeState(await readLakeState(lake))).toBe(truth);
    const late = await openTransactionLog(lake);
    await step(late, 0);
    expect(late.state.version).toBe(67);
  },
);

it('refuses conflicting changes', async () => {
  const lake = await temporaryFolder();
  const log = await openTransactionLog(lake);
  await step(log, 0);
  await expect(log.commit({ offsets: { 'a-0': { from: 0, to: 9 } } })).rejects.toMatchObject({
    code: 'EVENTS_LAKE_SUPERSEDED',
    context: { sources: ['a-0'] },
  });
  await expect(log.commit({}, { holder: 'another token' })).rejects.toMatchObject({ code: 'EVENTS_LAKE_BUSY' });
  expect((await readLakeState(lake)).version).toBe(1);
});

it('reports an unknown format and a missing transaction', async () => {
  const lake = await temporaryFolder();
  const log = await openTransactionLog(lake);
  await step(log, 0);
  const record = join(lake, '_log', '00000000000000000003.json');
  await writeFile(record, JSON.stringify({ format: 1, version: 3, id: 'x', parent: 'y', at: 0 }));
  await expect(readLakeState(lake)).rejects.toMatchObject({
    code: 'EVENTS_LAKE_DAMAGED',
    message: expect.stringContaining('missing'),
  });
  const newer = await temporaryFolder();
  await mkdir(join(newer, '_log'));
  await writeFile(join(newer, '_log', '00000000000000000001.json'), JSON.stringify({ format: 2 }));
  await expect(openTransactionLog(newer)).rejects.toMatchObject({
    code: 'EVENTS_LAKE_DAMAGED',
    message: expect.stringContaining('format 2'),
  });
});

it.each([
  '../keys.yaml',
  '/etc/passwd',
  'dt=2024-01-15/../../x.parquet',
  '_log/1.parquet',
  'dt=2024-01-15/a/b.parquet',
])('refuses the path %s, which does not name a file of the lake', async (path) => {
  const lake = await temporaryFolder();
  await step(await openTransactionLog(lake), 0);
  const [record] = await recordsIn(lake);
  const file = join(lake, '_log', record!);
  const transaction = JSON.parse(await readFile(file, 'utf8'));
  const state = JSON.parse(serializeLakeState(await readLakeState(lake)));
  for (const damaged of [{ add: [{ ...transaction.add[0], path }] }, { remove: [path] }, { deleted: [path] }]) {
    await writeFile(file, JSON.stringify({ ...transaction, ...damaged }));
    await expect(readLakeState(lake)).rejects.toMatchObject({ code: 'EVENTS_LAKE_DAMAGED' });
  }
  for (const damaged of [{ files: [{ ...state.files[0], path }] }, { removed: { [path]: 1 } }]) {
    expect(() => parseLakeState(JSON.stringify({ ...state, ...damaged }), noErasureKey)).toThrow(
      'the checkpoint is damaged',
    );
  }
});
