import type { Event } from '@facet/schemas';
import type { Refusal } from '@facet/schemas';

/** An event and its place in its partition. */
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

/** What a partition holds: the offsets from `start` up to, not including, `end`. */
export interface PartitionExtent {
  readonly partition: number;
  readonly start: number;
  readonly end: number;
}

/** A record of the log that is no event. */
export interface RefusedRecord extends Refusal {
  readonly offset: number;
}

/** Consecutive records of one partition. */
export interface LoggedBatch {
  readonly partition: number;
  readonly events: readonly LoggedEvent[];
  readonly refused: readonly RefusedRecord[];
  /** Where the next batch of this partition begins: everything before it was streamed. */
  readonly next: number;
}

/**
 * A durable, append-only log of events. Within a partition, which an event's key decides, events are in order; their
 * offsets grow, perhaps with gaps.
 */
export interface EventLog {
  readonly topic: string;
  /** Appends in order; resolves once the events are durable: they survive a crash of the process and of the machine. */
  append(events: readonly Event[]): Promise<unknown>;
  extents(): Promise<readonly PartitionExtent[]>;
  /** By partition, the first offset whose event was received at `time` (epoch milliseconds) or later, else the end. */
  offsetsAt(time: number): Promise<ReadonlyMap<number, number>>;
  /**
   * All records of the ranges, at most one of each partition, and those of a partition in order. Ends when every range is
   * done; a range may end where the log does, but not beyond.
   *
   * @throws The signal's reason when it is aborted.
   */
  stream(ranges: readonly PartitionRange[], options?: { readonly signal?: AbortSignal }): AsyncIterable<LoggedBatch>;
  close(): Promise<void>;
}
