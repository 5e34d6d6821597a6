import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { createStageContext, readFacetConfig, runRefresh } from '@facet/pipeline';
import { requestRun } from '@facet/pipeline/refresh';
import { expect, test } from 'vitest';
import { createShopHome, daysOpen, dayMs, lastDay, opening } from './shop-home.ts';

const now = (): number => opening + (daysOpen + 1) * dayMs;

test.each([false, true])(
  'a run that was killed between its promotion and the word of it ends as promoted (forced: %s)',
  { timeout: 60_000 },
  async (isForced) => {
    const { configFile, paths, runs, store } = await createShopHome();
    const context = createStageContext(paths, await readFacetConfig(configFile));
    const asked = { day: lastDay, isForced, requestedBy: 'test' };
    const { report } = await requestRun({ runs, store, schedule: { timeZone: 'UTC' }, now }, asked);
    const promoted = await runRefresh(context, report.run, { runs, now });
    expect(promoted.state).toBe('promoted');
    const { bundleId, start, promotion } = promoted.stages.at(-1)!.outputs!;
    await rm(join(paths.runsFolder, lastDay, 'promote.json'));

    const again = await runRefresh(context, report.run, { runs, now });
    // Its own bundle is current by now: that is nothing to compare its data with, or to start from.
    expect(again.state).toBe('promoted');
    expect(again.stages.at(-1)!.outputs).toMatchObject({ bundleId, start, promotion });
    expect((await store.readRef('current'))?.id).toBe(bundleId);
  },
);
