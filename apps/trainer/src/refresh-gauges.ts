import { changesCurrent } from '@facet/artifacts';
import type { ArtifactStore } from '@facet/artifacts';
import { toProblem } from '@facet/runs';
import type { RefreshSchedule, RunStore } from '@facet/runs';
import type { Logger } from '@facet/platform';
import type { RefreshQueue, Scheduler } from '@facet/refresh';
import { Gauge } from 'prom-client';
import type { GaugeConfiguration, Registry } from 'prom-client';
import { readRefreshes, secondsOverdue } from './refreshes/schedule-routes.ts';

export interface GaugeDeps {
  readonly runs: RunStore;
  readonly store: ArtifactStore;
  readonly queue: RefreshQueue;
  readonly scheduler: Scheduler;
  readonly schedule: RefreshSchedule;
  readonly logger: Logger;
  /** The clock in epoch milliseconds. */
  readonly now: () => number;
}

/**
 * Registers the gauges that show when refreshes have stopped. The gauge of overdue refreshes depends only on the promotion log and
 * the records of runs, so it works during an outage of Redis, of the schedule or of a worker. A gauge that cannot be read is logged and
 * has no value, so that the other metrics are still reported.
 */
export function addRefreshGauges(registry: Registry, deps: GaugeDeps): void {
  const { runs, store, queue, scheduler, schedule, now, logger } = deps;
  const startedAt = now();
  const read = shareWhilePending(() => readRefreshes(runs, store));
  function addGauge<Label extends string>(config: GaugeConfiguration<Label>): void {
    new Gauge({
      ...config,
      registers: [registry],
      async collect() {
        try {
          await config.collect?.call(this);
        } catch (error) {
          this.reset();
          // A gauge without labels is 0 after a reset.
          this.remove({});
          logger.warn({ metric: config.name, problem: toProblem(error) }, 'cannot read a metric');
        }
      },
    });
  }
  addGauge({
    name: 'facet_refresh_overdue_seconds',
    help: 'Seconds since a newer bundle should have been promoted; 0 while there is time.',
    async collect() {
      this.set(secondsOverdue(await read(), { schedule, startedAt, now: now() }));
    },
  });
  addGauge({
    name: 'facet_refresh_last_promotion_timestamp_seconds',
    help: 'Time of the last promotion or rollback, in seconds since the epoch; 0 before the first one.',
    async collect() {
      const { promotions } = await read();
      const moved = promotions.filter(changesCurrent);
      this.set((moved.at(-1)?.at ?? 0) / 1000);
    },
  });
  addGauge({
    name: 'facet_refresh_runs',
    help: 'The newest hundred runs, by state.',
    labelNames: ['state'] as const,
    async collect() {
      const { reports } = await read();
      this.reset();
      for (const { state } of reports) this.inc({ state });
    },
  });
  addGauge({
    name: 'facet_refresh_scheduler_holder',
    help: '1 in the process that maintains the schedule; the sum over all trainers should be 1.',
    collect() {
      this.set(scheduler.isHolder ? 1 : 0);
    },
  });
  addGauge({
    name: 'facet_refresh_queue_jobs',
    help: 'Jobs in the queue, by worker and state; none during an outage of Redis.',
    labelNames: ['worker', 'state'] as const,
    async collect() {
      this.reset();
      const counts = await queue.counts().catch(() => undefined);
      for (const [worker, states] of Object.entries(counts ?? {})) {
        for (const [state, count] of Object.entries(states)) this.set({ worker, state }, count);
      }
    },
  });
}

/** Returns the pending result to concurrent callers, because a scrape collects all gauges concurrently. */
function shareWhilePending<Result>(make: () => Promise<Result>): () => Promise<Result> {
  let pending: Promise<Result> | undefined;
  return () => (pending ??= make().finally(() => (pending = undefined)));
}
