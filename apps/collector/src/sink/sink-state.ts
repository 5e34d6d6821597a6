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
  /** The end of the last batch that ended after the partition. */
  beyondEnd?: number;
}

/** How to treat messages of the offsets `first` to `next` (exclusive) when `position.next` is expected. */
export type MessageAction = 'skip' | 'process' | 'read-again';

/**
 * Makes sure that each offset is processed once. Processed messages are skipped. A gap is read again once; offsets that
 * are still missing then have no message: compaction deleted it, a transaction aborted it, or it is a transaction marker.
 * A batch that cannot be decoded is also read again once: the network or the memory of the broker may have damaged it.
 */
export function chooseAction(
  position: Readonly<PartitionPosition>,
  {
    first,
    next,
    isUndecodable = false,
  }: { readonly first: number; readonly next: number; readonly isUndecodable?: boolean },
): MessageAction {
  if (next <= position.next) return 'skip';
  return (first > position.next || isUndecodable) && position.rewoundTo !== position.next ? 'read-again' : 'process';
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

/** The progress of the whole consumer group on one partition, whichever member owns it. */
export interface GroupPartition {
  readonly topic: string;
  readonly partition: number;
  /** The offset of the oldest message in the log. */
  readonly start: number;
  /** The offset after the newest message in the log. */
  readonly end: number;
  /** The first offset that no member has stored. */
  readonly stored: number;
  /** Latest time in epoch milliseconds at which `stored` moved, or nothing was left to store. */
  readonly progressedAt: number;
}

/** Returns the partitions as read now, each with the time of its last progress. */
export function updateGroupProgress(
  before: readonly GroupPartition[],
  read: readonly Omit<GroupPartition, 'progressedAt'>[],
  now: number,
): GroupPartition[] {
  return read.map((partition) => {
    const earlier = before.find((other) => other.topic === partition.topic && other.partition === partition.partition);
    // Messages that retention deletes are no progress.
    const isStuck = earlier !== undefined && groupLagOf(partition) > 0 && partition.stored <= earlier.stored;
    return { ...partition, progressedAt: isStuck ? earlier.progressedAt : now };
  });
}

/** Returns the number of messages of all partitions that no member has stored. */
export function groupLag({ groupPartitions }: SinkState): number {
  return groupPartitions.reduce((sum, partition) => sum + groupLagOf(partition), 0);
}

/** Returns the number of messages of a partition that are in the log and that no member has stored. */
export function groupLagOf({ start, end, stored }: Pick<GroupPartition, 'start' | 'end' | 'stored'>): number {
  return Math.max(0, end - Math.max(start, stored));
}

/** While the group cannot be read for longer, its progress is unknown. */
const readingsMissingMs = 60_000;

/**
 * Returns how long the slowest partition with messages to store has made no progress, in milliseconds. Without a reading for a minute,
 * returns the time since the last one.
 */
export function groupStalledMs({ groupPartitions, groupReadAt }: SinkState, now: number): number {
  const stuck = groupPartitions.filter((partition) => groupLagOf(partition) > 0);
  const unreadMs = now - groupReadAt;
  return Math.max(
    0,
    ...stuck.map(({ progressedAt }) => now - progressedAt),
    unreadMs > readingsMissingMs ? unreadMs : 0,
  );
}

/** The state of a running sink. */
export interface SinkState {
  readonly group: GroupState;
  readonly positions: readonly Readonly<PartitionPosition>[];
  /** All partitions of the topics, as last read from the log. */
  readonly groupPartitions: readonly GroupPartition[];
  /** Epoch milliseconds; the start of the sink before the first reading. */
  readonly groupReadAt: number;
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
