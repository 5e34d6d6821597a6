import { createHttpMetrics } from '@facet/http';
import type { HttpMetrics } from '@facet/http';
import { refreshStages } from '@facet/pipeline/runs';
import type { RefreshStage } from '@facet/pipeline/runs';
import { Counter, Gauge, Histogram } from 'prom-client';
import { workerOf } from '../queue/flow.ts';
import type { WorkerName } from '../queue/flow.ts';

export interface WorkerMetrics extends HttpMetrics {
  observeStage(stage: RefreshStage, outcome: 'finished' | 'failed', seconds: number): void;
}

/** From a reused stage to a training of eight hours. */
const stageBuckets = [1, 5, 15, 60, 300, 900, 1_800, 3_600, 3 * 3_600, 8 * 3_600];

/** @param isConnected whether the worker can take jobs */
export function createWorkerMetrics(name: WorkerName, isConnected: () => boolean): WorkerMetrics {
  const http = createHttpMetrics();
  const registers = [http.registry];
  const durations = new Histogram({
    name: 'facet_refresh_stage_duration_seconds',
    help: 'Duration of a stage, by outcome.',
    labelNames: ['stage', 'outcome'] as const,
    buckets: stageBuckets,
    registers,
  });
  const ended = new Counter({
    name: 'facet_refresh_stages_total',
    help: 'Attempts at a stage, by outcome.',
    labelNames: ['stage', 'outcome'] as const,
    registers,
  });
  // Prometheus does not see the first increase of a counter that starts with it.
  for (const stage of refreshStages) if (workerOf[stage] === name) ended.inc({ stage, outcome: 'failed' }, 0);
  new Gauge({
    name: 'facet_refresh_queue_connected',
    help: '1 while the worker has a connection to the queue.',
    registers,
    collect() {
      this.set(isConnected() ? 1 : 0);
    },
  });
  return {
    ...http,
    observeStage(stage, outcome, seconds) {
      durations.observe({ stage, outcome }, seconds);
      ended.inc({ stage, outcome });
    },
  };
}
