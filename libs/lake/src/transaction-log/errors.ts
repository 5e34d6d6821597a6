import { AppError } from '@facet/platform';
import type { MaintenanceClaim } from './transaction.ts';

/** The errors of a transaction log, which name the data that it describes. */
export interface LogErrors {
  damaged(folder: string, cause: unknown): AppError;
  unwritable(folder: string, cause: unknown): AppError;
  superseded(folder: string, sources: readonly string[]): AppError;
}

export const lakeErrors: LogErrors = { damaged: lakeDamaged, unwritable: lakeUnwritable, superseded: lakeSuperseded };

/** A file of the lake cannot be read. The message of the cause names the file. */
export function lakeDamaged(lakeFolder: string, cause: unknown): AppError {
  return new AppError(`Cannot read the lake in ${lakeFolder}: ${(cause as Error).message.trim()}`, {
    code: 'EVENTS_LAKE_DAMAGED',
    category: 'artifact',
    remedy:
      'Restore the named file from a backup, rebuild the lake from the event log, or import the files into a new home.',
    context: { lakeFolder },
    cause,
  });
}

/** A slow read lost its files: a compaction replaced them and deleted them after the grace period. */
export function lakeSnapshotExpired(lakeFolder: string, cause: unknown): AppError {
  return new AppError(`A compaction deleted files of the lake ${lakeFolder} during the read.`, {
    code: 'EVENTS_LAKE_SNAPSHOT_EXPIRED',
    category: 'unavailable',
    remedy: 'Read again, or run compactions with a longer grace period.',
    context: { lakeFolder },
    retryable: true,
    cause,
  });
}

export function lakeUnwritable(lakeFolder: string, cause: unknown): AppError {
  return new AppError(`Cannot write the lake ${lakeFolder}: ${(cause as Error).message}.`, {
    code: 'EVENTS_LAKE_UNWRITABLE',
    category: 'unavailable',
    remedy:
      'Check the free space, the permissions and the health of the disk, then retry. The event log still has all events.',
    context: { lakeFolder },
    retryable: true,
    cause,
  });
}

/** Another writer has committed the same offsets. `sources` are those that this writer lost. */
export function lakeSuperseded(lakeFolder: string, sources: readonly string[]): AppError {
  const which = sources.length === 0 ? '' : ` for ${sources.join(', ')}`;
  return new AppError(`Another writer has committed to the lake ${lakeFolder}${which}.`, {
    code: 'EVENTS_LAKE_SUPERSEDED',
    category: 'conflict',
    remedy: 'Stop this writer, or let it resume at the committed offsets. No event is lost.',
    context: { lakeFolder, sources },
  });
}

/** Another compaction or rebuild holds the right to rewrite files, or has taken it over. */
export function lakeBusy(lakeFolder: string, claim: MaintenanceClaim | undefined): AppError {
  const holder = claim === undefined ? 'Another process' : `Process ${claim.pid} on ${claim.host}`;
  return new AppError(`${holder} is rewriting the files of the lake ${lakeFolder}.`, {
    code: 'EVENTS_LAKE_BUSY',
    category: 'conflict',
    remedy: 'Wait until that compaction or rebuild has ended.',
    context: { lakeFolder, ...claim },
    retryable: true,
  });
}
