import type { JobTask } from '@facet/pipeline/compare';
import type { SentError } from '@facet/platform';
import type { Registry } from 'prom-client';
import type { JobState } from '../comparisons/jobs.ts';

/** The metrics of one registry, as sent between processes. */
export type RegistryMetrics = Awaited<ReturnType<Registry['getMetricsAsJSON']>>;

/** Sent to the parent process: one JSON line on standard output, and a message if there is an IPC channel. */
export type Announcement =
  | { readonly type: 'listening'; readonly url: string }
  | { readonly type: 'ready'; readonly url: string; readonly bundleId: string };

/** Messages of a worker to the supervisor. */
export type WorkerMessage =
  | Announcement
  /** The worker can receive messages. */
  | { readonly type: 'hello' }
  /** The worker waits until it may load a bundle. */
  | { readonly type: 'load-slot-requested' }
  | { readonly type: 'load-slot-released' }
  /** The worker's metrics, sent periodically or in response to `metrics-requested`. */
  | { readonly type: 'metrics'; readonly metrics: RegistryMetrics; readonly requestId?: number }
  /** The worker was scraped and needs the metrics of all workers. */
  | { readonly type: 'joined-metrics-requested'; readonly requestId: number }
  /** The worker was asked for a comparison or gate. */
  | { readonly type: 'job-requested'; readonly requestId: number; readonly task: JobTask; readonly waitMs: number };

/** Messages of the supervisor to a worker. */
export type SupervisorMessage =
  | { readonly type: 'role'; readonly role: WorkerRole }
  | { readonly type: 'all-ready' }
  | { readonly type: 'load-slot-granted' }
  | { readonly type: 'metrics-requested'; readonly requestId: number }
  | { readonly type: 'joined-metrics'; readonly requestId: number; readonly text: string }
  | { readonly type: 'job'; readonly requestId: number; readonly outcome: JobOutcome }
  | { readonly type: 'close' };

/** What a worker gets for a task. */
export type JobOutcome = { readonly state: JobState } | { readonly error: SentError };

export interface WorkerRole {
  /** From 0. The replacement of an ended worker has the same number. */
  readonly number: number;
  /**
   * When the worker accepts connections. One worker listens immediately, so that probes get a response while bundles load.
   * The others listen when they are loaded, so that no caller meets a worker that is not ready.
   */
  readonly listens: 'immediately' | 'when loaded';
  /** Whether all workers have been ready. */
  readonly isAllReady: boolean;
}
