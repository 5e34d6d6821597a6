import { execFile } from 'node:child_process';
import { readdirSync, rmSync } from 'node:fs';
import { readdir, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { homePaths } from '@facet/config';
import { orderTable, parsePositiveClauses } from '@facet/features';
import { compactLake, openLakeSnapshot, readInteractions, readInteractionsOnSpark } from '@facet/lake';
import type { LakeInteractions, LakeSnapshot, LakeWindow } from '@facet/lake';
import { startS3, startSpark } from '@facet/local-services';
import type { LocalSpark } from '@facet/local-services';
import { pathExists } from '@facet/platform';
import type { Event } from '@facet/schemas';
import { forTest, temporaryFolder } from '@facet/testing';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { createStageContext } from '@facet/stages';
import { executeStage } from '../src/execution/execute-run.ts';
import type { StageContext } from '@facet/stages';
import type { StageTask } from '../src/execution/execute-run.ts';
import { createRunStore, requestRun } from '@facet/runs';
import {
  addToLake,
  anyEvents,
  everybody,
  lakeOf,
  monday,
  closing,
  shopConfig,
  shopEvents,
} from '@facet/stages/testing';

const rules = { positives: parsePositiveClauses('purchase or rating >= 3.5 or click < 0 or view'), bots: everybody };
const hour = 3_600_000;
let spark: LocalSpark;

beforeAll(async () => {
  spark = await startSpark();
}, 1_200_000);
afterAll(() => spark.stop());

/** Returns the interactions in the order of datasets. The engines number sessions differently. */
function ordered({ eventTypes, newest, repeated, bots, ...columns }: LakeInteractions): object {
  const { table } = orderTable(columns, { repeats: 'keep', tieSeed: 1 });
  const numbers = new Map([[0, 0]]);
  const sessions = table.sessions!.map((session) => {
    if (!numbers.has(session)) numbers.set(session, numbers.size);
    return numbers.get(session)!;
  });
  return { table: { ...table, sessions }, eventTypes: [...eventTypes], newest, repeated, bots };
}

/** Reads with both engines. Returns what they have in common. */
async function readWithBoth(
  snapshot: LakeSnapshot,
  window: LakeWindow,
  { chosen = rules, settings = spark.settings } = {},
): Promise<Pick<LakeInteractions, 'userIds' | 'repeated' | 'bots'>> {
  const onDuckDb = await readInteractions(snapshot, window, chosen);
  const shares: number[] = [];
  const onSpark = await readInteractionsOnSpark(snapshot, window, chosen, {
    spark: { ...spark, settings },
    onProgress: (share) => shares.push(share),
  });
  const { userIds, repeated, bots } = onSpark;
  // `orderTable` reuses the arrays.
  expect(ordered(onSpark)).toEqual(ordered(onDuckDb));
  expect([...shares].sort((one, other) => one - other)).toEqual(shares);
  expect(shares.at(-1)).toBe(1);
  expect(await readdir(join(snapshot.lakeFolder, '_tmp'))).toEqual([]);
  return { userIds, repeated, bots };
}

/** Returns events of many people and sessions on three days, with times and ids that collide. */
function randomEvents(seed: number): Event[] {
  return fc.sample(anyEvents, { seed, numRuns: 60 }).flatMap((events, group) =>
    events.map((event) => ({
      ...event,
      eventId: `${group % 30}-${event.eventId}`,
      ...(event.userId === undefined || group % 3 === 0 ? {} : { userId: `${event.userId}-${group % 20}` }),
      ...(event.sessionId === undefined ? {} : { sessionId: `${event.sessionId}-${group % 20}` }),
      occurredAt: event.occurredAt + (group % 7) * 11 * hour,
    })),
  );
}

it('reads the same interactions as DuckDB, with duplicates and sessions', async () => {
  const { repeated, userIds } = await readWithBoth(await openLakeSnapshot(await lakeOf(randomEvents(1))), {});
  expect(repeated).toBeGreaterThan(10);
  expect(userIds.length).toBeGreaterThan(20);
});

it('excludes the same bots', async () => {
  const chosen = { ...rules, bots: { eventsPerDayMax: 4, noSleepHours: 25 } };
  const snapshot = await openLakeSnapshot(await lakeOf(randomEvents(1)));
  const { bots, userIds } = await readWithBoth(snapshot, {}, { chosen });
  expect(bots.users).toBeGreaterThan(0);
  expect(userIds.length).toBeGreaterThan(5);
});

it('reads the same window of an earlier version, whose files a compaction has replaced', async () => {
  const events = randomEvents(2);
  const lake = await lakeOf(events.slice(0, 150), [], events.slice(150));
  const snapshot = await openLakeSnapshot(lake);
  await compactLake(lake);
  expect((await openLakeSnapshot(lake)).files.length).toBeLessThan(snapshot.files.length);
  const window = {
    occurredFrom: monday - 2,
    occurredBefore: monday + 50 * hour,
    receivedBefore: monday + 7,
    offsets: { 'test-0': 250 },
  };
  const { userIds } = await readWithBoth(snapshot, window);
  expect(userIds.length).toBeGreaterThan(10);
});

it('reads the objects of a lake on S3', async () => {
  const s3 = forTest(await startS3());
  for (const [name, value] of Object.entries(s3.env)) vi.stubEnv(name, value);
  const lake = join(await temporaryFolder(), 'lake');
  await s3.writeConfig(lake, 'shop/lake');
  await addToLake(lake, randomEvents(7));
  const settings = {
    ...spark.settings,
    'spark.hadoop.fs.s3a.access.key': s3.env['AWS_ACCESS_KEY_ID']!,
    'spark.hadoop.fs.s3a.secret.key': s3.env['AWS_SECRET_ACCESS_KEY']!,
  };
  const { userIds } = await readWithBoth(await openLakeSnapshot(lake), {}, { settings });
  expect(userIds.length).toBeGreaterThan(20);
  expect(await pathExists(join(s3.folder, 'shop/lake/_tmp'))).toBe(false);
});

it('leaves the reading to DuckDB while an erasure is pending', async () => {
  const erased = await openLakeSnapshot(await lakeOf(randomEvents(3), ['ada', '😀']));
  expect(erased.pendingErasures).toHaveLength(2);
  const expected = ordered(await readInteractions(erased, {}, rules));
  const noSpark = { ...spark, home: '/nowhere' };
  expect(ordered(await readInteractionsOnSpark(erased, {}, rules, { spark: noSpark }))).toEqual(expected);
});

it('reads a window without events', async () => {
  const snapshot = await openLakeSnapshot(await lakeOf(randomEvents(4)));
  const { userIds } = await readWithBoth(snapshot, { occurredFrom: monday + 10, occurredBefore: monday + 11 });
  expect(userIds).toEqual([]);
});

it('reports a failed query and missing results, and deletes its files', async () => {
  const { lakeFolder, ...snapshot } = await openLakeSnapshot(await lakeOf(randomEvents(5)));
  const read = (options: Partial<Parameters<typeof readInteractionsOnSpark>[3]>): Promise<LakeInteractions> =>
    readInteractionsOnSpark({ lakeFolder, ...snapshot }, {}, rules, { spark, ...options });
  const settings = { ...spark.settings, 'spark.sql.shuffle.partitions': 'many' };
  await expect(read({ spark: { ...spark, settings } })).rejects.toMatchObject({
    code: 'EVENTS_SPARK_FAILED',
    message: expect.stringContaining('many'),
  });
  const temporary = join(lakeFolder, '_tmp');
  // A deleted result stands for one that an executor wrote to another disk.
  const loseResult = (share: number): void => {
    if (share === 1) rmSync(join(temporary, readdirSync(temporary)[0]!, 'numbered'), { recursive: true });
  };
  await expect(read({ onProgress: loseResult })).rejects.toMatchObject({ code: 'EVENTS_SPARK_INCOMPLETE' });
  expect(await readdir(temporary)).toEqual([]);
});

it('ends Spark when a signal aborts', async () => {
  const snapshot = await openLakeSnapshot(await lakeOf(randomEvents(6)));
  const canceled = new AbortController();
  const reading = readInteractionsOnSpark(snapshot, {}, rules, {
    spark,
    signal: canceled.signal,
    onProgress: () => canceled.abort(new Error('enough')),
  });
  await expect(reading).rejects.toThrow('enough');
  const { stdout } = await promisify(execFile)('ps', ['-eo', 'args']);
  expect(stdout).not.toContain(snapshot.lakeFolder);
});

it('builds the dataset of a refresh, with the id that DuckDB gives', async () => {
  const home = homePaths(dirname(await lakeOf(shopEvents())));
  const { master, settings } = spark;
  const contextOn = (sparkHome: string): StageContext =>
    createStageContext(home, shopConfig({ dataset: { spark: { master, home: sparkHome, settings } } }));
  const onDuckDb = createStageContext(home, shopConfig());
  const runs = createRunStore(home.runsFolder);
  const deps = { runs, store: onDuckDb.store, schedule: { timeZone: 'UTC' }, now: () => closing };
  const { run } = (await requestRun(deps, { requestedBy: 'test' })).report;
  const task: StageTask = { run, stage: 'dataset', outputs: {} };
  await expect(executeStage(contextOn('/nowhere'), task, { runs })).rejects.toMatchObject({
    code: 'EVENTS_SPARK_MISSING',
  });
  const shares: number[] = [];
  const { output } = await executeStage(contextOn(spark.home), task, {
    runs,
    onProgress: ({ share }) => void shares.push(share),
  });
  expect(shares.length).toBeGreaterThan(5);
  expect([shares[0], shares.at(-1)]).toEqual([0, 1]);
  // Otherwise the stage would reuse the dataset of Spark.
  await rm(home.stagesFolder, { recursive: true });
  expect(await executeStage(onDuckDb, task, { runs })).toEqual({ output, isReused: false });
});
