import { fileURLToPath } from 'node:url';
import type { RefreshOutputs, RefreshStage, StageProgress } from '@facet/runs';
import { AppError, runChild } from '@facet/platform';
import type { ChildOptions } from '@facet/platform';

/** What a child process executes: a stage, or the comparison of the catalog with the current bundle that may publish a delta. */
export interface ChildOrder {
  /** The data home. */
  readonly home: string;
  /** The path of `facet.yaml`. */
  readonly configFile: string;
  /** Absent for a delta. */
  readonly task?: {
    readonly runId: string;
    readonly stage: RefreshStage;
    /** Outputs of the earlier stages. */
    readonly outputs: RefreshOutputs;
  };
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
 * @throws AppError as `runChild`; `REFRESH_CHILD_DIED` (retryable) if the child crashed; `REFRESH_DISK_FULL` (retryable) for a full disk.
 */
export async function runRefreshChild<Result>(
  order: ChildOrder,
  options: Pick<ChildOptions<StageProgress>, 'signal' | 'onProgress'>,
): Promise<Result> {
  return runChild<Result, StageProgress>(fileURLToPath(import.meta.resolve('@facet/refresh/child')), order, {
    ...options,
    execArgv: heapLimits,
    env: { ...hugePages, ...process.env },
    describeDeath: ({ cause, lastLine, stderr }) =>
      new AppError(
        `The ${order.task === undefined ? 'delta' : 'stage'} process ended with ${cause}${lastLine === '' ? '.' : `: ${lastLine}`}`,
        {
          code: 'REFRESH_CHILD_DIED',
          category: 'unavailable',
          remedy:
            'If the system killed the process for its memory, run facet estimate. Otherwise read the log of the worker.',
          context: { stderr },
          retryable: true,
        },
      ),
  });
}
