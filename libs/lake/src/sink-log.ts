import type { EventLog, LoggedBatch } from '@facet/event-log';
import type { DuckDbOptions } from './duckdb.ts';
import { sourceName } from './lake-layout.ts';
import type { OffsetRanges } from './lake-record.ts';
import { openLakeWriter } from './lake-writer.ts';

export interface SinkOptions extends DuckDbOptions {
  /** Events of one batch: the parts of a day multiply with the batches, memory with their size. */
  readonly batchEventsMax?: number;
  readonly signal?: AbortSignal | undefined;
  /** Called with the records read since the start and those that were to be read. */
  readonly onProgress?: ((done: number, total: number) => void) | undefined;
}

export interface SinkResult {
  /** Events written. */
  readonly events: number;
  /** From where to where each partition that had new records was read. */
  readonly offsets: OffsetRanges;
}

/**
 * Brings the lake up to where the log ends now. It goes on where the lake stands, so it can be stopped, killed and run again
 * at any point: each offset is in the lake once.
 *
 * @throws AppError `EVENTS_LAKE_SUPERSEDED` when another sink is at work, `EVENTS_LAKE_UNWRITABLE`, `EVENTS_LAKE_DAMAGED`; the
 * signal's reason when aborted.
 */
export async function sinkLog(log: EventLog, lakeFolder: string, options: SinkOptions = {}): Promise<SinkResult> {
  const { batchEventsMax = 1_000_000, signal } = options;
  const writer = await openLakeWriter(lakeFolder, options);
  try {
    const sourceOf = (partition: number): string => sourceName({ topic: log.topic, partition });
    const ranges = (await log.extents())
      .map(({ partition, start, end }) => ({
        partition,
        from: Math.max(start, writer.committed(sourceOf(partition))),
        to: end,
      }))
      .filter(({ from, to }) => from < to);
    const position = new Map(ranges.map(({ partition, from }) => [partition, from]));
    const total = ranges.reduce((sum, { from, to }) => sum + to - from, 0);
    let done = 0;
    let events = 0;
    for await (const batch of log.stream(ranges, signal === undefined ? {} : { signal })) {
      for (const piece of cut(batch, () => batchEventsMax - writer.pending.events)) {
        signal?.throwIfAborted();
        writer.add(sourceOf(piece.partition), piece.events, piece.next);
        done += piece.next - (position.get(piece.partition) ?? piece.next);
        position.set(piece.partition, piece.next);
        events += piece.events.length;
        if (writer.pending.events >= batchEventsMax) await writer.commit();
        options.onProgress?.(done, total);
      }
    }
    signal?.throwIfAborted();
    await writer.commit();
    const offsets = Object.fromEntries(ranges.map(({ partition, from, to }) => [sourceOf(partition), { from, to }]));
    return { events, offsets };
  } finally {
    await writer.close();
  }
}

/** A batch in pieces that have room where they go. */
function* cut(
  { partition, events, next }: LoggedBatch,
  room: () => number,
): Generator<Pick<LoggedBatch, 'partition' | 'events' | 'next'>> {
  let start = 0;
  do {
    const piece = events.slice(start, start + room());
    start += piece.length;
    yield { partition, events: piece, next: events[start]?.offset ?? next };
  } while (start < events.length);
}
