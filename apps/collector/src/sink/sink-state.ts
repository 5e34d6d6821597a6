import type { Outage } from './retry-policy.ts';

/** The progress of one partition. Each offset is the first one that has not reached the stage. */
export interface PartitionPosition {
  readonly topic: string;
  readonly partition: number;
  /** Processed: in the profile store and in the buffer of the lake. */
  next: number;
  /** In the files of the lake or of the catalog. */
  stored: number;
  /** In the log, as far as is known. */
  end: number;
  /** The last offset to which the consumer was rewound. */
  rewoundTo?: number;
}

/** How to treat messages of the offsets `first` to `next` (exclusive) when `position.next` is expected. */
export type Placement = 'skip' | 'process' | 'read-again';

/**
 * Makes sure that each offset is processed once. Processed messages are skipped. A gap is read again once; offsets that
 * are still missing then have no message: compaction deleted it, a transaction aborted it, or it is a transaction marker.
 */
export function placeMessages(
  position: Readonly<PartitionPosition>,
  { first, next }: { readonly first: number; readonly next: number },
): Placement {
  if (next <= position.next) return 'skip';
  return first > position.next && position.rewoundTo !== position.next ? 'read-again' : 'process';
}

/** Returns the number of messages in the log that are not stored. */
export function lagOf({ end, stored }: Readonly<PartitionPosition>): number {
  return Math.max(0, end - stored);
}

export interface GroupState {
  readonly id: string;
  readonly isMember: boolean;
  /** Epoch milliseconds. */
  readonly since: number;
}

/** The state of a running sink. */
export interface SinkState {
  readonly group: GroupState;
  readonly positions: readonly Readonly<PartitionPosition>[];
  /** Latest time in epoch milliseconds at which the sink processed or stored messages, or had no work. */
  readonly lastProgressAt: number;
  readonly bufferedRows: number;
  readonly outages: readonly Outage[];
  /** Why the sink has stopped consuming. */
  readonly failure: unknown;
}

/**
 * Returns how long the sink has had work without progress, in milliseconds. Health is progress: a process that keeps its
 * connections but processes nothing is unhealthy, and so is one that joins the group again and again.
 */
export function stalledMs({ group, positions, lastProgressAt, outages }: SinkState, now: number): number {
  const hasWork = !group.isMember || outages.length > 0 || positions.some((position) => lagOf(position) > 0);
  return hasWork ? Math.max(0, now - lastProgressAt) : 0;
}
