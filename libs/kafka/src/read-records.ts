import { randomUUID } from 'node:crypto';
import type { PartitionRange } from '@facet/event-log';
import type { KafkaConnection } from './connect-kafka.ts';
import { isCodecError, unsupportedCodec } from './kafka-errors.ts';
import { fetchExtents } from './offsets.ts';
import { RangeReader } from './range-reader.ts';
import type { RawBatch } from './range-reader.ts';

export interface ReadRecordsQuery {
  readonly topic: string;
  readonly ranges: readonly PartitionRange[];
  readonly signal?: AbortSignal | undefined;
}

/**
 * Reads ranges of a topic once, through a consumer group of its own that is deleted afterwards; nothing is committed.
 * Ends exactly where the ranges do, also when their last offsets hold no records. Records that retention removes while
 * they are being read are left out.
 *
 * @throws AppError `EVENTS_LOG_UNREACHABLE`, `EVENTS_TOPIC_UNKNOWN`, `EVENTS_LOG_TRUNCATED` when the topic ends before a
 * range does, `EVENTS_CODEC_UNSUPPORTED` after all that can be read before it. The signal's reason when it is aborted.
 */
export async function* readRecords(kafka: KafkaConnection, query: ReadRecordsQuery): AsyncGenerator<RawBatch> {
  const { topic, signal } = query;
  const ranges = query.ranges.filter(({ from, to }) => from < to);
  signal?.throwIfAborted();
  if (ranges.length === 0) return;
  // Names an unknown topic; a consumer would wait for it.
  await fetchExtents(kafka, topic);
  const reader = new RangeReader(kafka, `${kafka.clientId}.read.${randomUUID()}`, { topic, ranges, signal });
  try {
    await reader.start();
    for (let batch = await reader.next(); batch !== undefined; batch = await reader.next()) yield batch;
  } catch (error) {
    if (!isCodecError(error)) throw error;
    const rest = reader.rest();
    const [first] = rest;
    if (first === undefined || rest.length === 1) throw unsupportedCodec(topic, first, error);
    // The client does not say which partition it could not read. Read alone, it is the one that fails.
    await reader.close();
    for (const range of rest) yield* readRecords(kafka, { topic, ranges: [range], signal });
  } finally {
    await reader.close();
  }
}
