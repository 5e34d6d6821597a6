import type { RegistryMetrics } from './joined-metrics.ts';

/** What is told to whoever started the process: one JSON line on standard output, and a message where there is a channel. */
export type Announcement =
  | { readonly type: 'listening'; readonly url: string }
  | { readonly type: 'ready'; readonly url: string; readonly bundleId: string };

/** What a worker tells the process that supervises it. */
export type WorkerMessage =
  | Announcement
  /** It can be told things from now on. */
  | { readonly type: 'hello' }
  /** It wants to load a bundle, and is to be told when no other one does. */
  | { readonly type: 'turn-wanted' }
  | { readonly type: 'turn-over' }
  /** Its metrics, now and then, or because they were asked for. */
  | { readonly type: 'metrics'; readonly metrics: RegistryMetrics; readonly question?: number }
  /** It was scraped, and wants the metrics of all. */
  | { readonly type: 'joined-metrics-wanted'; readonly question: number };

/** What a worker is told. */
export type SupervisorMessage =
  | { readonly type: 'role'; readonly role: WorkerRole }
  | { readonly type: 'all-ready' }
  | { readonly type: 'turn' }
  | { readonly type: 'metrics-wanted'; readonly question: number }
  | { readonly type: 'joined-metrics'; readonly question: number; readonly text: string }
  | { readonly type: 'close' };

export interface WorkerRole {
  /**
   * When it takes connections. One worker does at once, so that probes are answered while a bundle is read; all others when
   * they can answer anything, so that nobody meets one that cannot.
   */
  readonly listens: 'at once' | 'when loaded';
  /** Whether all workers have been ready. */
  readonly isAllReady: boolean;
}
