/** @module-tag full */
import { execFile } from 'node:child_process';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { readFacetConfig } from '@facet/config';
import { changeRecords, openLakeWriter } from '@facet/lake';
import { createLogger, dayMs } from '@facet/platform';
import { forTest } from '@facet/testing';
import { expect, it, onTestFinished } from 'vitest';
import { createStageContext } from '@facet/stages';
import { executeRun } from '../src/execution/execute-run.ts';
import { requestRun } from '@facet/runs';
import { startDeltaWatcher } from '../src/index.ts';
import { createShopHome, daysOpen, lastDay, opening } from './shop-home.ts';

it('publishes the first interactions with an item of the bundle', async () => {
  const { buy, outcomes, lines } = await watchDeltas('cold');
  await expect.poll(() => outcomes, { timeout: 60_000 }).toEqual(['same']);
  await buy();
  await expect.poll(() => outcomes, { timeout: 60_000 }).toEqual(['same', 'changed']);
  expect(lines).toMatchObject([{ added: 0, withdrawn: 0, chosen: 1 }]);
});

it('starts no process for interactions if all items have some', { tags: 'full' }, async () => {
  const { buy, writeItem, outcomes } = await watchDeltas('thing0');
  await expect.poll(() => outcomes, { timeout: 60_000 }).toEqual(['same']);
  let processes = 0;
  const count = (): void => void processes++;
  subscribe('child_process', count);
  onTestFinished(() => void unsubscribe('child_process', count));
  await buy();
  // The watcher compares every 10 ms.
  await sleep(500);
  expect(processes).toBe(0);
  await writeItem('second title');
  await expect.poll(() => outcomes, { timeout: 60_000 }).toEqual(['same', 'changed']);
});

/** Watches a promoted bundle of the shop, whose catalog has a single item. */
async function watchDeltas(itemId: string) {
  const { folder, paths, configFile, store, runs } = await createShopHome();
  const writeItem = (title: string, at?: number) =>
    changeRecords(
      'items',
      paths.catalogFolder,
      new Map([[itemId, { itemId, title, attributes: { kind: 'tea' } }]]),
      at,
    );
  // Received before the refreshed day ends, so that the bundle contains it and the first comparison finds no change.
  await rm(paths.catalogFolder, { recursive: true });
  await writeItem('first title', opening);
  const now = (): number => opening + (daysOpen + 1) * dayMs;
  const { report } = await requestRun(
    { runs, store, schedule: { timeZone: 'UTC' }, now },
    { day: lastDay, requestedBy: 'test' },
  );
  const context = createStageContext(paths, await readFacetConfig(configFile));
  expect((await executeRun(context, report.run, { runs, now })).state).toBe('promoted');
  const watched = startWatcher('info', { home: folder, configFile, everyMs: 10, lakeEveryMs: 10 });
  const buy = async (): Promise<void> => {
    const writer = forTest(await openLakeWriter(paths.lakeFolder));
    const times = { occurredAt: now(), receivedAt: now() };
    const event = { eventId: 'first', type: 'purchase', userId: 'person1', itemId, ...times };
    writer.add('first-0', [{ offset: 0, event }], 1);
    await writer.commit();
  };
  return { buy, writeItem, ...watched };
}

/** Starts a watcher for the test. Returns its log lines and outcomes so far. */
function startWatcher(level: 'info' | 'warn', settings: Parameters<typeof startDeltaWatcher>[1]) {
  const lines: unknown[] = [];
  const outcomes: string[] = [];
  const logger = createLogger({
    name: 'test',
    level,
    destination: { write: (line) => void lines.push(JSON.parse(line)) },
  });
  forTest(startDeltaWatcher({ logger, onResult: (outcome) => outcomes.push(outcome) }, settings));
  return { lines, outcomes };
}

it('ends a delta process that hangs, and tries again', { tags: 'full' }, async () => {
  const { folder, store } = await createShopHome();
  await store.promote(await store.put('bundle', async () => undefined, {}));
  // Reading a pipe without a writer never ends.
  const configFile = join(folder, 'pipe.yaml');
  await promisify(execFile)('mkfifo', [configFile]);
  const { lines, outcomes } = startWatcher('warn', { home: folder, configFile, everyMs: 10, childMsMax: 6_000 });
  await expect.poll(() => outcomes, { timeout: 90_000 }).toEqual(['failed', 'failed']);
  expect(lines[0]).toMatchObject({
    problem: { code: 'REFRESH_DELTA_TIMED_OUT', message: 'The delta process was not finished after 0.1 min.' },
  });
});
