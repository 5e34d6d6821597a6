import type { JobTask } from '@facet/gate/compare';
import type { Announcement, SentError } from '@facet/platform';
import type { Registry } from 'prom-client';

/** The metrics of one registry, as sent between processes. */
export type RegistryMetrics = Awaited<ReturnType<Registry['getMetricsAsJSON']>>;

/** Messages of a worker to the supervisor. */
export type WorkerMessage =
  | Announcement
  | { readonly type: 'load-slot-released' }
  /** The worker's metrics, sent periodically or in response to `metrics-requested`. */
  | { readonly type: 'metrics'; readonly metrics: RegistryMetrics; readonly requestId?: number }
  | { readonly type: 'request'; readonly requestId: number; readonly request: WorkerRequest };

/** What a worker asks the supervisor for. */
export type WorkerRequest =
  /** A `WorkerRole`. The worker can receive messages. */
  | { readonly for: 'role' }
  /** Nothing, as soon as the worker may load a bundle. */
  | { readonly for: 'load-slot' }
  /** The metrics of all workers, as text. */
  | { readonly for: 'joined-metrics' }
  /** The `JobState` of a comparison or gate. */
  | { readonly for: 'job'; readonly task: JobTask; readonly waitMs: number };

/** Messages of the supervisor to a worker. */
export type SupervisorMessage =
  | { readonly type: 'all-ready' }
  | { readonly type: 'metrics-requested'; readonly requestId: number }
  | { readonly type: 'reply'; readonly requestId: number; readonly reply: Reply }
  | { readonly type: 'close' };

export type Reply = { readonly value: unknown } | { readonly error: SentError };

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
