import type { ArtifactStore, PromotionRecord } from '@facet/artifacts';
import { overdueSeconds } from '@facet/pipeline/runs';
import type { RefreshSchedule, RunReport, RunStore } from '@facet/pipeline/runs';
import { runsLookedAt } from '@facet/refresh';
import type { RefreshQueue, Scheduler } from '@facet/refresh';
import { Gauge } from 'prom-client';
import type { Registry } from 'prom-client';

export interface GaugeDeps {
  readonly runs: RunStore;
  readonly store: ArtifactStore;
  readonly queue: RefreshQueue;
  readonly scheduler: Scheduler;
  readonly schedule: RefreshSchedule;
  /** The clock in epoch milliseconds. */
  readonly now: () => number;
}

/**
 * What tells that refreshes have stopped. The first of them reads the disk only: the promotion log and the records of runs. So
 * it counts also when Redis, the schedule in it, or the worker is what has stopped.
 */
export function addRefreshGauges(registry: Registry, deps: GaugeDeps): void {
  const { runs, store, queue, scheduler, schedule, now } = deps;
  const startedAt = now();
  const registers = [registry];
  const read = shareWhilePending(() => readRefreshes(runs, store));
  new Gauge({
    name: 'facet_refresh_overdue_seconds',
    help: 'Time since a newer bundle should have been promoted; 0 while there is time.',
    registers,
    async collect() {
      const refreshes = await read();
      const since = Math.min(startedAt, ...refreshes.reports.map(({ run }) => run.requestedAt));
      this.set(overdueSeconds(now(), schedule, { completed: newestCompleted(refreshes), since }));
    },
  });
  new Gauge({
    name: 'facet_refresh_last_promotion_timestamp_seconds',
    help: 'When a bundle was made current last, in seconds since the epoch; 0 when none ever was.',
    registers,
    async collect() {
      const { promotions } = await read();
      const moved = promotions.filter(({ kind }) => kind !== 'fence');
      this.set((moved.at(-1)?.at ?? 0) / 1000);
    },
  });
  new Gauge({
    name: 'facet_refresh_runs',
    help: 'The newest hundred runs, by what became of them.',
    labelNames: ['state'] as const,
    registers,
    async collect() {
      const { reports } = await read();
      this.reset();
      for (const { state } of reports) this.inc({ state });
    },
  });
  new Gauge({
    name: 'facet_refresh_scheduler_holder',
    help: '1 in the process that looks after the schedule; the sum over all trainers should be 1.',
    registers,
    collect() {
      this.set(scheduler.isHolder ? 1 : 0);
    },
  });
  new Gauge({
    name: 'facet_refresh_queue_jobs',
    help: 'Jobs in the queue, by worker and state; none while Redis does not answer.',
    labelNames: ['worker', 'state'] as const,
    registers,
    async collect() {
      this.reset();
      const counts = await queue.counts().catch(() => undefined);
      for (const [worker, states] of Object.entries(counts ?? {})) {
        for (const [state, count] of Object.entries(states)) this.set({ worker, state }, count);
      }
    },
  });
}

interface Refreshes {
  /** The newest first. */
  readonly reports: readonly RunReport[];
  /** Oldest first. */
  readonly promotions: readonly PromotionRecord[];
}

async function readRefreshes(runs: RunStore, store: ArtifactStore): Promise<Refreshes> {
  const [reports, promotions] = await Promise.all([runs.list({ limit: runsLookedAt }), store.promotions()]);
  return { reports, promotions };
}

/** Whoever asks while an answer is being made gets the same one, as the gauges of a scrape do: they are collected at once. */
function shareWhilePending<Answer>(make: () => Promise<Answer>): () => Promise<Answer> {
  let pending: Promise<Answer> | undefined;
  return () => (pending ??= make().finally(() => (pending = undefined)));
}

/** The newest day of which a bundle was promoted, or whose run found nothing new. */
function newestCompleted({ promotions, reports }: Refreshes): string | undefined {
  const promoted = promotions.flatMap(({ kind, ref, run }) => {
    // A person who promotes what the gate rejected names no run, but the bundle is of one.
    const day = run?.day ?? reports.find(({ stages }) => bundleOf(stages) === ref?.id)?.run.day;
    return kind === 'promote' && day !== undefined ? [day] : [];
  });
  const skipped = reports.filter(({ state }) => state === 'skipped').map(({ run }) => run.day);
  return [...promoted, ...skipped].sort().at(-1);
}

function bundleOf(stages: RunReport['stages']): string | undefined {
  return stages.findLast(({ outputs }) => outputs?.bundleId !== undefined)?.outputs?.bundleId;
}
