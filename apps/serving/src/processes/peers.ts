import { setTimeout as delay } from 'node:timers/promises';
import { problemError } from '@facet/http';
import type { HttpMetrics } from '@facet/http';
import type { JobResult, JobTask } from '@facet/pipeline/compare';
import { fromSentError } from '@facet/platform';
import type { Logger } from '@facet/platform';
import { Jobs } from '../comparisons/jobs.ts';
import type { JobRunner, JobState } from '../comparisons/jobs.ts';
import type { Announcement, JobOutcome, SupervisorMessage, WorkerMessage, WorkerRole } from './messages.ts';

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
  readonly jobs: JobRunner;
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

/** The channel of a worker to the supervisor. */
export interface WorkerChannel {
  send(message: WorkerMessage): void;
  listen(listener: (message: SupervisorMessage) => void): void;
}

/** At most this much time of counting is lost when a worker is killed. */
const metricsEveryMs = 1_000;

/** The worker's side of the supervision. */
export type Worker = ReturnType<typeof connectWorker>;

/** @param close is called when the supervisor ends the worker. */
export function connectWorker(channel: WorkerChannel, close: () => void) {
  const slotRequests: (() => void)[] = [];
  const metricsRequests = createRequests<string>();
  const jobRequests = createRequests<JobOutcome>();
  let isAllReady = false;
  let resolveRole: (role: WorkerRole) => void = () => undefined;
  const role = new Promise<WorkerRole>((resolve) => (resolveRole = resolve));
  let metrics: Pick<HttpMetrics, 'registry'> | undefined;

  async function sendMetrics(requestId?: number): Promise<void> {
    if (metrics === undefined) return;
    channel.send({ type: 'metrics', metrics: await metrics.registry.getMetricsAsJSON(), requestId });
  }

  async function sendMetricsPeriodically(): Promise<void> {
    for (;;) {
      await delay(metricsEveryMs, undefined, { ref: false });
      await sendMetrics();
    }
  }

  channel.listen((message) => {
    switch (message.type) {
      case 'role':
        isAllReady = message.role.isAllReady;
        resolveRole(message.role);
        break;
      case 'all-ready':
        isAllReady = true;
        break;
      case 'load-slot-granted':
        slotRequests.shift()?.();
        break;
      case 'metrics-requested':
        void sendMetrics(message.requestId);
        break;
      case 'joined-metrics':
        metricsRequests.settle(message.requestId, message.text);
        break;
      case 'job':
        jobRequests.settle(message.requestId, message.outcome);
        break;
      case 'close':
        close();
        break;
    }
  });
  channel.send({ type: 'hello' });

  return {
    /** Resolves when the supervisor assigns the role. */
    role,
    announce: (message: Announcement) => channel.send(message),
    /** Sends the final metrics. */
    leave: () => sendMetrics(),
    /** Shares metrics with the other workers. */
    join(own: Pick<HttpMetrics, 'registry'>): Peers {
      metrics = own;
      void sendMetricsPeriodically();
      return {
        acquireLoadSlot: (signal) =>
          new Promise((resolve) => {
            const end = (): void => channel.send({ type: 'load-slot-released' });
            slotRequests.push(() => (signal.aborted ? end() : resolve(end)));
            signal.addEventListener('abort', () => resolve(undefined), { once: true });
            channel.send({ type: 'load-slot-requested' });
          }),
        readMetrics: () =>
          metricsRequests.send((requestId) => channel.send({ type: 'joined-metrics-requested', requestId })),
        jobs: {
          async run<Task extends JobTask>(task: Task, waitMs: number) {
            const outcome = await jobRequests.send((requestId) =>
              channel.send({ type: 'job-requested', requestId, task, waitMs }),
            );
            if ('error' in outcome) throw fromSentError(outcome.error);
            return outcome.state as JobState<JobResult<Task['kind']>>;
          },
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

/** Requests to the supervisor that wait for a reply. */
function createRequests<Reply>() {
  const waiting = new Map<number, (reply: Reply) => void>();
  let count = 0;
  return {
    /** @param send sends the request with its id */
    send(send: (requestId: number) => void): Promise<Reply> {
      return new Promise((resolve) => {
        const requestId = count++;
        waiting.set(requestId, resolve);
        send(requestId);
      });
    },
    settle(requestId: number, reply: Reply): void {
      waiting.get(requestId)?.(reply);
      waiting.delete(requestId);
    },
  };
}
