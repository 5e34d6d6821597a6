import type { EventLog, LoggedBatch } from '@facet/event-log';
import { AppError } from '@facet/platform';
import type { DuckDbOptions } from '../duckdb.ts';
import { sourceName } from '../layout.ts';
import type { OffsetRanges } from '../transaction-log/transaction-log.ts';
import { openLakeWriter } from './lake-writer.ts';

export interface SinkOptions extends DuckDbOptions {
  /** Events per transaction. Small batches make many files; large batches take more memory. */
  readonly batchEventsMax?: number;
  readonly signal?: AbortSignal | undefined;
  /** Called with the records read so far and the records to read. */
  readonly onProgress?: ((done: number, total: number) => void) | undefined;
}

export interface SinkResult {
  /** Events written. */
  readonly events: number;
  /** The offset range read of each partition with new records. */
  readonly offsets: OffsetRanges;
}

/**
 * Writes the events of a log to the lake, from the committed offsets to the current end of the log. It may be killed at any
 * point and run again: the lake contains each offset once.
 *
 * @throws AppError `EVENTS_LOG_BEHIND` when the log ends before the committed offsets, `EVENTS_LAKE_SUPERSEDED` when another sink writes the
 * same log; as `openLakeWriter` and `LakeWriter.commit`. The signal's reason when aborted.
 */
export async function sinkLog(log: EventLog, lakeFolder: string, options: SinkOptions = {}): Promise<SinkResult> {
  const { batchEventsMax = 1_000_000, signal } = options;
  const writer = await openLakeWriter(lakeFolder, options);
  try {
    const sourceOf = (partition: number): string => sourceName({ topic: log.topic, partition });
    const ranges = (await log.extents())
      .map(({ partition, start, end }) => {
        const committed = writer.committed(sourceOf(partition));
        if (committed > end) throw logBehind(sourceOf(partition), committed, end, lakeFolder);
        return { partition, from: Math.max(start, committed), to: end };
      })
      .filter(({ from, to }) => from < to);
    const position = new Map(ranges.map(({ partition, from }) => [partition, from]));
    const total = ranges.reduce((sum, { from, to }) => sum + to - from, 0);
    let done = 0;
    let events = 0;
    for await (const batch of log.stream(ranges, { signal })) {
      for (const piece of splitBatch(batch, () => batchEventsMax - writer.pending.events)) {
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

function logBehind(source: string, committed: number, end: number, lakeFolder: string): AppError {
  return new AppError(
    `The event log ${source} ends at offset ${end}, but the lake ${lakeFolder} has its events up to offset ${committed}.`,
    {
      code: 'EVENTS_LOG_BEHIND',
      category: 'artifact',
      remedy: 'Restore the log from the backup that contains the lake, or import the files into a new data home.',
      context: { source, committed, end, lakeFolder },
    },
  );
}

/** Splits a batch into pieces of at most `room()` events. */
function* splitBatch(
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
