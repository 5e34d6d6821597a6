import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { readFacetConfig } from '@facet/config';
import { openLakeWriter } from '@facet/lake';
import { createStageContext } from '@facet/stages';
import { executeRun, executeStage } from '../src/execution/execute-run.ts';
import type { StageContext } from '@facet/stages';
import { cancelRun, requestRun, shiftDay } from '@facet/runs';
import type { RunReport, RunStore } from '@facet/runs';
import { dayMs } from '@facet/platform';
import { expect, onTestFinished, test, vi } from 'vitest';
import { createShopHome, daysOpen, lastDay, opening } from './shop-home.ts';
import type { ShopHome } from './shop-home.ts';

const now = (): number => opening + (daysOpen + 1) * dayMs;
const schedule = { timeZone: 'UTC' };

async function contextOf({ configFile, paths }: ShopHome): Promise<StageContext> {
  return createStageContext(paths, await readFacetConfig(configFile));
}

/** Requests and executes the refresh of the day `daysLater` days after the last one. */
async function refresh(home: ShopHome, daysLater: number): Promise<RunReport> {
  const later = (): number => now() + daysLater * dayMs;
  const asked = { day: shiftDay(lastDay, daysLater), requestedBy: 'test' };
  const { report } = await requestRun({ ...home, schedule, now: later }, asked);
  return executeRun(await contextOf(home), report.run, { runs: home.runs, now: later });
}

/** Records the erasure of a user. */
async function addErasure(lakeFolder: string): Promise<void> {
  const writer = await openLakeWriter(lakeFolder);
  const erasure = { erasureId: 'erasure', userHash: 'a'.repeat(64), sessionHashes: [] };
  writer.addErasure({ ...erasure, requestedAt: now(), requestedBy: 'test' });
  await writer.commit();
  await writer.close();
}

test.each([false, true])(
  'ends as promoted after a kill between the promotion and its record (forced: %s)',
  { tags: 'full' },
  async (isForced) => {
    const home = await createShopHome();
    const { paths, runs, store } = home;
    const context = await contextOf(home);
    const asked = { day: lastDay, isForced, requestedBy: 'test' };
    const { report } = await requestRun({ runs, store, schedule, now }, asked);
    const promoted = await executeRun(context, report.run, { runs, now });
    expect(promoted.state).toBe('promoted');
    const { bundleId, start, promotion } = promoted.stages.at(-1)!.outputs!;
    await rm(join(paths.runsFolder, lastDay, 'promote.json'));

    const again = await executeRun(context, report.run, { runs, now });
    // The run must neither compare its data with its own bundle, which is now current, nor start from it.
    expect(again.state).toBe('promoted');
    expect(again.stages.at(-1)!.outputs).toMatchObject({ bundleId, start, promotion });
    expect((await store.readRef('current'))?.id).toBe(bundleId);
  },
);

test(
  'prunes the datasets of skipped days, and does not skip after a change of the rules',
  { tags: 'full' },
  async () => {
    const home = await createShopHome();
    const small = await readFile(home.configFile, 'utf8');
    // Training chooses one interest of at most four.
    const settings = `${small.replace('interests: 2', 'interestGainMin: 1')}artifacts: { keep: 3 }\n`;
    await writeFile(home.configFile, settings);
    expect((await refresh(home, 0)).state).toBe('promoted');
    const { datasetId } = (await home.runs.read(lastDay)).stages[0]!.outputs!;
    for (let day = 1; day <= 4; day++) expect((await refresh(home, day)).state).toBe('skipped');
    const kept = (await home.store.list('dataset')).map(({ ref }) => ref.id);
    // The newest three, and the dataset of the current bundle.
    expect(kept).toHaveLength(4);
    expect(kept).toContain(datasetId);

    await writeFile(
      home.configFile,
      settings.replace('{ positives: purchase }', '{ positives: purchase, rareItems: { minUsers: 2 } }'),
    );
    expect((await refresh(home, 5)).state).toBe('promoted');
  },
);

test('skips a day without news unless a setting of the stages or the erasures changed', { tags: 'full' }, async () => {
  const home = await createShopHome();
  const { runs, store, paths } = home;
  expect((await refresh(home, 0)).state).toBe('promoted');
  const settings = await readFile(home.configFile, 'utf8');
  const later = (): number => now() + dayMs;
  const isSkipped = async (changed = settings): Promise<boolean> => {
    await writeFile(home.configFile, changed);
    const run = { day: shiftDay(lastDay, 1), requestedBy: 'test' };
    const { report } = await requestRun({ runs, store, schedule, now: later }, run);
    const task = { run: report.run, stage: 'dataset', outputs: {} } as const;
    const { output } = await executeStage(await contextOf(home), task, { runs });
    await cancelRun(home, report.run.runId, { reason: 'a test' });
    return output.skipped !== undefined;
  };
  expect(await isSkipped()).toBe(true);
  for (const [before, after] of [
    ['epochs: 1', 'epochs: 2'],
    ['testDays: 7', 'testDays: 6'],
    ['gate:', 'index: { recallMin: 0.9 }\ngate:'],
    ['gate:', 'popularity: { windowDays: [3] }\ngate:'],
  ] as const) {
    expect(await isSkipped(settings.replace(before, after)), after).toBe(false);
  }
  expect(await isSkipped(`${settings}artifacts: { keep: 7 }\n`)).toBe(true);
  await addErasure(paths.lakeFolder);
  expect(await isSkipped()).toBe(false);
});

test('refreshes although the dataset of the current bundle has an earlier format', { tags: 'full' }, async () => {
  const home = await createShopHome();
  const { runs } = home;
  expect((await refresh(home, 0)).state).toBe('promoted');
  const { datasetId } = (await runs.read(lastDay)).stages[0]!.outputs!;
  const context = await contextOf(home);
  const open: StageContext['store']['open'] = async (ref, options) => {
    const artifact = await context.store.open(ref, options);
    if (ref.id !== datasetId) return artifact;
    return { ...artifact, manifest: { ...artifact.manifest, metadata: { formatVersion: 1 } } };
  };
  const later = (): number => now() + dayMs;
  const asked = { day: shiftDay(lastDay, 1), requestedBy: 'test' };
  const { report } = await requestRun({ ...home, schedule, now: later }, asked);
  const earlierFormat = { ...context, store: { ...context.store, open } };
  expect((await executeRun(earlierFormat, report.run, { runs, now: later })).state).toBe('promoted');
});

test('a canceled run that had no fence does not take the day from its successor', { tags: 'full' }, async () => {
  const home = await createShopHome();
  const { runs, store } = home;
  const context = await contextOf(home);
  const asked = { day: lastDay, requestedBy: 'test' };
  const requested = { cut: { occurredBefore: now(), receivedBefore: now() }, isForced: false, isFull: false };
  // As by a request that was killed before it fenced the day.
  const { report } = await runs.findOrCreate({ ...asked, ...requested, place: 'here', requestedAt: now() });
  await cancelRun(home, lastDay, { reason: 'a test' });
  const { report: successor } = await requestRun({ runs, store, schedule, now }, asked);
  expect(successor.run.runId).toBe(`${lastDay}-2`);
  // The process of the canceled run notices the cancellation later.
  const late = executeStage(context, { run: report.run, stage: 'dataset', outputs: {} }, { runs });
  await expect(late).rejects.toMatchObject({
    code: 'PROMOTION_SUPERSEDED',
    message: expect.stringContaining('canceled'),
  });
  expect((await executeRun(context, successor.run, { runs, now })).state).toBe('promoted');
});

test.each(['canceled', 'promoted'])(
  'a day with a %s run can run again after the folder of the runs was lost',
  { tags: 'full' },
  async (end) => {
    const home = await createShopHome();
    const { paths, runs, store } = home;
    const asked = { day: lastDay, requestedBy: 'test' };
    const { report } = await requestRun({ runs, store, schedule, now }, asked);
    if (end === 'canceled') await cancelRun(home, lastDay, { reason: 'a test' });
    else expect((await executeRun(await contextOf(home), report.run, { runs, now })).state).toBe('promoted');
    await rm(paths.runsFolder, { recursive: true });
    const { report: next } = await requestRun({ runs, store, schedule, now }, { ...asked, isForced: true });
    expect(next.run.runId).toBe(`${lastDay}-2`);
    expect((await executeRun(await contextOf(home), next.run, { runs, now })).state).toBe('promoted');
    expect((await store.promotions()).at(-1)).toMatchObject({ kind: 'promote', run: { runId: `${lastDay}-2` } });
  },
);

test('a request completes the cancellation of a run whose store does not know it, and creates the next run', async () => {
  const home = await createShopHome();
  const { runs, store } = home;
  const asked = { day: lastDay, requestedBy: 'test' };
  await requestRun({ runs, store, schedule, now }, asked);
  // As by a cancellation that was killed after it changed the promotion log.
  await store.cancel({ runId: lastDay, day: lastDay }, { reason: 'a test' });
  const { report } = await requestRun({ runs, store, schedule, now }, asked);
  expect(report.run.runId).toBe(`${lastDay}-2`);
  expect(await runs.read(lastDay)).toMatchObject({ state: 'canceled', reason: 'a test' });
});

test.each([
  ['before it starts', true],
  ['in its first stage', false],
])('a run ends as canceled if the cancellation ended after it changed the promotion log, %s', async (_, isBefore) => {
  const home = await createShopHome();
  const { runs, store } = home;
  const { report } = await requestRun({ runs, store, schedule, now }, { day: lastDay, requestedBy: 'test' });
  const cancel = async (): Promise<unknown> => store.cancel({ runId: lastDay, day: lastDay }, { reason: 'a test' });
  if (isBefore) await cancel();
  const canceledWithin: RunStore = {
    ...runs,
    async write(runId, record) {
      await runs.write(runId, record);
      if (record.state === 'running') await cancel();
    },
  };
  const ended = await executeRun(await contextOf(home), report.run, { runs: canceledWithin, now });
  expect(ended).toMatchObject({ state: 'canceled', reason: 'a test' });
  expect(ended.stages).toHaveLength(1);
});

test('shows that a process is executing the run', async () => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
  onTestFinished(() => void vi.useRealTimers());
  const home = await createShopHome();
  const { runs, store } = home;
  const { report } = await requestRun({ runs, store, schedule, now }, { day: lastDay, requestedBy: 'test' });
  const touches: number[] = [];
  const watched: RunStore = {
    ...runs,
    async write(runId, record) {
      await runs.write(runId, record);
      if (record.state === 'running') await cancelRun(home, runId, { reason: 'a test' });
      vi.advanceTimersByTime(60_000);
    },
    touch: async (_, at) => void touches.push(at),
  };
  await executeRun(await contextOf(home), report.run, { runs: watched, now });
  const { length } = touches;
  expect(touches).toEqual(Array.from({ length }, now));
  expect(length).toBeGreaterThan(3);
  vi.advanceTimersByTime(60_000);
  expect(touches).toHaveLength(length);
});

test('a run that is canceled in its last stage does not promote', { tags: 'full' }, async () => {
  const home = await createShopHome();
  const { runs, store } = home;
  const { report } = await requestRun({ runs, store, schedule, now }, { day: lastDay, requestedBy: 'test' });
  const canceledWithin: RunStore = {
    ...runs,
    async write(runId, record) {
      await runs.write(runId, record);
      if (record.stage === 'promote' && record.state === 'running') {
        await cancelRun(home, runId, { reason: 'too late?' });
      }
    },
  };
  const ended = await executeRun(await contextOf(home), report.run, { runs: canceledWithin, now });
  expect(ended).toMatchObject({ state: 'canceled', reason: 'too late?' });
  expect(ended.stages.at(-1)).toMatchObject({ stage: 'promote', problem: { code: 'PROMOTION_SUPERSEDED' } });
  expect(await store.readRef('current')).toBeUndefined();
});

test('does not cancel a run that has promoted but has not recorded it', { tags: 'full' }, async () => {
  const home = await createShopHome();
  const { runs, store } = home;
  const { report } = await requestRun({ runs, store, schedule, now }, { day: lastDay, requestedBy: 'test' });
  let canceled: RunReport | undefined;
  const canceledAfter: RunStore = {
    ...runs,
    async write(runId, record) {
      if (record.stage === 'promote' && record.state === 'finished') {
        canceled = await cancelRun(home, runId, { reason: 'too late' });
      }
      await runs.write(runId, record);
    },
  };
  const ended = await executeRun(await contextOf(home), report.run, { runs: canceledAfter, now });
  expect([canceled?.state, ended.state]).toEqual(['promoted', 'promoted']);
  expect(await runs.isCanceled(lastDay)).toBe(false);
});

test(
  'refreshes a day again after the gate rejected its bundle for too few users, if the lake has new events',
  { tags: 'full' },
  async () => {
    const home = await createShopHome();
    // The shop has twenty people.
    const settings = (await readFile(home.configFile, 'utf8')).replace('usersMin: 5', 'usersMin: 21');
    await writeFile(home.configFile, settings);
    const rejected = await refresh(home, 0);
    expect(rejected).toMatchObject({ state: 'rejected', reason: expect.stringContaining('at least 21 are required') });
    expect(rejected.stages.at(-1)!.outputs).toMatchObject({ hasTooFewUsers: true });
    await writeFile(home.configFile, settings.replace('usersMin: 21', 'usersMin: 5'));
    const asked = { day: lastDay, requestedBy: 'test' };
    const deps = { ...home, lakeFolder: home.paths.lakeFolder, schedule, now };
    expect(await requestRun(deps, asked)).toMatchObject({ isNew: false, report: { state: 'rejected' } });
    await home.addDay(daysOpen);
    const { report } = await requestRun(deps, asked);
    const promoted = await executeRun(await contextOf(home), report.run, { runs: home.runs, now });
    expect(promoted).toMatchObject({ run: { runId: `${lastDay}-2` }, state: 'promoted' });
    expect(promoted.stages.at(-1)!.outputs).toMatchObject({ hasTooFewUsers: false });
  },
);

test('prunes rejected bundles, but keeps the bundles of experiments', async () => {
  const home = await createShopHome();
  const { runs, store } = home;
  const { report } = await requestRun({ runs, store, schedule, now }, { day: lastDay, requestedBy: 'test' });
  for (let number = 0; number < 9; number++) await store.put('bundle', async () => undefined, { number });
  const stored = await store.list('bundle');
  const newest = stored[0];
  const [running, over, longOver] = stored.slice(-3).map(({ ref }) => ref.id);
  const day = (daysAgo: number): string => new Date(Date.now() - daysAgo * dayMs).toISOString().slice(0, 10);
  const experiment = (name: string, bundle: string, from: number, to: number): string =>
    `  - { name: ${name}, from: ${day(from)}, to: ${day(to)}, arms: { control: {}, other: { bundle: ${bundle} } } }\n`;
  const experiments = [
    experiment('running', running!, 10, -2),
    // Its recorded responses can still be replayed.
    experiment('over', over!, 30, 20),
    experiment('long-over', longOver!, 50, 40),
  ];
  await writeFile(
    home.configFile,
    `${await readFile(home.configFile, 'utf8')}exposures: { retentionDays: 30 }\nexperiments:\n${experiments.join('')}`,
  );
  const outputs = { bundleId: newest!.ref.id, incumbentId: null, verdict: 'reject' as const };
  const result = await executeStage(await contextOf(home), { run: report.run, stage: 'promote', outputs }, { runs });
  expect(result.output).toEqual(outputs);
  const kept = (await store.list('bundle')).map(({ ref }) => ref.id);
  expect(kept).toHaveLength(5 + 2);
  expect(kept).toEqual(expect.arrayContaining([running, over]));
});
