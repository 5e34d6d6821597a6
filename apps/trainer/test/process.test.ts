import { readdir, readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { runFacetProcess, startFacetProcess, startRedis } from '@facet/local-services';
import type { FacetProcess } from '@facet/local-services';
import { shiftDay } from '@facet/runs';
import type { StageRecord } from '@facet/runs';
import { dayMs } from '@facet/platform';
import { Queue } from 'bullmq';
import { forFile, forTest, serveForTest } from '@facet/testing';
import { expect, it, onTestFinished } from 'vitest';
import { createHome, openShop, shopSettings } from './fixtures.ts';
import type { Home } from './fixtures.ts';

const timeout = 180_000;
const patience = { timeout: 60_000, interval: 50 };

const redis = forFile(await startRedis({ persistent: true }));

async function startTrainer(home: Home, prefix: string, queueUrl = redis.url): Promise<FacetProcess> {
  const trainer = await startFacetProcess({
    app: 'trainer',
    env: {
      FACET_HOME: home.folder,
      FACET_CONFIG: home.configFile,
      FACET_QUEUE_URL: queueUrl,
      FACET_QUEUE_PREFIX: prefix,
      FACET_QUEUE_LOCK_SECONDS: '1',
      FACET_SCHEDULER_SECONDS: '1',
      FACET_INSECURE: 'true',
    },
    probe: '/healthz',
  });
  onTestFinished(() => trainer.kill());
  return trainer;
}

/** Records scheduled runs for these days, so that the schedule requests none. The last day must be the newest that can be due. */
async function recordRuns({ runs }: Home, days: readonly string[]): Promise<void> {
  for (const day of days) {
    const requestedAt = Date.parse(day) + dayMs;
    const cut = { occurredBefore: requestedAt, receivedBefore: requestedAt };
    await runs.findOrCreate({
      day,
      cut,
      isForced: false,
      isFull: false,
      place: 'queue',
      requestedBy: 'schedule',
      requestedAt,
    });
    await runs.cancel(day, 'a test');
  }
}

const today = (): string => new Date().toISOString().slice(0, 10);

async function metric(url: string, name: string): Promise<number> {
  const body = await (await fetch(`${url}/metrics`)).text();
  return Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(body)?.[1]);
}

it('logs why Redis refuses it, and not the password', { tags: 'full', timeout }, async () => {
  const { host } = new URL(redis.url);
  const trainer = await startTrainer(await createHome(), 'refused', `redis://someone:secret-1@${host}`);
  await expect.poll(() => trainer.output, patience).toMatch(/REFRESH_QUEUE_UNREACHABLE.*WRONGPASS/);
  expect(trainer.output).not.toContain('UNEXPECTED');
  expect(trainer.output).not.toContain('secret-1');
  expect((await fetch(`${trainer.url}/readyz`)).status).toBe(503);
});

it(
  'is ready while Redis responds, and reports overdue refreshes during an outage, too',
  { tags: 'full', timeout },
  async () => {
    const home = await createHome();
    // The last scheduled run is ten days old and was canceled.
    await recordRuns(home, [shiftDay(today(), -10), today()]);
    const trainer = await startTrainer(home, 'readiness');
    const { url } = trainer;
    const ready = (): Promise<number> => fetch(`${url}/readyz`).then(({ status }) => status);
    await expect.poll(ready, patience).toBe(200);
    expect(await metric(url, 'facet_refresh_queue_connected')).toBe(1);
    expect(await metric(url, 'facet_refresh_scheduler_holder')).toBe(1);
    await redis.kill();
    await expect.poll(ready, patience).toBe(503);
    expect(await (await fetch(`${url}/readyz`)).json()).toMatchObject({ code: 'NOT_READY' });
    expect((await fetch(`${url}/healthz`)).status).toBe(200);
    const overdue = await metric(url, 'facet_refresh_overdue_seconds');
    expect(overdue).toBeGreaterThan(7 * 86_400);
    await expect.poll(() => metric(url, 'facet_refresh_overdue_seconds'), patience).toBeGreaterThan(overdue);
    expect(await metric(url, 'facet_refresh_queue_connected')).toBe(0);
    await redis.start();
    await expect.poll(ready, patience).toBe(200);
    await expect.poll(() => metric(url, 'facet_refresh_scheduler_holder'), patience).toBe(1);
    expect(await trainer.stop()).toBe(0);
  },
);

/** Returns the ids of the stage processes of a trainer. */
async function stageProcesses({ pid }: FacetProcess): Promise<string[]> {
  const found: string[] = [];
  for (const name of await readdir('/proc')) {
    const command = await readFile(`/proc/${name}/cmdline`, 'utf8').catch(() => '');
    if (/\/child-process\/child\.js\0(\d+)\0$/.exec(command)?.[1] === String(pid)) found.push(name);
  }
  return found;
}

it(
  'continues a training after its trainer stops or is killed, and leaves no process behind',
  { tags: 'full', timeout },
  async () => {
    const home = await createHome(shopSettings);
    await openShop(home);
    const queue = forTest(new Queue('trainer', { connection: { url: redis.url }, prefix: 'shop' }));
    const runId = async (): Promise<string | undefined> => (await home.runs.list())[0]?.run.runId;
    const recordOf = async (stage: string): Promise<StageRecord | undefined> =>
      (await home.runs.list())[0]?.stages.find((record) => record.stage === stage);
    const trained = async (): Promise<unknown> => (await queue.getJob(`${await runId()}-train`))?.progress;

    // The trainer requests the due day automatically.
    const first = await startTrainer(home, 'shop');
    await expect.poll(trained, patience).toMatchObject({ detail: expect.stringMatching(/epoch/) });
    expect((await stageProcesses(first)).length).toBe(1);

    // On SIGTERM it returns the job.
    expect(await first.stop()).toBe(0);
    expect(await stageProcesses(first)).toEqual([]);
    const job = await queue.getJob(`${await runId()}-train`);
    expect([await job?.getState(), job?.attemptsMade]).toEqual(['waiting', 0]);
    expect(await recordOf('train')).toMatchObject({ state: 'failed', willRetry: true });

    // After SIGKILL it leaves no process behind.
    const second = await startTrainer(home, 'shop');
    await expect.poll(() => stageProcesses(second), patience).toHaveLength(1);
    await second.kill();
    await expect.poll(() => stageProcesses(second), { timeout: 5_000, interval: 50 }).toEqual([]);

    const third = await startTrainer(home, 'shop');
    await expect.poll(() => recordOf('train'), patience).toMatchObject({ state: 'finished' });
    expect((await queue.getJob(`${await runId()}-train`))?.attemptsMade).toBeLessThanOrEqual(1);
    const { modelId } = (await recordOf('train'))!.outputs!;
    await home.store.open({ kind: 'model', id: modelId! });

    // The API shows the curves of the model and traces it to the lake.
    const read = async (path: string) => (await fetch(`${third.url}${path}`)).json();
    const training = (await read(`/v1/models/${modelId}/training`)) as { epochs: Record<string, unknown>[] };
    expect(training).toMatchObject({ modelId, start: 'full', startedFrom: null, bestEpoch: expect.any(Number) });
    // The settings fix K, so the training compares only labels.
    expect(training).toMatchObject({
      interests: 2,
      labels: expect.stringMatching(/^(?:window|share)$/),
      fitScores: [
        { interests: 2, labels: 'window', score: expect.any(Number) },
        { interests: 2, labels: 'share', score: expect.any(Number) },
      ],
    });
    const fit = training.epochs.filter(({ phase }) => phase === 'fit');
    expect(fit.map(({ epoch }) => epoch)).toEqual(fit.map((_, index) => index + 1));
    for (const epoch of fit) expect(epoch).toMatchObject({ loss: expect.any(Number), recall: expect.any(Number) });
    const { datasetId } = (await recordOf('dataset'))!.outputs!;
    expect(await read(`/v1/lineage/${modelId}`)).toMatchObject({
      bundle: null,
      model: { id: modelId, isGone: false, startedFrom: null },
      dataset: { id: datasetId, isGone: false, counts: { users: 60 } },
      lake: { files: expect.arrayContaining([expect.objectContaining({ isGone: false })]) },
    });
    expect(await read(`/v1/lineage/${'0'.repeat(32)}`)).toMatchObject({ statusCode: 404, code: 'ARTIFACT_NOT_FOUND' });
  },
);

const run = (environment: Record<string, string>, args: readonly string[] = []) =>
  runFacetProcess('trainer', args, { FACET_QUEUE_URL: redis.url, ...environment });

it('reports why it cannot start, and exits', { tags: 'full', timeout }, async () => {
  const { port } = new URL(await serveForTest(createServer()));
  const [home, misconfigured] = [await createHome(), await createHome('refresh: { cron: daily }\n')];
  const homeOf = ({ folder, configFile }: Home) => ({ FACET_HOME: folder, FACET_CONFIG: configFile });
  const insecure = { FACET_INSECURE: 'true' };
  const [wrong, unscheduled, keyless, portless, helped] = await Promise.all([
    run({ FACET_PORT: '80800', FACET_QUEUE_URL: 'http://redis', FACET_INSECURE: 'yes' }),
    run({ ...homeOf(misconfigured), ...insecure }),
    run(homeOf(home)),
    run({ ...homeOf(home), ...insecure, FACET_PORT: port }),
    run({}, ['--help']),
  ]);
  expect(wrong.errors).toContain('CONFIG_INVALID');
  for (const name of ['FACET_PORT', 'FACET_QUEUE_URL', 'FACET_INSECURE']) expect(wrong.errors).toContain(name);
  expect(unscheduled.errors).toContain('refresh.cron');
  expect(keyless.errors).toContain('HTTP_KEYS_MISSING');
  expect(portless.errors).toContain('HTTP_ADDRESS_UNUSABLE');
  expect(helped.output).toContain('FACET_QUEUE_LOCK_SECONDS');
  expect([wrong, unscheduled, keyless, portless, helped].map(({ code }) => code)).toEqual([2, 2, 2, 5, 0]);
});
