import type { FileEventLog } from '../event-log/file-event-log.ts';
import type { DuckDbOptions } from '../duckdb.ts';
import { sourceName } from './lake-layout.ts';
import { openLakeWriter } from './lake-writer.ts';

export interface SinkOptions extends DuckDbOptions {
  /** Events of one batch: the parts of a day multiply with the batches, memory with their size. */
  readonly batchEventsMax?: number;
  readonly signal?: AbortSignal | undefined;
  /** Called with the events written since the start and those that were to be written. */
  readonly onProgress?: ((done: number, total: number) => void) | undefined;
}

export interface SinkResult {
  readonly from: number;
  readonly to: number;
}

/** Events read from the log at a time. */
const readLimit = 20_000;

/**
 * Brings the lake up to the end of the log. It goes on where the lake's committed offset stands, so it can be stopped,
 * killed and run again at any point: each offset is in the lake once.
 */
export async function sinkLog(log: FileEventLog, lakeFolder: string, options: SinkOptions = {}): Promise<SinkResult> {
  const batchEventsMax = options.batchEventsMax ?? 1_000_000;
  const source = sourceName(log);
  const writer = await openLakeWriter(lakeFolder, options);
  try {
    const from = writer.committed(source);
    const end = await log.end();
    let offset = from;
    while (offset < end) {
      options.signal?.throwIfAborted();
      const room = Math.min(readLimit, end - offset, batchEventsMax - writer.pending.events);
      const events = await log.read({ from: offset, limit: room });
      if (events.length === 0) break;
      offset += events.length;
      writer.add(source, events, offset);
      if (writer.pending.events >= batchEventsMax) await writer.commit();
      options.onProgress?.(offset - from, end - from);
    }
    options.signal?.throwIfAborted();
    await writer.commit();
    return { from, to: writer.committed(source) };
  } finally {
    await writer.close();
  }
}
