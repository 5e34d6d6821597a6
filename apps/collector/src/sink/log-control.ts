/** The partitions that the consumer group gave to this member, by topic. */
export type Assignment = Readonly<Record<string, readonly number[]>>;

/** The offset of the first message that the log still has, and the one after the last. */
export interface PartitionExtent {
  readonly start: number;
  readonly end: number;
}

/** What the loop asks of the log. */
export interface LogControl {
  /** By source. @throws AppError `EVENTS_LOG_UNREACHABLE` (retryable). */
  readExtents(assignment: Assignment): Promise<ReadonlyMap<string, PartitionExtent>>;
  /** Reads the partition from `offset` on next. */
  seek(topic: string, partition: number, offset: number): void;
  /** Tells the consumer group how far this member is. */
  commitOffsets(
    offsets: readonly { readonly topic: string; readonly partition: number; readonly offset: number }[],
  ): Promise<void>;
}
