import { AppError } from '@facet/platform';
import type { RunStore } from './run-store.ts';
import { hasEnded, toProblem } from './run.ts';
import type { RefreshOutputs, RefreshStage, StageResult } from './run.ts';

interface StageExecution {
  /** Executes the stage, in this process or in a child process. Stops soon after the signal aborts. */
  readonly execute: (signal: AbortSignal) => Promise<StageResult<RefreshOutputs>>;
  /** Whether the stage is retried after this error. */
  readonly willRetry: (error: unknown) => boolean;
  readonly signal?: AbortSignal | undefined;
  /** Called when the stage begins. */
  readonly onStart?: () => void;
}

/** How often a run in progress records that a process is executing it. The scheduler ends a run that has recorded nothing for minutes. */
const touchEveryMs = 10_000;
/** How often to check whether a run was canceled. */
const pollEveryMs = 500;

/**
 * Executes one stage of a run, and records its start and its end. `facet refresh` and the workers of the queue execute every stage
 * with this function. If the run is canceled, aborts the signal of `execute` with `REFRESH_CANCELED`.
 *
 * @returns the result; undefined if the run had already been promoted, rejected, skipped or canceled.
 * @throws as `execute`, and AppError as `RunStore.read`.
 */
export async function runStage(
  { runs, now }: { readonly runs: RunStore; readonly now: () => number },
  { runId, stage }: { readonly runId: string; readonly stage: RefreshStage },
  { execute, willRetry, signal, onStart }: StageExecution,
): Promise<StageResult<RefreshOutputs> | undefined> {
  signal?.throwIfAborted();
  const report = await runs.read(runId);
  if (hasEnded(report) && report.state !== 'failed') return undefined;
  const before = report.stages.find((record) => record.stage === stage);
  const started = { stage, attempt: (before?.attempt ?? 0) + 1, startedAt: now() };
  await runs.write(runId, { ...started, state: 'running' });
  onStart?.();
  const canceling = new AbortController();
  const polling = setInterval(() => void abortIfCanceled(runs, runId, canceling), pollEveryMs);
  const touching = setInterval(() => void runs.touch(runId, now()).catch(() => undefined), touchEveryMs);
  try {
    const result = await execute(AbortSignal.any([canceling.signal, ...(signal === undefined ? [] : [signal])]));
    const { output: outputs, isReused } = result;
    await runs.write(runId, { ...started, state: 'finished', endedAt: now(), outputs, isReused });
    return result;
  } catch (error) {
    const ended = { ...started, state: 'failed' as const, endedAt: now(), problem: toProblem(error) };
    // Ignores a failed write, for example on a full disk: the error of the stage matters more. The record then still says "running".
    await runs.write(runId, { ...ended, willRetry: willRetry(error) }).catch(() => undefined);
    throw error;
  } finally {
    clearInterval(polling);
    clearInterval(touching);
  }
}

async function abortIfCanceled(runs: RunStore, runId: string, canceling: AbortController): Promise<void> {
  if (!(await runs.isCanceled(runId).catch(() => false))) return;
  // The timer does not await this function, so a read error must not become an unhandled rejection.
  const reason = await runs.read(runId).then(
    (report) => report.reason,
    () => undefined,
  );
  const message = `canceled: ${reason ?? 'see facet runs'}`;
  canceling.abort(new AppError(message, { code: 'REFRESH_CANCELED', category: 'conflict' }));
}
