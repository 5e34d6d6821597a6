import { open, readFile, rm, truncate } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import {
  AppError,
  createFolder,
  listNames,
  parseJsonIfValid,
  pathExists,
  syncPath,
  takeFolderLock,
  writeFileAtomically,
} from '@facet/platform';
import type { FolderLock } from '@facet/platform';
import type { Event } from '@facet/schemas';
import type { EventLog, LoggedBatch, LoggedEvent, OffsetRange, PartitionRange } from './event-log.ts';
import { isSegmentCopy, measureSegment, readSegmentLines, segmentBase, segmentName } from './segment.ts';
import type { SegmentExtent, SegmentPosition } from './segment.ts';

/** The topic of a log of imported files. */
export const fileLogTopic = 'local';

export interface FileEventLogOptions {
  /** Identifies the log in the lake. */
  readonly topic?: string;
  /** Size at which a new segment starts. */
  readonly segmentBytesMax?: number;
}

/** An event log with one partition, in files. Offsets start at 0; erased events leave gaps. */
export interface FileEventLog extends EventLog {
  /** Appends events in order. Returns their offsets. */
  append(events: readonly Event[]): Promise<OffsetRange>;
  /** Reads up to `limit` events from offset `from` on. Returns fewer at the end of the log. */
  read(range: { readonly from: number; readonly limit: number }): Promise<readonly LoggedEvent[]>;
  /** Returns the offset of the next event. */
  end(): Promise<number>;
}

/** Events per batch of a stream. */
const streamedEventsMax = 20_000;
/** The only one. */
const partition = 0;

/** A file of the log. */
interface Segment {
  readonly base: number;
  readonly path: string;
}

/**
 * Opens the event log in a folder for appending and reading, and creates a missing folder. The log consists of JSON Lines
 * files, named by the offset of their first event. One process writes at a time. A torn last line is truncated.
 *
 * @throws AppError `EVENTS_LOG_LOCKED` while another process writes. Reading throws `EVENTS_LOG_DAMAGED` if a segment is missing or a line is
 *   damaged.
 */
export async function openFileEventLog(folder: string, options: FileEventLogOptions = {}): Promise<FileEventLog> {
  await createFolder(folder);
  const lock = await takeFolderLock(folder);
  if ('heldBy' in lock) throw logLocked(folder, lock.heldBy);
  try {
    const segments = await listSegments(folder);
    const last = segments.at(-1) ?? { base: 0, path: join(folder, segmentName(0)) };
    if (segments.length === 0) segments.push(last);
    const file = await open(last.path, 'a');
    const extent = await measureSegment(last.path);
    // Such a write was never acknowledged.
    if ((await file.stat()).size > extent.bytes) await truncate(last.path, extent.bytes);
    await file.sync();
    await syncPath(folder);
    return createSegmentedLog({ folder, segments, file, extent, lock }, options);
  } catch (error) {
    await lock.release();
    throw error;
  }
}

/**
 * Opens the event log in a folder for reading while another process writes. The reader sees later events, too. A missing
 * folder is an empty log.
 */
export async function openFileEventLogReader(folder: string): Promise<FileEventLog> {
  return createSegmentedLog({ folder, segments: [], extent: { bytes: 0, events: 0 } }, {});
}

interface OpenedLog {
  readonly folder: string;
  readonly segments: Segment[];
  /** The last segment. Absent in a reader. */
  readonly file?: FileHandle;
  readonly extent: SegmentExtent;
  readonly lock?: FolderLock;
}

function createSegmentedLog(
  opened: OpenedLog,
  { topic = fileLogTopic, segmentBytesMax = 128 << 20 }: FileEventLogOptions,
): FileEventLog {
  const { folder, lock } = opened;
  let { segments, file, extent } = opened;
  /** The end of the last read, where a sequential read continues without a search. */
  let cursor: { base: number; position: SegmentPosition } | undefined;
  /** Appends run sequentially. */
  let lastAppend: Promise<unknown> = Promise.resolve();
  let failure: unknown;

  function endOffset(): number {
    return (segments.at(-1)?.base ?? 0) + extent.events;
  }

  async function append(events: readonly Event[]): Promise<OffsetRange> {
    if (failure !== undefined || file === undefined) throw unwritable(folder, failure);
    const from = endOffset();
    if (events.length === 0) return { from, to: from };
    const bytes = Buffer.from(events.map((event) => `${JSON.stringify(event)}\n`).join(''));
    try {
      if (extent.bytes >= segmentBytesMax) await startSegment(from);
      await file.appendFile(bytes);
      await file.datasync();
    } catch (error) {
      await undoAppend();
      throw unwritable(folder, error);
    }
    extent = { bytes: extent.bytes + bytes.length, events: extent.events + events.length };
    return { from, to: from + events.length };
  }

  /** Truncates the bytes of a failed write. If truncation fails, the log refuses further appends. */
  async function undoAppend(): Promise<void> {
    try {
      await file?.truncate(extent.bytes);
      await file?.datasync();
    } catch (error) {
      failure = error;
    }
  }

  async function startSegment(base: number): Promise<void> {
    const path = join(folder, segmentName(base));
    const added = await open(path, 'a');
    await syncPath(folder).catch(async (error: unknown) => {
      await added.close();
      throw error;
    });
    const full = file;
    file = added;
    segments.push({ base, path });
    extent = { bytes: 0, events: 0 };
    await full?.close();
  }

  /** Lets a reader discover new segments and events. */
  async function refresh(): Promise<void> {
    if (lock !== undefined) return;
    const found = await listSegments(folder);
    const last = found.at(-1);
    if (last === undefined) return;
    const isSame = last.base === segments.at(-1)?.base;
    extent = await measureSegment(last.path, isSame ? extent : undefined);
    segments = found;
  }

  /** Reads up to `limit` records of one segment. Erased ones are left out. */
  async function readEvents(
    offset: number,
    limit: number,
  ): Promise<{ readonly events: readonly LoggedEvent[]; readonly next: number }> {
    const lines = await readFrom(offset, limit);
    const events = lines.flatMap((line, index) => {
      const event = parse(line, offset + index);
      return event === null ? [] : [{ offset: offset + index, event }];
    });
    return { events, next: offset + lines.length };
  }

  function parse(line: string, offset: number): Event | null {
    try {
      return JSON.parse(line) as Event | null;
    } catch {
      throw damagedLog(folder, `the line of offset ${offset} is not JSON`);
    }
  }

  async function readFrom(offset: number, limit: number): Promise<readonly string[]> {
    const at = segments.findLastIndex((segment) => segment.base <= offset);
    const segment = segments[at];
    if (segment === undefined) throw damagedLog(folder, `no segment contains offset ${offset}`);
    const isLast = at === segments.length - 1;
    const endByte = isLast ? extent.bytes : Number.MAX_SAFE_INTEGER;
    const index = offset - segment.base;
    const known = cursor;
    const isNear = known !== undefined && known.base === segment.base && known.position.index <= index;
    const from = isNear ? known.position : { index: 0, byte: 0 };
    const { lines, next } = await readSegmentLines(segment.path, { from, index, limit, endByte });
    if (lines.length === 0) throw damagedLog(folder, `${segment.path} ends before offset ${offset}`);
    cursor = { base: segment.base, position: next };
    return lines;
  }

  async function endOfLog(): Promise<number> {
    await refresh();
    return endOffset();
  }

  async function* stream(
    ranges: readonly PartitionRange[],
    { signal }: { readonly signal?: AbortSignal } = {},
  ): AsyncGenerator<LoggedBatch> {
    for (const { from, to } of ranges) {
      for (let next = from; next < to;) {
        signal?.throwIfAborted();
        await refresh();
        if (next >= endOffset()) throw damagedLog(folder, `the log ends at offset ${next} instead of ${to}`);
        const read = await readEvents(next, Math.min(streamedEventsMax, to - next));
        next = read.next;
        yield { partition, ...read, refused: [] };
      }
    }
  }

  return {
    topic,
    append(events) {
      const appended = lastAppend.then(() => append(events));
      lastAppend = appended.catch(() => undefined);
      return appended;
    },
    async read(range) {
      await refresh();
      const events: LoggedEvent[] = [];
      let offset = range.from;
      while (events.length < range.limit && offset < endOffset()) {
        const read = await readEvents(offset, range.limit - events.length);
        events.push(...read.events);
        offset = read.next;
      }
      return events;
    },
    end: endOfLog,
    extents: async () => [{ partition, start: 0, end: await endOfLog() }],
    async offsetsAt(time) {
      const end = await endOfLog();
      for await (const { events } of stream([{ partition, from: 0, to: end }])) {
        const first = events.find(({ event }) => event.receivedAt >= time);
        if (first !== undefined) return new Map([[partition, first.offset]]);
      }
      return new Map([[partition, end]]);
    },
    stream,
    async close() {
      await lastAppend;
      await file?.close();
      file = undefined;
      failure ??= new Error('the log is closed');
      await lock?.release();
    },
  };
}

export interface EraseEventsResult {
  /** Erased events. */
  readonly events: number;
  /** Rewritten files. */
  readonly files: number;
}

/**
 * Erases events from an event log in files. Replaces the line of an erased event with `null`, padded to the same length, so that offsets
 * and positions of the other events stay. A file is replaced atomically, so the function may be killed and repeated. It deletes the
 * copies that a killed run has left.
 *
 * @throws AppError `EVENTS_LOG_LOCKED` while another process writes the log
 */
export async function eraseFromFileEventLog(
  folder: string,
  isErased: (event: Event) => boolean,
  { signal }: { readonly signal?: AbortSignal } = {},
): Promise<EraseEventsResult> {
  const result = { events: 0, files: 0 };
  if (!(await pathExists(folder))) return result;
  const lock = await takeFolderLock(folder);
  if ('heldBy' in lock) throw logLocked(folder, lock.heldBy);
  try {
    const copies = (await listNames(folder)).filter(isSegmentCopy);
    for (const name of copies) await rm(join(folder, name), { force: true });
    for (const { path } of await listSegments(folder)) {
      signal?.throwIfAborted();
      const bytes = await readFile(path);
      const events = eraseLines(bytes, isErased);
      if (events === 0) continue;
      await writeFileAtomically(path, [bytes]);
      result.events += events;
      result.files++;
    }
    return result;
  } finally {
    await lock.release();
  }
}

/** Overwrites the lines of erased events. Returns their number. A torn last line stays. */
function eraseLines(bytes: Buffer, isErased: (event: Event) => boolean): number {
  let events = 0;
  for (let start = 0, end = bytes.indexOf(newline); end !== -1; start = end + 1, end = bytes.indexOf(newline, start)) {
    // A line without an event is erased, or damaged, which readers report.
    const event = (parseJsonIfValid(bytes.toString('utf8', start, end)) ?? undefined) as Event | undefined;
    if (event === undefined || !isErased(event)) continue;
    bytes.fill(space, start, end);
    bytes.write('null', start);
    events++;
  }
  return events;
}

const newline = 0x0a;
const space = 0x20;

/** Lists the segments of a log by their first offset. */
async function listSegments(folder: string): Promise<Segment[]> {
  const names = await listNames(folder);
  const segments = names.flatMap((name) => {
    const base = segmentBase(name);
    return base === undefined ? [] : [{ base, path: join(folder, name) }];
  });
  return segments.sort((a, b) => a.base - b.base);
}

/** The error for a log that another process writes. */
function logLocked(folder: string, heldBy: number): AppError {
  return new AppError(`Process ${heldBy} is writing the event log ${folder}.`, {
    code: 'EVENTS_LOG_LOCKED',
    category: 'conflict',
    remedy: 'Wait until that process has ended, or stop it.',
    context: { folder, heldBy },
    retryable: true,
  });
}

function unwritable(folder: string, cause: unknown): AppError {
  const reason = (cause as Error | undefined)?.message ?? 'it is open for reading';
  return new AppError(`Cannot write the event log ${folder}: ${reason}.`, {
    code: 'EVENTS_LOG_UNWRITABLE',
    category: 'unavailable',
    remedy: 'Check the free space, the permissions and the health of the disk, then append the same events again.',
    context: { folder },
    retryable: true,
    cause,
  });
}

function damagedLog(folder: string, problem: string): AppError {
  return new AppError(`The event log ${folder} is damaged: ${problem}.`, {
    code: 'EVENTS_LOG_DAMAGED',
    category: 'artifact',
    remedy: 'Restore the files of the log from a backup, or import the source files again into a new folder.',
    context: { folder },
  });
}
