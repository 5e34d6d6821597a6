import { writeFile, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { openFileEventLog } from '@facet/event-log';
import { sinkLog } from '@facet/lake';
import { readFacetConfig } from '@facet/config';
import { createStageContext } from '@facet/stages';
import { executeRun, executeStage } from '../src/execution/execute-run.ts';
import { traceLineage } from '../src/execution/trace-lineage.ts';
import { requestRun, runStage, shiftDay } from '@facet/runs';
import type { RefreshRequest, RunReport } from '@facet/runs';
import { dayMs } from '@facet/platform';
import { expect, test } from 'vitest';
import { createShopHome, daysOpen, lastDay, opening } from './shop-home.ts';
import type { ShopHome } from './shop-home.ts';

const timeout = 120_000;

/** Judges from ten events on, because the shop sells about thirteen things a day. */
const dataHealth = 'dataHealth: { eventsMin: 10 }\n';

async function createJudgedShop(settings = dataHealth): Promise<ShopHome> {
  const home = await createShopHome();
  await writeFile(home.configFile, `${await readFile(home.configFile, 'utf8')}${settings}`);
  return home;
}

/** Adds a day on which one person buys one known item, or `count` unknown items. */
async function addOddDay({ paths }: ShopHome, day: number, count = 1): Promise<void> {
  const log = await openFileEventLog(paths.logFolder);
  const occurredAt = opening + day * dayMs + 3_600_000;
  await log.append(
    Array.from({ length: count }, (_, number) => ({
      eventId: `odd-${day}-${number}`,
      type: 'purchase',
      userId: `person${number}`,
      itemId: count === 1 ? 'thing1' : `unknown${number}`,
      occurredAt: occurredAt + number,
      receivedAt: occurredAt + number,
    })),
  );
  await sinkLog(log, paths.lakeFolder);
  await log.close();
}

type Asked = Omit<RefreshRequest, 'requestedBy'>;

/** Requests a refresh of the day with this number, two hours after its end. */
async function request(home: ShopHome, day: number, asked: Asked) {
  const now = (): number => opening + (day + 1) * dayMs + 7_200_000;
  const { report } = await requestRun(
    { ...home, schedule: { timeZone: 'UTC' }, now },
    { day: shiftDay(lastDay, day - daysOpen + 1), requestedBy: 'test', ...asked },
  );
  const context = createStageContext(home.paths, await readFacetConfig(home.configFile));
  return { run: report.run, context, now };
}

async function refresh(home: ShopHome, day: number, asked: Asked = {}): Promise<RunReport> {
  const { run, context, now } = await request(home, day, asked);
  return executeRun(context, run, { runs: home.runs, now });
}

/** Executes only the first stage of a refresh. Returns the bad days that the run accepts. */
async function buildDataset(home: ShopHome, day: number, asked: Asked = {}): Promise<readonly string[] | undefined> {
  const { runs } = home;
  const { run, context, now } = await request(home, day, asked);
  const stage = 'dataset';
  const result = await runStage(
    { runs, now },
    { runId: run.runId, stage },
    { execute: () => executeStage(context, { run, stage, outputs: {} }, { runs }), willRetry: () => false },
  );
  // The next request of the day creates another run.
  await runs.cancel(run.runId, 'the dataset is enough');
  return result!.output.badDays;
}

test(
  'a bad day stops the refresh of that day and of the next, until a run accepts it with a reason',
  { timeout },
  async () => {
    const home = await createJudgedShop();
    await buildDataset(home, daysOpen - 1);
    const badDay = shiftDay(lastDay, 1);
    await addOddDay(home, daysOpen);
    await expect(buildDataset(home, daysOpen)).rejects.toMatchObject({
      code: 'REFRESH_DATA_BAD',
      category: 'input',
      retryable: false,
      message: expect.stringMatching(
        new RegExp(`^The data is bad\\. ${badDay}: 0\\.0\\d+ times the mean .* \\(volume-low\\)\\.$`),
      ),
      remedy: expect.stringContaining(`facet refresh --day ${badDay} --accept-bad-data "REASON"`),
    });
    expect(await home.runs.read(badDay)).toMatchObject({
      state: 'failed',
      stages: [{ stage: 'dataset', state: 'failed', problem: { code: 'REFRESH_DATA_BAD' } }],
    });

    await home.addDay(daysOpen + 1);
    await expect(buildDataset(home, daysOpen + 1)).rejects.toMatchObject({ message: expect.stringContaining(badDay) });
    const accepted = await refresh(home, daysOpen + 1, { acceptedBadData: 'public holiday' });
    expect(accepted.state).toBe('promoted');
    expect(accepted.run.acceptedBadData).toBe('public holiday');
    const { badDays, bundleId } = accepted.stages.at(-1)!.outputs!;
    expect(badDays).toEqual([expect.stringMatching(new RegExp(`^${badDay}: .*volume-low`))]);
    const { dataset } = await traceLineage(bundleId!, { home: home.paths, store: home.store });
    expect(dataset?.acceptedBadData).toEqual({ runId: accepted.run.runId, reason: 'public holiday', days: badDays });

    await home.addDay(daysOpen + 2);
    expect(await buildDataset(home, daysOpen + 2)).toBeUndefined();
  },
);

test('bad days do not stop a refresh without dataHealth.blockRefresh', { timeout }, async () => {
  const home = await createJudgedShop('dataHealth: { eventsMin: 10, blockRefresh: false }\n');
  await buildDataset(home, daysOpen - 1);
  await addOddDay(home, daysOpen);
  expect(await buildDataset(home, daysOpen)).toBeUndefined();
});

test(
  'the first refresh, and a volume after a week with a closed day, are not judged',
  { tags: 'full', timeout },
  async () => {
    const home = await createJudgedShop();
    // No refresh has read this day, and it is the first one.
    await addOddDay(home, daysOpen);
    expect(await buildDataset(home, daysOpen)).toBeUndefined();
    // A closed day, and then a day with one event.
    await addOddDay(home, daysOpen + 2);
    await expect(buildDataset(home, daysOpen + 2)).rejects.toMatchObject({ code: 'REFRESH_DATA_BAD' });
    expect(await buildDataset(home, daysOpen + 2, { acceptedBadData: 'closed' })).toHaveLength(1);
    await addOddDay(home, daysOpen + 3);
    expect(await buildDataset(home, daysOpen + 3)).toBeUndefined();
  },
);

test(
  'a check that the last accepted day failed, too, does not stop the refresh',
  { tags: 'full', timeout },
  async () => {
    const home = await createJudgedShop();
    await buildDataset(home, daysOpen - 1);
    await addOddDay(home, daysOpen, 20);
    await expect(buildDataset(home, daysOpen)).rejects.toMatchObject({
      message: expect.stringContaining('(unknown-items)'),
    });
    expect(await buildDataset(home, daysOpen, { acceptedBadData: 'the catalog follows' })).toHaveLength(1);
    await addOddDay(home, daysOpen + 1, 20);
    expect(await buildDataset(home, daysOpen + 1)).toBeUndefined();
    // A day with too few events for the check does not count as healthy.
    await addOddDay(home, daysOpen + 2);
    expect(await buildDataset(home, daysOpen + 2, { acceptedBadData: 'closed' })).toHaveLength(1);
    await addOddDay(home, daysOpen + 3, 20);
    expect(await buildDataset(home, daysOpen + 3)).toBeUndefined();
  },
);

test(
  'a check that no earlier day had enough events for does not stop the refresh',
  { tags: 'full', timeout },
  async () => {
    const home = await createJudgedShop('dataHealth: { eventsMin: 15 }\n');
    await buildDataset(home, daysOpen - 1);
    await addOddDay(home, daysOpen, 20);
    expect(await buildDataset(home, daysOpen)).toBeUndefined();
  },
);

test('a refused refresh leaves no more datasets than artifacts.keep', { timeout }, async () => {
  const home = await createJudgedShop(`${dataHealth}artifacts: { keep: 3 }\n`);
  await buildDataset(home, daysOpen - 1);
  for (const name of ['a', 'b', 'c']) {
    await home.store.put('dataset', (folder) => writeFile(join(folder, name), ''), {});
  }
  await addOddDay(home, daysOpen);
  await expect(buildDataset(home, daysOpen)).rejects.toMatchObject({ code: 'REFRESH_DATA_BAD' });
  expect(await home.store.list('dataset')).toHaveLength(3);
});

test('days without news skip the refresh instead of stopping it', { tags: 'full', timeout }, async () => {
  const home = await createJudgedShop();
  expect((await refresh(home, daysOpen - 1)).state).toBe('promoted');
  expect((await refresh(home, daysOpen)).state).toBe('skipped');
});
