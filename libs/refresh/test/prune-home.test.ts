import { mkdir, readdir, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { homePaths } from '@facet/config/home-paths';
import { FacetConfig } from '@facet/config';
import { dayMs, parseWith, utcDay } from '@facet/platform';
import { temporaryFolder } from '@facet/testing';
import { expect, onTestFinished, test, vi } from 'vitest';
import { createStageContext } from '@facet/stages';
import { executeStage } from '../src/execution/execute-run.ts';
import { pruneHome } from '../src/execution/prune-home.ts';
import { createRunStore } from '@facet/runs';

/** Writes a file as a run at `time` does. */
async function writeAt(time: number, folder: string, name: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, name), '{}');
  await utimes(join(folder, name), time / 1000, time / 1000);
  await utimes(folder, time / 1000, time / 1000);
}

test(
  '100 daily runs that fail leave what 30 days write, and the runs of stored bundles',
  { tags: 'full', timeout: 60_000 },
  async () => {
    const home = homePaths(await temporaryFolder());
    const config = parseWith(FacetConfig, { artifacts: { keep: 3, keepDays: 30 } }, { source: 'settings' });
    const context = createStageContext(home, config);
    const runs = createRunStore(home.runsFolder);
    // Before the clock of the disk, which dates the artifacts.
    const start = Date.parse('2021-01-01');
    let firstBundle = '';
    vi.useFakeTimers({ toFake: ['Date'] });
    onTestFinished(() => void vi.useRealTimers());
    for (let n = 0; n < 100; n++) {
      const now = start + n * dayMs;
      const day = utcDay(now);
      const cut = { occurredBefore: now, receivedBefore: now };
      vi.setSystemTime(now);
      const { report } = await runs.findOrCreate({
        day,
        cut,
        isForced: false,
        isFull: false,
        place: 'queue',
        requestedBy: 'test',
        requestedAt: now,
      });
      // To save time, only every fifth run executes a stage and stores artifacts. The stage fails quickly, because the lake is empty.
      // No run reaches its end.
      const isFull = n < 5 || n % 5 === 4;
      const put = async (kind: string): Promise<string> =>
        (await context.store.put(kind, (folder) => writeFile(join(folder, 'n'), String(n)), {})).id;
      if (isFull) {
        const failed = executeStage(context, { run: report.run, stage: 'dataset', outputs: {} }, { runs });
        await expect(failed).rejects.toThrow();
        for (const kind of ['dataset', 'model']) await put(kind);
      }
      // No bundle after the fifth becomes current.
      const bundleId = isFull ? await put('bundle') : `unbuilt-${n}`;
      if (n < 5) await context.store.promote({ kind: 'bundle', id: bundleId });
      if (n === 4) firstBundle = bundleId;
      const outputs = { bundleId, verdict: 'reject' as const };
      await runs.write(day, { stage: 'gate', state: 'finished', attempt: 1, startedAt: now, endedAt: now, outputs });
      for (const name of await readdir(join(home.runsFolder, day))) {
        await writeTime(now, join(home.runsFolder, day, name));
      }
      await writeTime(now, join(home.runsFolder, day));
      await writeAt(now, home.gatesFolder, `${bundleId}.json`);
      await writeAt(now, home.stagesFolder, `train-${n}.json`);
      await writeAt(now, join(home.checkpointsFolder, `canceled-${n}`), 'progress.json');
      await writeAt(now, join(home.benchmarksFolder, 'rows'), `${n}.json`);
      await writeAt(now, join(home.benchmarksFolder, `table-${n}`), 'table.md');
      await writeAt(now, home.healthFolder, `${day}.json`);
    }
    const kept = await readdir(home.runsFolder);
    expect(kept).toContain('2021-01-05');
    expect(kept).toContain('2021-04-10');
    expect(kept.length).toBeLessThanOrEqual(34);
    expect(await readdir(home.gatesFolder)).toContain(`${firstBundle}.json`);
    for (const folder of [
      home.gatesFolder,
      home.stagesFolder,
      home.checkpointsFolder,
      home.healthFolder,
      home.benchmarksFolder,
      join(home.benchmarksFolder, 'rows'),
    ]) {
      const names = await readdir(folder);
      expect(names.length).toBeGreaterThanOrEqual(30);
      expect(names.length).toBeLessThanOrEqual(34);
    }
    for (const kind of ['dataset', 'model']) expect(await context.store.list(kind)).toHaveLength(4);
    expect(await context.store.list('bundle')).toHaveLength(6);
    // Never pruned: a fence for each of the 24 runs that execute a stage, and the five promotions.
    expect(await readdir(join(home.artifactsFolder, 'promotions'))).toHaveLength(24 + 5);
  },
);

test('the run of the last full training is kept, which decides when the next one is due', async () => {
  const home = homePaths(await temporaryFolder());
  const context = createStageContext(home, parseWith(FacetConfig, {}, { source: 'settings' }));
  const runs = createRunStore(home.runsFolder);
  const start = Date.parse('2026-01-01');
  for (const [n, kind] of (['full', 'full', 'warm'] as const).entries()) {
    const now = start + n * dayMs;
    const day = utcDay(now);
    const cut = { occurredBefore: now, receivedBefore: now };
    const request = { isForced: false, isFull: false, place: 'queue', requestedBy: 'test', requestedAt: now } as const;
    await runs.findOrCreate({ day, cut, ...request });
    const ended = { state: 'finished', attempt: 1, startedAt: now, endedAt: now } as const;
    await runs.write(day, { stage: 'promote', ...ended, outputs: { start: kind, verdict: 'pass' } });
  }
  await pruneHome(context, Date.now() + 1_000 * dayMs);
  expect(await readdir(home.runsFolder)).toEqual(['2026-01-02']);
});

async function writeTime(time: number, path: string): Promise<void> {
  await utimes(path, time / 1000, time / 1000);
}
