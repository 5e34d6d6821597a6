import { mkdir, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { createFolderArtifactStore } from '@facet/artifacts';
import { createRunStore, requestRun } from '@facet/runs';
import { temporaryFolder } from '@facet/testing';
import { Registry } from 'prom-client';
import { expect, test } from 'vitest';
import { addRefreshGauges } from '../src/refresh-gauges.ts';
import type { GaugeDeps } from '../src/refresh-gauges.ts';

const schedule = {
  cron: '30 2 * * *',
  timeZone: 'UTC',
  promoteWithinHours: 6,
  catchUp: 'newest',
} as const;
const day = '2026-01-31';

test('counts a refresh with a rejected bundle as overdue until an operator promotes it', async () => {
  const folder = await temporaryFolder();
  const store = createFolderArtifactStore(join(folder, 'artifacts'));
  const runs = createRunStore(join(folder, 'runs'));
  let time = Date.parse('2026-02-01T02:00:00Z');
  const now = (): number => time;
  const registry = new Registry();
  const deps = { runs, store, schedule, now, scheduler: { isHolder: true }, queue: { counts: async () => ({}) } };
  addRefreshGauges(registry, deps as unknown as GaugeDeps);
  const overdue = async (): Promise<number | undefined> =>
    (await registry.getSingleMetric('facet_refresh_overdue_seconds')!.get()).values[0]?.value;

  const { report } = await requestRun({ runs, store, schedule, now }, { day, requestedBy: 'schedule' });
  const bundle = await store.put('bundle', async () => undefined, {});
  const outputs = { bundleId: bundle.id, verdict: 'reject', reasons: ['It is worse.'] } as const;
  await runs.write(report.run.runId, { stage: 'promote', state: 'finished', attempt: 1, startedAt: 1, outputs });
  time = Date.parse('2026-02-01T09:30:00Z');
  // Due at 02:30, with six hours to promote.
  expect(await overdue()).toBe(3_600);

  await store.promote(bundle, { by: 'a person', reason: 'it is as it should be' });
  expect(await overdue()).toBe(0);
});

test('leaves out the gauges that it cannot read, and reports the others', async () => {
  const folder = await temporaryFolder();
  const store = createFolderArtifactStore(join(folder, 'artifacts'));
  // Instead of the folder of the promotion log.
  await mkdir(join(folder, 'artifacts'));
  await symlink('promotions', join(folder, 'artifacts', 'promotions'));
  const runs = createRunStore(join(folder, 'runs'));
  const registry = new Registry();
  const logged: unknown[] = [];
  const logger = { warn: (facts: unknown) => logged.push(facts) };
  const queue = { counts: async () => ({ trainer: { waiting: 2 } }) };
  const deps = { runs, store, schedule, now: Date.now, scheduler: { isHolder: true }, queue, logger };
  addRefreshGauges(registry, deps as unknown as GaugeDeps);
  const lines = (await registry.metrics()).split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  expect(lines).toEqual([
    'facet_refresh_scheduler_holder 1',
    'facet_refresh_queue_jobs{worker="trainer",state="waiting"} 2',
  ]);
  expect(logged).toHaveLength(3);
  expect(logged[0]).toMatchObject({ metric: 'facet_refresh_overdue_seconds', problem: { code: 'ELOOP' } });
});
