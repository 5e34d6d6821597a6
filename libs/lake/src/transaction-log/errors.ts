import { AppError, isAppError } from '@facet/platform';
import { OpenDuckDbError } from '../duckdb.ts';

/** The reason why a log cannot be read, with a specific remedy. */
export class UnreadableLogError extends Error {
  readonly remedy: string;
  constructor(message: string, remedy: string) {
    super(message);
    this.remedy = remedy;
  }
}

/** Data in a format that this version of Facet does not read. @param format what it has, and what this version reads */
export function otherFormat(format: string): UnreadableLogError {
  return new UnreadableLogError(
    format,
    'Use the version of Facet that wrote it, or import the files into a new data home.',
  );
}

/** The errors of a transaction log and of the files that it lists. A cause that is an `AppError` is returned unchanged. */
export interface LogErrors {
  /** A file is damaged, or the disk or the process cannot read now. DuckDB that did not open is not damage. */
  unreadable(path: string, cause: unknown): AppError;
  /** Returns the result of a read. @throws AppError of `unreadable` if it fails. */
  reading<Result>(path: string, read: Promise<Result>): Promise<Result>;
  unwritable(folder: string, cause: unknown): AppError;
  /** Returns the result of a write. @throws AppError of `unwritable` if it fails. */
  writing<Result>(folder: string, write: Promise<Result>): Promise<Result>;
  /** Another writer has committed the same offsets. `sources` are those that this writer lost. */
  superseded(folder: string, sources: readonly string[]): AppError;
}

export const lakeLogErrors = createLogErrors('lake', {
  restore: 'Restore the file from a backup, rebuild the lake from the event log, or import the files into a new home.',
  kept: 'The event log still has all events.',
});

export const catalogLogErrors = createLogErrors('catalog', {
  restore:
    'Restore the whole catalog folder from a backup. Without a backup, delete the folder: the sink reads items and users again ' +
    'from Kafka. Then import the item and user files again.',
  kept: 'Kafka or the imported files still have the changes.',
});

/**
 * @param restore the remedy for damaged files
 * @param kept why a failed write loses nothing
 */
function createLogErrors(
  data: 'lake' | 'catalog',
  { restore, kept }: { readonly restore: string; readonly kept: string },
): LogErrors {
  const unreadable = (path: string, cause: unknown): AppError => {
    if (isAppError(cause)) return cause;
    const message = `Cannot read the ${data} at ${path}: ${reasonOf(cause)}.`;
    const details = { context: { path }, cause };
    const isOfDisk = diskFailure.test(reasonOf(cause));
    if (cause instanceof OpenDuckDbError || environmentFailure.test(reasonOf(cause))) {
      return new AppError(message, {
        code: data === 'lake' ? 'EVENTS_LAKE_UNREADABLE' : 'EVENTS_CATALOG_UNREADABLE',
        category: 'unavailable',
        remedy:
          'Check the disk, the free space, the permissions and the mounts of this folder and of the folder for temporary files, and ' +
          `the limits of open files and threads. Then retry.${isOfDisk ? ` If the disk stays broken, replace it. ${restore}` : ''}`,
        retryable: true,
        ...details,
      });
    }
    return new AppError(message, {
      code: data === 'lake' ? 'EVENTS_LAKE_DAMAGED' : 'EVENTS_CATALOG_DAMAGED',
      category: 'artifact',
      remedy: cause instanceof UnreadableLogError ? cause.remedy : restore,
      ...details,
    });
  };
  const unwritable = (folder: string, cause: unknown): AppError => {
    if (isAppError(cause)) return cause;
    return new AppError(`Cannot write the ${data} ${folder}: ${reasonOf(cause)}.`, {
      code: data === 'lake' ? 'EVENTS_LAKE_UNWRITABLE' : 'EVENTS_CATALOG_UNWRITABLE',
      category: 'unavailable',
      remedy: `Check the free space, the permissions and the health of the disk, then retry. ${kept}`,
      context: { folder },
      retryable: true,
      cause,
    });
  };
  return {
    unreadable,
    reading: (path, read) =>
      read.catch((error: unknown) => {
        throw unreadable(path, error);
      }),
    unwritable,
    writing: (folder, write) =>
      write.catch((error: unknown) => {
        throw unwritable(folder, error);
      }),
    superseded: (folder, sources) =>
      new AppError(
        `Another writer has committed to the ${data} ${folder}${sources.length === 0 ? '' : ` for ${sources.join(', ')}`}.`,
        {
          code: data === 'lake' ? 'EVENTS_LAKE_SUPERSEDED' : 'EVENTS_CATALOG_SUPERSEDED',
          category: 'conflict',
          remedy: `Stop this writer, or let it resume at the committed offsets. ${kept}`,
          context: { folder, sources },
        },
      ),
  };
}

/** Messages of Node.js and DuckDB about a broken disk. */
const diskFailure = /i\/o error|input\/output error/i;

/** Messages of Node.js and DuckDB about reads that can succeed later without a change of the files. */
const environmentFailure =
  /no space left|quota exceeded|out of memory|permission denied|not permitted|too many open files|table overflow|read-only file system|resource temporarily unavailable|i\/o error|input\/output error/i;

/**
 * Returns why a file is lost: it is damaged or missing, or its disk is broken. Returns `undefined` if the file can be read later,
 * for example with more memory.
 */
export function lossOf(path: string, cause: unknown): string | undefined {
  const reason = reasonOf(cause);
  const isOfDisk = diskFailure.test(reason) && reason.includes(path);
  return isOfDisk || !environmentFailure.test(reason) ? reason : undefined;
}

/** Returns the first line of the message. DuckDB appends advice and SQL. */
function reasonOf(cause: unknown): string {
  const [line = ''] = (cause as Error).message.trim().split('\n');
  return line.replace(/\.$/, '');
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

/** Another compaction or rebuild holds the right to rewrite files, or has taken it over. */
export function lakeBusy(
  lakeFolder: string,
  claim: { readonly pid: number; readonly host: string } | undefined,
): AppError {
  const holder = claim === undefined ? 'Another process' : `Process ${claim.pid} on ${claim.host}`;
  return new AppError(`${holder} is rewriting the files of the lake ${lakeFolder}.`, {
    code: 'EVENTS_LAKE_BUSY',
    category: 'conflict',
    remedy: 'Wait until that compaction or rebuild has ended.',
    context: { lakeFolder, ...claim },
    retryable: true,
  });
}
