import type { EventLog, LoggedBatch, LoggedEvent, RefusedRecord } from '@facet/event-log';
import { keyOf, parseLoggedEvent, refuse, serializeEvent } from '@facet/schemas';
import type { KafkaConnection } from './connect-kafka.ts';
import { fetchExtents, fetchOffsetsAt } from './offsets.ts';
import { openKafkaPublisher } from './publisher.ts';
import type { Publisher } from './publisher.ts';
import { readRecords } from './read-records.ts';
import type { RawBatch } from './read-records.ts';

export interface KafkaEventLogOptions {
  readonly topic: string;
  /** Declared event types in addition to the standard ones. Events of other types are refused on reading. */
  readonly types?: readonly string[];
}

/** Returns the event log in a topic. The caller owns the connection; closing the log closes only its publisher. */
export function openKafkaEventLog(kafka: KafkaConnection, { topic, types = [] }: KafkaEventLogOptions): EventLog {
  let publisher: Publisher | undefined;
  return {
    topic,
    async append(events) {
      publisher ??= openKafkaPublisher(kafka);
      await publisher.publish(
        events.map((event) => ({
          topic,
          key: keyOf(event),
          value: serializeEvent(event),
          timestamp: event.receivedAt,
        })),
      );
    },
    extents: () => fetchExtents(kafka, topic),
    offsetsAt: (time) => fetchOffsetsAt(kafka, topic, time),
    async *stream(ranges, { signal } = {}) {
      for await (const batch of readRecords(kafka, { topic, ranges, signal })) yield parseBatch(batch, types);
    },
    async close() {
      await publisher?.close();
    },
  };
}

function parseBatch({ partition, records, next }: RawBatch, types: readonly string[]): LoggedBatch {
  const events: LoggedEvent[] = [];
  const refused: RefusedRecord[] = [];
  for (const { offset, timestampMs, value, undecodable } of records) {
    const parsed = undecodable === undefined ? parseLoggedEvent(value, timestampMs, types) : refuse('', 'undecodable');
    if (parsed.ok) events.push({ offset, event: parsed.event });
    else refused.push({ offset, ...parsed });
  }
  return { partition, events, refused, next };
}
