import type { Event } from '../schemas/event.ts';

/** An event and its place in the log. */
export interface LoggedEvent {
  readonly offset: number;
  readonly event: Event;
}

/** The half-open range of offsets that an append was given. */
export interface OffsetRange {
  readonly from: number;
  readonly to: number;
}

/**
 * An ordered, durable, append-only sequence of events; one partition of one topic. Offsets start at 0 and have no gaps.
 * What `append` has answered survives a crash of the process and of the machine.
 */
export interface EventLog {
  readonly topic: string;
  readonly partition: number;
  /** Appends in order; resolves once the events are durable. */
  append(events: readonly Event[]): Promise<OffsetRange>;
  /** Up to `limit` events from offset `from` on; fewer, or none, at the end. */
  read(range: { readonly from: number; readonly limit: number }): Promise<readonly LoggedEvent[]>;
  /** The offset that the next event will get. */
  end(): Promise<number>;
  close(): Promise<void>;
}
