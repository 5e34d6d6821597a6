import { setTimeout as delay } from 'node:timers/promises';
import { problemError } from '@facet/http';
import type { HttpMetrics } from '@facet/http';
import { fromSentError } from '@facet/platform';
import type { Announcement, Logger } from '@facet/platform';
import { Jobs } from '../comparisons/jobs.ts';
import type { Reply, SupervisorMessage, WorkerMessage, WorkerRequest, WorkerRole } from './messages.ts';

/** Coordinates a process with the other processes on the same port. */
export interface Peers {
  /**
   * Waits until no other process loads a bundle.
   *
   * @returns a function that releases the slot; undefined after an abort.
   */
  acquireLoadSlot(signal: AbortSignal): Promise<(() => void) | undefined>;
  /** Returns the metrics of all processes. */
  readMetrics(): Promise<string>;
  /** @throws AppError `NOT_READY` until each process has been ready. */
  requireReady(): void;
  /** Runs each job in one process only. */
  readonly jobs: Pick<Jobs, 'run' | 'close'>;
}

/** Returns the peers of a single process. */
export function noPeers({ registry }: Pick<HttpMetrics, 'registry'>, logger: Logger): Peers {
  return {
    acquireLoadSlot: async () => () => undefined,
    readMetrics: () => registry.metrics(),
    requireReady: () => undefined,
    jobs: new Jobs(logger),
  };
}

/** Does `work` while no other process loads a bundle. Returns undefined if aborted before the work begins. */
export async function withLoadSlot<Result>(
  acquireLoadSlot: Peers['acquireLoadSlot'] | undefined,
  signal: AbortSignal,
  work: () => Promise<Result>,
): Promise<Result | undefined> {
  // A signal that is already aborted fires no event, and the wait for the slot would never end.
  if (signal.aborted) return undefined;
  const releaseSlot = await acquireLoadSlot?.(signal);
  try {
    return signal.aborted ? undefined : await work();
  } finally {
    releaseSlot?.();
  }
}

/** At most this much time of counting is lost when a worker is killed. */
const metricsEveryMs = 1_000;

/**
 * Returns the worker's side of the supervision.
 *
 * @param close is called when the supervisor ends the worker.
 */
export function connectToSupervisor(close: () => void) {
  const requests = new Map<number, (reply: Reply) => void>();
  let requestCount = 0;
  let isAllReady = false;
  let metrics: Pick<HttpMetrics, 'registry'> | undefined;
  const send = (message: WorkerMessage): void => void process.send?.(message);

  /** @throws AppError of the supervisor. */
  async function ask<Value>(request: WorkerRequest): Promise<Value> {
    const reply = await new Promise<Reply>((resolve) => {
      const requestId = requestCount++;
      requests.set(requestId, resolve);
      send({ type: 'request', requestId, request });
    });
    if ('error' in reply) throw fromSentError(reply.error);
    return reply.value as Value;
  }

  async function sendMetrics(requestId?: number): Promise<void> {
    if (metrics === undefined) return;
    send({ type: 'metrics', metrics: await metrics.registry.getMetricsAsJSON(), requestId });
  }

  async function sendMetricsPeriodically(): Promise<void> {
    for (;;) {
      await delay(metricsEveryMs, undefined, { ref: false });
      await sendMetrics();
    }
  }

  process.on('message', (message: SupervisorMessage) => {
    switch (message.type) {
      case 'reply':
        requests.get(message.requestId)?.(message.reply);
        requests.delete(message.requestId);
        break;
      case 'all-ready':
        isAllReady = true;
        break;
      case 'metrics-requested':
        void sendMetrics(message.requestId);
        break;
      case 'close':
        close();
        break;
    }
  });

  return {
    /** Resolves when the supervisor assigns the role. */
    role: ask<WorkerRole>({ for: 'role' }).then((role) => {
      isAllReady ||= role.isAllReady;
      return role;
    }),
    announce: (message: Announcement) => send(message),
    /** Sends the final metrics. */
    leave: () => sendMetrics(),
    /** Shares metrics with the other workers. */
    join(own: Pick<HttpMetrics, 'registry'>): Peers {
      metrics = own;
      void sendMetricsPeriodically();
      return {
        acquireLoadSlot: (signal) =>
          new Promise((resolve) => {
            const end = (): void => send({ type: 'load-slot-released' });
            void ask({ for: 'load-slot' }).then(() => (signal.aborted ? end() : resolve(end)));
            signal.addEventListener('abort', () => resolve(undefined), { once: true });
          }),
        readMetrics: () => ask({ for: 'joined-metrics' }),
        jobs: {
          run: (task, waitMs) => ask({ for: 'job', task, waitMs }),
          // The supervisor ends the jobs.
          close: async () => undefined,
        },
        requireReady() {
          if (!isAllReady) throw problemError('NOT_READY', 'Some processes are still loading the bundle.');
        },
      };
    },
  };
}
