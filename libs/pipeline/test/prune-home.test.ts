import { mkdir, readdir, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { homePaths } from '@facet/config/home-paths';
import { FacetConfig } from '@facet/config';
import { dayMs, parseWith, utcDay } from '@facet/platform';
import { temporaryFolder } from '@facet/testing';
import { expect, test } from 'vitest';
import { createStageContext } from '../src/context/stage-context.ts';
import { pruneHome } from '../src/execution/prune-home.ts';
import { createRunStore } from '../src/runs/index.ts';

/** Writes a file as a run at `time` does. */
async function writeAt(time: number, folder: string, name: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, name), '{}');
  await utimes(join(folder, name), time / 1000, time / 1000);
  await utimes(folder, time / 1000, time / 1000);
}

test(
  'a year of daily runs leaves what 30 days write, and the runs of stored bundles',
  { timeout: 120_000 },
  async () => {
    const home = homePaths(await temporaryFolder());
    const config = parseWith(FacetConfig, { artifacts: { keep: 3, keepDays: 30 } }, { source: 'settings' });
    const context = createStageContext(home, config);
    const runs = createRunStore(home.runsFolder);
    const start = Date.parse('2026-01-01');
    let firstBundle = '';
    for (let n = 0; n < 365; n++) {
      const now = start + n * dayMs;
      const day = utcDay(now);
      const cut = { occurredBefore: now, receivedBefore: now };
      await runs.findOrCreate({
        day,
        cut,
        isForced: false,
        isFull: false,
        place: 'queue',
        requestedBy: 'test',
        requestedAt: now,
      });
      // Every run after the fifth is rejected, so its bundle never becomes current.
      const { id: bundleId } = await context.store.put(
        'bundle',
        (folder) => writeFile(join(folder, 'n'), String(n)),
        {},
      );
      if (n < 5) await context.store.promote({ kind: 'bundle', id: bundleId });
      if (n === 4) firstBundle = bundleId;
      const outputs = { bundleId, verdict: 'reject' as const };
      await runs.write(day, { stage: 'gate', state: 'finished', attempt: 1, startedAt: now, endedAt: now, outputs });
      for (const name of ['run', 'gate']) await writeTime(now, join(home.runsFolder, day, `${name}.json`));
      await writeTime(now, join(home.runsFolder, day));
      await writeAt(now, home.gatesFolder, `${bundleId}.json`);
      await writeAt(now, home.stagesFolder, `train-${n}.json`);
      await writeAt(now, join(home.checkpointsFolder, `cancelled-${n}`), 'progress.json');
      await writeAt(now, join(home.benchmarksFolder, 'rows'), `${n}.json`);
      if (n % 5 === 4) await pruneHome(context, now);
    }
    const kept = await readdir(home.runsFolder);
    expect(kept).toContain('2026-01-05');
    expect(kept).toContain('2026-12-31');
    expect(kept.length).toBeLessThanOrEqual(34);
    expect(await readdir(home.gatesFolder)).toContain(`${firstBundle}.json`);
    for (const folder of [
      home.gatesFolder,
      home.stagesFolder,
      home.checkpointsFolder,
      join(home.benchmarksFolder, 'rows'),
    ]) {
      const names = await readdir(folder);
      expect(names.length).toBeGreaterThanOrEqual(30);
      expect(names.length).toBeLessThanOrEqual(34);
    }
    expect(await context.store.list('bundle')).toHaveLength(5);
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
