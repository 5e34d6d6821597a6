import { AppError } from '@facet/platform';

/** Executes a task of a child. @throws AppError `REFRESH_DISK_FULL` (retryable) for a full disk; as the task. */
export async function explainFullDisk<Result>(task: () => Promise<Result>): Promise<Result> {
  try {
    return await task();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
    throw new AppError((error as Error).message, {
      code: 'REFRESH_DISK_FULL',
      category: 'unavailable',
      remedy: 'Free some disk space. Finished stages are kept.',
      retryable: true,
      cause: error,
    });
  }
}
