import type { Event, Refusal } from '@facet/schemas';

/** An event and its offset in its partition. */
export interface LoggedEvent {
  readonly offset: number;
  readonly event: Event;
}

/** A half-open range of offsets of one partition. */
export interface OffsetRange {
  readonly from: number;
  readonly to: number;
}

export interface PartitionRange extends OffsetRange {
  readonly partition: number;
}

/** The offsets that a partition contains: from `start` up to, but not including, `end`. */
export interface PartitionExtent {
  readonly partition: number;
  readonly start: number;
  readonly end: number;
}

/** A record of the log that is not a valid event. */
export interface RefusedRecord extends Refusal {
  readonly offset: number;
}

/** Consecutive records of one partition. */
export interface LoggedBatch {
  readonly partition: number;
  readonly events: readonly LoggedEvent[];
  readonly refused: readonly RefusedRecord[];
  /** The first offset of the partition's next batch. All earlier offsets have been streamed. */
  readonly next: number;
}

/**
 * A durable, append-only log of events: Kafka or files. The key of an event decides its partition. Within a partition, events
 * are ordered and offsets ascend, possibly with gaps.
 */
export interface EventLog {
  readonly topic: string;
  /** Appends events in order. Resolves once they survive a crash of the process and of the machine. */
  append(events: readonly Event[]): Promise<unknown>;
  /** Returns the offsets that each partition contains. */
  extents(): Promise<readonly PartitionExtent[]>;
  /** Returns, by partition, the first offset received at or after `time` (epoch milliseconds), or else the end. */
  offsetsAt(time: number): Promise<ReadonlyMap<number, number>>;
  /**
   * Streams all records of the ranges, in order within each partition. A partition may have one range, which must not exceed
   * the end of the log.
   *
   * @throws The signal's reason when aborted.
   */
  stream(ranges: readonly PartitionRange[], options?: { readonly signal?: AbortSignal }): AsyncIterable<LoggedBatch>;
  close(): Promise<void>;
}
