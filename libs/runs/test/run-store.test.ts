import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createFolderArtifactStore } from '@facet/artifacts';
import { expect, test } from 'vitest';
import { createRunStore } from '../src/run-store.ts';
import { requestRun } from '../src/request-run.ts';
import type { NewRun, RunStore } from '../src/run-store.ts';
import type { RefreshOutputs, RefreshStage, StageRecord } from '../src/run.ts';
import { temporaryFolder } from '@facet/testing';

const day = '2026-01-31';
const asked: NewRun = {
  day,
  cut: { occurredBefore: Date.parse('2026-02-01'), receivedBefore: 1_000 },
  isForced: false,
  isFull: false,
  place: 'queue',
  requestedBy: 'test',
  requestedAt: 1_000,
};

async function finish(runs: RunStore, runId: string, outputs: RefreshOutputs): Promise<void> {
  await runs.write(runId, { stage: 'promote', state: 'finished', attempt: 1, startedAt: 1, endedAt: 2, outputs });
}

async function fail(runs: RunStore, runId: string): Promise<void> {
  await runs.write(runId, { stage: 'dataset', state: 'finished', attempt: 1, startedAt: 0, endedAt: 1, outputs: {} });
  const problem = { code: 'MODEL_DIVERGED', message: 'The loss became NaN.' };
  await runs.write(runId, { stage: 'train', state: 'failed', attempt: 1, startedAt: 1, endedAt: 2, problem });
}

const failedAt = (stage: RefreshStage) => ({ stage, state: 'failed', attempt: 1, startedAt: 1, endedAt: 2 }) as const;

test('creates one run for concurrent requests', async () => {
  const folder = await temporaryFolder();
  const stores = Array.from({ length: 8 }, () => createRunStore(join(folder, 'runs')));
  const requested = await Promise.all(stores.map((runs) => runs.findOrCreate(asked)));
  expect(new Set(requested.map(({ report }) => report.run.runId))).toEqual(new Set([day]));
  expect(requested.filter(({ isNew }) => isNew)).toHaveLength(1);
  expect(await readdir(join(folder, 'runs'))).toEqual([day]);
});

test('creates another run if forced or after a failure, but not while a run is in progress', async () => {
  const runs = createRunStore(await temporaryFolder());
  const idOf = async (request: Partial<NewRun> = {}): Promise<string> =>
    (await runs.findOrCreate({ ...asked, ...request })).report.run.runId;
  expect(await idOf()).toBe(day);
  // In progress.
  expect(await idOf({ isForced: true })).toBe(day);
  await finish(runs, day, { verdict: 'reject', reasons: ['It is worse.'] });
  expect(await idOf()).toBe(day);
  expect(await idOf({ isForced: true })).toBe(`${day}-2`);
  await fail(runs, `${day}-2`);
  expect(await idOf()).toBe(`${day}-3`);
  await runs.cancel(`${day}-3`, 'a mistake');
  expect(await idOf()).toBe(`${day}-4`);
  await finish(runs, `${day}-4`, { verdict: 'reject', reasons: ['It is worse.'] });
  expect(await idOf()).toBe(`${day}-4`);
  expect((await runs.list()).map(({ run, state }) => [run.runId, state])).toEqual([
    [`${day}-4`, 'rejected'],
    [`${day}-3`, 'canceled'],
    [`${day}-2`, 'failed'],
    [day, 'rejected'],
  ]);
});

test('refuses to accept bad data for a run in progress that does not', async () => {
  const runs = createRunStore(await temporaryFolder());
  const accepting = { ...asked, acceptedBadData: 'public holiday' };
  await runs.findOrCreate(asked);
  await expect(runs.findOrCreate(accepting)).rejects.toMatchObject({
    code: 'REFRESH_RUN_UNFINISHED',
    remedy: expect.stringContaining(`facet runs cancel ${day}`),
  });
  await runs.cancel(day, 'bad data');
  expect((await runs.findOrCreate(accepting)).report.run).toMatchObject({ runId: `${day}-2`, ...accepting });
  expect((await runs.findOrCreate(accepting)).isNew).toBe(false);
});

test('reads the same events after a failed run, and all events if forced', async () => {
  const runs = createRunStore(await temporaryFolder());
  const later = { ...asked, cut: { ...asked.cut, receivedBefore: 9_000 }, requestedAt: 9_000 };
  await runs.findOrCreate(asked);
  await runs.pinOffsets(day, { log: 7 });
  await fail(runs, day);
  const { report } = await runs.findOrCreate(later);
  expect(report.run).toMatchObject({ runId: `${day}-2`, cut: asked.cut, requestedAt: 9_000 });
  expect(await runs.pinOffsets(`${day}-2`, { log: 99 })).toEqual({ log: 7 });
  await fail(runs, `${day}-2`);
  const forced = await runs.findOrCreate({ ...later, isForced: true });
  expect(forced.report.run.cut).toEqual(later.cut);
  expect(await runs.pinOffsets(`${day}-3`, { log: 99 })).toEqual({ log: 99 });
});

test.each<[string, StageRecord[]]>([
  ['built no dataset', [{ ...failedAt('dataset'), problem: { code: 'UNEXPECTED', message: 'The process ended.' } }]],
  [
    'had too few events',
    [
      { stage: 'dataset', state: 'finished', attempt: 1, startedAt: 1, outputs: {} },
      { ...failedAt('train'), problem: { code: 'MODEL_NO_EXAMPLES', category: 'input', message: 'No examples.' } },
    ],
  ],
  [
    'was rejected for too few users',
    [
      { stage: 'dataset', state: 'finished', attempt: 1, startedAt: 1, outputs: {} },
      {
        ...{ stage: 'promote', state: 'finished', attempt: 1, startedAt: 1 },
        outputs: { verdict: 'reject', reasons: ['The window has 3 users.'], hasTooFewUsers: true },
      },
    ],
  ],
])('reads all events that are there now after a run that %s', async (_, records) => {
  const runs = createRunStore(await temporaryFolder());
  const later = { ...asked, cut: { ...asked.cut, receivedBefore: 9_000 }, requestedAt: 9_000 };
  await runs.findOrCreate(asked);
  await runs.pinOffsets(day, { log: 7 });
  for (const record of records) await runs.write(day, record);
  const { report } = await runs.findOrCreate(later);
  expect(report.run).toMatchObject({ runId: `${day}-2`, cut: later.cut });
  expect(await runs.pinOffsets(`${day}-2`, { log: 99 })).toEqual({ log: 99 });
});

test('repeats a rejection for too few users until the lake has other events, unless forced', async () => {
  const runs = createRunStore(await temporaryFolder());
  await runs.findOrCreate(asked);
  await runs.pinOffsets(day, { a: 7, b: 2 });
  await finish(runs, day, { verdict: 'reject', reasons: ['The window has 3 users.'], hasTooFewUsers: true });
  const requested = async (offsets: Record<string, number>, isForced = false): Promise<[string, boolean]> => {
    const readOffsets = () => Promise.resolve(offsets);
    const { report, isNew } = await runs.findOrCreate({ ...asked, isForced }, { readOffsets });
    return [report.run.runId, isNew];
  };
  expect(await requested({ b: 2, a: 7 })).toEqual([day, false]);
  expect(await requested({ a: 8, b: 2 })).toEqual([`${day}-2`, true]);
  await runs.pinOffsets(`${day}-2`, { a: 8, b: 2 });
  await finish(runs, `${day}-2`, { verdict: 'reject', hasTooFewUsers: true });
  expect(await requested({ a: 8, b: 2 })).toEqual([`${day}-2`, false]);
  expect(await requested({ a: 8, b: 2 }, true)).toEqual([`${day}-3`, true]);
});

test('numbers ten runs of a day', async () => {
  const runs = createRunStore(await temporaryFolder());
  for (let run = 0; run < 11; run++) {
    const { report } = await runs.findOrCreate(asked);
    await fail(runs, report.run.runId);
  }
  expect((await runs.list()).slice(0, 3).map(({ run }) => run.runId)).toEqual([`${day}-11`, `${day}-10`, `${day}-9`]);
});

test('reports a failure with stage and reason, unless the stage is retried', async () => {
  const runs = createRunStore(await temporaryFolder());
  await runs.findOrCreate(asked);
  const begun = { stage: 'train', attempt: 1, startedAt: 1 } as const;
  const problem = { code: 'REFRESH_CHILD_DIED', message: 'The process ended.' };
  await runs.write(day, { ...begun, state: 'failed', problem, willRetry: true });
  expect((await runs.read(day)).state).toBe('running');
  await runs.write(day, { ...begun, state: 'failed', problem, willRetry: false });
  expect(await runs.read(day)).toMatchObject({ state: 'failed', reason: 'train: The process ended.' });
});

test('does not cancel a run that has ended, and keeps the first reason', async () => {
  const runs = createRunStore(await temporaryFolder());
  await runs.findOrCreate(asked);
  await runs.cancel(day, 'first');
  expect(await runs.cancel(day, 'second')).toMatchObject({ state: 'canceled', reason: 'first' });
  expect(await runs.isCanceled(day)).toBe(true);
  const { report } = await runs.findOrCreate(asked);
  await finish(runs, report.run.runId, { promotion: 3 });
  expect(await runs.cancel(report.run.runId, 'too late')).toMatchObject({ state: 'promoted' });
});

test.each<RefreshOutputs>([{ skipped: 'Nothing is new.' }, { verdict: 'reject', reasons: ['It is worse.'] }])(
  'a run stays canceled when its stage ends later: %j',
  async (outputs) => {
    const runs = createRunStore(await temporaryFolder());
    await runs.findOrCreate(asked);
    await runs.cancel(day, 'a mistake');
    const stage = outputs.skipped === undefined ? 'promote' : 'dataset';
    await runs.write(day, { stage, state: 'finished', attempt: 1, startedAt: 1, endedAt: 2, outputs });
    expect(await runs.read(day)).toMatchObject({ state: 'canceled', reason: 'a mistake' });
  },
);

test('keeps the first offsets of a run', async () => {
  const runs = createRunStore(await temporaryFolder());
  await runs.findOrCreate(asked);
  const pinned = await Promise.all([runs.pinOffsets(day, { a: 1 }), runs.pinOffsets(day, { a: 2 })]);
  expect(pinned[0]).toEqual(pinned[1]);
  expect(await runs.pinOffsets(day, { a: 3 })).toEqual(pinned[0]);
});

test('ignores the files of a killed request and other files', async () => {
  const folder = await temporaryFolder();
  const runs = createRunStore(folder);
  await mkdir(join(folder, `.${day}-1234`));
  await writeFile(join(folder, 'notes.txt'), 'hello');
  expect(await runs.list()).toEqual([]);
  await expect(runs.read('../../etc')).rejects.toMatchObject({ code: 'REFRESH_RUN_UNKNOWN' });
  await expect(runs.read(day)).rejects.toMatchObject({ code: 'REFRESH_RUN_UNKNOWN' });
});

test('reports a damaged stage record as a failure with its file, and permits another run', async () => {
  const folder = await temporaryFolder();
  const runs = createRunStore(folder);
  await runs.findOrCreate(asked);
  await writeFile(join(folder, day, 'train.json'), '{"stage":');
  const report = await runs.read(day);
  expect(report).toMatchObject({ state: 'failed', reason: expect.stringContaining('train.json') });
  expect(report.stages).toMatchObject([{ stage: 'train', problem: { code: 'REFRESH_RUN_DAMAGED' } }]);
  expect(await runs.list()).toEqual([report]);
  expect((await runs.findOrCreate(asked)).report.run.runId).toBe(`${day}-2`);
  // A cancellation does not change a run that has ended.
  await finish(runs, day, { verdict: 'pass' });
  expect((await runs.read(day)).state).toBe('promoted');
});

test('lists other runs in spite of a damaged one, and does not reuse its number', async () => {
  const folder = await temporaryFolder();
  const runs = createRunStore(folder);
  await runs.findOrCreate({ ...asked, day: '2026-01-30' });
  await runs.findOrCreate(asked);
  await writeFile(join(folder, day, 'run.json'), '');
  await expect(runs.read(day)).rejects.toMatchObject({
    code: 'REFRESH_RUN_DAMAGED',
    message: expect.stringContaining('run.json'),
  });
  expect((await runs.list()).map(({ run }) => run.runId)).toEqual(['2026-01-30']);
  expect((await runs.findOrCreate(asked)).report.run.runId).toBe(`${day}-2`);
});

test('reads the cancellation of an earlier version', async () => {
  const folder = await temporaryFolder();
  const runs = createRunStore(folder);
  await runs.findOrCreate(asked);
  expect(await runs.isCanceled(day)).toBe(false);
  await writeFile(join(folder, day, 'cancelled.json'), '{ "reason": "a mistake" }');
  expect(await runs.read(day)).toMatchObject({ state: 'canceled', reason: 'a mistake' });
  expect(await runs.isCanceled(day)).toBe(true);
});

test('treats a damaged cancellation as a cancellation', async () => {
  const folder = await temporaryFolder();
  const runs = createRunStore(folder);
  await runs.findOrCreate(asked);
  await writeFile(join(folder, day, 'canceled.json'), '');
  expect(await runs.read(day)).toMatchObject({ state: 'canceled', reason: expect.stringContaining('canceled.json') });
});

test('fixes the cut of a requested run and fences its day', async () => {
  const folder = await temporaryFolder();
  const store = createFolderArtifactStore(join(folder, 'artifacts'));
  const runs = createRunStore(join(folder, 'runs'));
  const now = Date.parse('2026-02-03T10:00:00Z');
  const deps = { runs, store, schedule: { timeZone: 'Europe/Berlin' }, now: () => now };
  const { report } = await requestRun(deps, { requestedBy: 'test' });
  expect(report.run).toMatchObject({
    runId: '2026-02-02',
    cut: { occurredBefore: Date.parse('2026-02-02T23:00:00Z'), receivedBefore: now },
  });
  expect(await store.promotions()).toMatchObject([{ kind: 'fence', run: { runId: '2026-02-02', day: '2026-02-02' } }]);
  await expect(requestRun(deps, { day: '2026-02-03', requestedBy: 'test' })).rejects.toMatchObject({
    code: 'REFRESH_DAY_NOT_OVER',
  });
  const bundle = await store.put('bundle', async () => undefined, {});
  await store.promote(bundle, { run: { runId: '2026-02-02', day: '2026-02-02' } });
  await expect(requestRun(deps, { day: '2026-02-01', requestedBy: 'test' })).rejects.toMatchObject({
    code: 'REFRESH_DAY_SUPERSEDED',
  });
});
