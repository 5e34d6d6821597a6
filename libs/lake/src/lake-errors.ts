import { AppError } from '@facet/platform';
import type { MaintenanceClaim } from './lake-record.ts';

/** What a file of the lake that cannot be read becomes; the cause's message names the file. */
export function lakeDamaged(lakeFolder: string, cause: unknown): AppError {
  return new AppError(`The lake in ${lakeFolder} cannot be read: ${(cause as Error).message.trim()}`, {
    code: 'EVENTS_LAKE_DAMAGED',
    category: 'artifact',
    remedy:
      'Restore the file it names, rebuild the lake from the event log, or import the files again into a new home.',
    context: { lakeFolder },
    cause,
  });
}

/** A read took so long that files which were replaced in the meantime have been deleted. */
export function lakeSnapshotExpired(lakeFolder: string, cause: unknown): AppError {
  return new AppError(`Files of the lake ${lakeFolder} were replaced and deleted while they were being read.`, {
    code: 'EVENTS_LAKE_SNAPSHOT_EXPIRED',
    category: 'unavailable',
    remedy: 'Read again, or give compactions a longer grace period.',
    context: { lakeFolder },
    retryable: true,
    cause,
  });
}

export function lakeUnwritable(lakeFolder: string, cause: unknown): AppError {
  return new AppError(`The event lake ${lakeFolder} cannot be written: ${(cause as Error).message}.`, {
    code: 'EVENTS_LAKE_UNWRITABLE',
    category: 'unavailable',
    remedy: 'Check the disk: space, permissions, health. The events are safe in the log and are written next time.',
    context: { lakeFolder },
    retryable: true,
    cause,
  });
}

/** Another writer went on where this one stood. `sources` are those that it lost. */
export function lakeSuperseded(lakeFolder: string, sources: readonly string[]): AppError {
  const what = sources.length === 0 ? '' : ` with ${sources.join(', ')}`;
  return new AppError(`The lake ${lakeFolder} has gone on${what} without this writer.`, {
    code: 'EVENTS_LAKE_SUPERSEDED',
    category: 'conflict',
    remedy: 'Stop this writer, or go on from the committed offsets. No event is lost.',
    context: { lakeFolder, sources },
  });
}

/** Another compaction or rebuild has the right to rewrite files, or had it in the meantime. */
export function lakeBusy(lakeFolder: string, claim: MaintenanceClaim | undefined): AppError {
  const holder = claim === undefined ? 'another process' : `process ${claim.pid} on ${claim.host}`;
  return new AppError(`The files of the lake ${lakeFolder} are being rewritten by ${holder}.`, {
    code: 'EVENTS_LAKE_BUSY',
    category: 'conflict',
    remedy: 'Wait until that compaction or rebuild has ended.',
    context: { lakeFolder, ...claim },
    retryable: true,
  });
}
