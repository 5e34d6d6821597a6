import { fileURLToPath } from 'node:url';
import type { RefreshOutputs, RefreshStage, StageProgress } from '@facet/pipeline/runs';
import { AppError, runChild } from '@facet/platform';
import type { ChildDeath, ChildOptions } from '@facet/platform';

/** The task of a delta process. */
export interface DeltaOrder {
  /** The data home. */
  readonly home: string;
  /** The path of `facet.yaml`. */
  readonly configFile: string;
}

/** The task of a stage process. */
export interface StageOrder extends DeltaOrder {
  readonly runId: string;
  readonly stage: RefreshStage;
  /** Outputs of the earlier stages. */
  readonly outputs: RefreshOutputs;
}

/**
 * glibc uses huge pages only if this variable is set before the process starts. A training step on a million items then takes a
 * seventh less time. Without huge pages the variable has no effect.
 */
const hugePages = { GLIBC_TUNABLES: 'glibc.malloc.hugetlb=1' };

/** The heap limits of this process, such as `--max-old-space-size`. They also apply to its children. */
const heapLimits = process.execArgv.filter((option) => option.startsWith('--max-'));

/**
 * Executes an order in a child process with the limits of this process.
 *
 * @param name the entry of the child, as this package exports it.
 * @throws AppError as `runChild`; `REFRESH_CHILD_DIED` (retryable) if the child crashed.
 */
export async function runRefreshChild<Result>(
  name: 'stage' | 'delta',
  order: object,
  options: Pick<ChildOptions<StageProgress>, 'signal' | 'onProgress'>,
): Promise<Result> {
  return runChild<Result, StageProgress>(fileURLToPath(import.meta.resolve(`@facet/refresh/${name}`)), order, {
    ...options,
    execArgv: heapLimits,
    env: { ...hugePages, ...process.env },
    describeDeath: (death) => childDied(name, death),
  });
}

function childDied(name: string, { cause, lastLine, stderr }: ChildDeath): AppError {
  return new AppError(`The ${name} process ended with ${cause}${lastLine === '' ? '.' : `: ${lastLine}`}`, {
    code: 'REFRESH_CHILD_DIED',
    category: 'unavailable',
    remedy:
      'If the system killed the process for its memory, run facet estimate. Otherwise read the log of the worker.',
    context: { stderr },
    retryable: true,
  });
}

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
