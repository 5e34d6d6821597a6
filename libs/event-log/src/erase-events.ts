import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { listNames, parseJsonIfValid, pathExists, takeFolderLock, writeFileAtomically } from '@facet/platform';
import type { Event } from '@facet/schemas';
import { listSegments, logLocked } from './file-event-log.ts';
import { isSegmentCopy } from './segment.ts';

const newline = 0x0a;
const space = 0x20;

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
