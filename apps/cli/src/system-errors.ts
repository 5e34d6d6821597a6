import { AppError, isAppError } from '@facet/platform/errors';

const remedyOfSystemError: Readonly<Record<string, string>> = {
  ENOSPC: 'The disk is full. Free some space and run the same command again. Finished stages are kept.',
  EDQUOT: 'The disk quota is exhausted. Free some space and run the same command again. Finished stages are kept.',
  EACCES: 'Change the permissions, or choose another folder with --home or FACET_CACHE_DIR.',
  EPERM: 'Change the permissions, or choose another folder with --home.',
  ENOTDIR: 'The path leads through a file. Choose another folder with --home or FACET_CACHE_DIR.',
  EROFS: 'The file system is read-only. Choose another folder with --home.',
  EMFILE: 'Too many files are open. Raise the limit: ulimit -n 4096.',
};

/** Adds a remedy to an error whose chain of causes contains an error of the operating system. Returns other errors unchanged. */
export function explainSystemError(error: unknown): unknown {
  for (let cause = error, depth = 0; cause instanceof Error && depth < 5; cause = cause.cause, depth++) {
    const { code, path } = cause as NodeJS.ErrnoException;
    const remedy = code === undefined ? undefined : remedyOfSystemError[code];
    if (remedy === undefined) continue;
    // The remedy of an AppError is more specific, except for a full disk.
    if (isAppError(error) && error.remedy !== undefined && code !== 'ENOSPC') return error;
    const what = isAppError(error) ? error.message : `${path ?? 'A file'} cannot be used: ${cause.message}.`;
    return new AppError(what, { code: `SYSTEM_${code}`, category: 'internal', remedy, retryable: true, cause: error });
  }
  return error;
}
