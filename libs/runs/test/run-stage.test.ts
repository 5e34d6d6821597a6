import { setTimeout as sleep } from 'node:timers/promises';
import { isAppError } from '@facet/platform';
import { temporaryFolder } from '@facet/testing';
import { expect, test } from 'vitest';
import { runStage } from '../src/run-stage.ts';
import { createRunStore } from '../src/run-store.ts';
import type { RunStore } from '../src/run-store.ts';

const day = '2026-01-31';
const about = { runId: day, stage: 'dataset' as const };
const result = { output: { datasetId: 'd' }, isReused: false };
const now = (): number => 10;
const willRetry = (): boolean => false;

async function createRun(): Promise<RunStore> {
  const runs = createRunStore(await temporaryFolder());
  const cut = { occurredBefore: 1, receivedBefore: 1 };
  await runs.findOrCreate({
    day,
    cut,
    isForced: false,
    isFull: false,
    place: 'here',
    requestedBy: 'test',
    requestedAt: 1,
  });
  return runs;
}

test('records the stage after a kill as the next attempt', async () => {
  const runs = await createRun();
  let time = 10;
  await runs.write(day, { stage: 'dataset', state: 'running', attempt: 1, startedAt: 1 });
  await runStage({ runs, now: () => time++ }, about, { execute: async () => result, willRetry });
  expect((await runs.read(day)).stages).toEqual([
    {
      stage: 'dataset',
      state: 'finished',
      attempt: 2,
      startedAt: 10,
      endedAt: 11,
      outputs: { datasetId: 'd' },
      isReused: false,
    },
  ]);
});

test('records why a stage failed, and whether it is retried', async () => {
  const runs = await createRun();
  const broken = new Error('no more disks');
  const execute = async (): Promise<never> => Promise.reject(broken);
  const failing = runStage({ runs, now }, about, { execute, willRetry: (error) => error === broken });
  await expect(failing).rejects.toBe(broken);
  const problem = { code: 'UNEXPECTED', message: 'no more disks' };
  expect(await runs.read(day)).toMatchObject({ state: 'running', stages: [{ problem, willRetry: true }] });
});

test('stops the work when the run is canceled', async () => {
  const runs = await createRun();
  const execute = async (signal: AbortSignal): Promise<never> => {
    await runs.cancel(day, 'a test');
    await sleep(60_000, undefined, { signal });
    throw new Error('the signal was not aborted');
  };
  const stopped = await runStage({ runs, now }, about, { execute, willRetry }).catch((error: unknown) => error);
  expect(isAppError((stopped as Error).cause, 'REFRESH_CANCELED')).toBe(true);
  expect(await runs.read(day)).toMatchObject({ state: 'canceled', reason: 'a test' });
});

test('does nothing if the run has ended, unless it failed', async () => {
  const runs = await createRun();
  const executed: string[] = [];
  const execute = (name: string) => async () => {
    executed.push(name);
    return result;
  };
  await runs.write(day, { stage: 'dataset', state: 'failed', attempt: 1, startedAt: 1 });
  expect(await runStage({ runs, now }, about, { execute: execute('failed'), willRetry })).toEqual(result);
  await runs.cancel(day, 'a test');
  expect(await runStage({ runs, now }, about, { execute: execute('canceled'), willRetry })).toBeUndefined();
  expect(executed).toEqual(['failed']);
});
