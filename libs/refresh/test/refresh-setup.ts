import { setTimeout as sleep } from 'node:timers/promises';
import { hasEnded } from '@facet/runs';
import type { RunReport } from '@facet/runs';
import { createLogger, dayMs } from '@facet/platform';
import { forTest } from '@facet/testing';
import { openRefreshQueue, startStageWorker } from '../src/index.ts';
import type { RefreshQueue } from '../src/index.ts';
import type { WorkerName } from '../src/queue/flow.ts';
import type { StageWorker } from '../src/queue/job-worker.ts';
import { createShopHome, daysOpen, opening } from './shop-home.ts';
import type { ShopHome, ShopSettings } from './shop-home.ts';

export const logger = createLogger({ name: 'test', level: 'silent' });
let prefixes = 0;

export interface RefreshSetup {
  readonly home: ShopHome;
  readonly queue: RefreshQueue;
  readonly redisUrl: string;
  readonly prefix: string;
  start(name: WorkerName, options?: { readonly lockMs?: number }): StageWorker;
  /** Waits until the run has ended. */
  ended(runId: string): Promise<RunReport>;
}

/** A home with dedicated queues in a Redis. */
export async function createRefreshSetup(redisUrl: string, settings?: ShopSettings): Promise<RefreshSetup> {
  const home = await createShopHome(settings);
  const { runs, folder, configFile } = home;
  const prefix = `test${++prefixes}`;
  const now = (): number => opening + (daysOpen + 1) * dayMs;
  const queue = forTest(
    openRefreshQueue(
      { ...home, schedule: { timeZone: 'UTC' }, now, attempts: 2, backoffMs: 100 },
      { redisUrl, prefix },
    ),
  );
  return {
    home,
    queue,
    redisUrl,
    prefix,
    start(name, { lockMs = 2_000 } = {}) {
      return forTest(
        startStageWorker({ runs, logger, now: Date.now }, { redisUrl, prefix, name, home: folder, configFile, lockMs }),
      );
    },
    async ended(runId) {
      for (;;) {
        const report = await runs.read(runId);
        if (hasEnded(report)) return report;
        await sleep(50);
      }
    },
  };
}
