import { AppError } from '@facet/platform';
import type { RunStore } from './run-store.ts';
import { hasEnded, toProblem } from './run.ts';
import type { RefreshOutputs, RefreshStage, StageResult } from './run.ts';

interface StageExecution {
  /** Does the work of the stage, in this process or in a child process. Stops soon after the signal. */
  readonly execute: (signal: AbortSignal) => Promise<StageResult<RefreshOutputs>>;
  /** Whether the stage is retried after this error. */
  readonly willRetry: (error: unknown) => boolean;
  readonly signal?: AbortSignal | undefined;
  /** Called when the stage begins. */
  readonly onStart?: () => void;
}

/** How often a run in progress records that a process is executing it. The scheduler ends a run that is silent for minutes. */
const touchEveryMs = 10_000;
/** How often to check whether a run was canceled. */
const pollEveryMs = 500;

/**
 * Executes one stage of a run, and records its start and its end. `facet refresh` and the workers of the queue execute every stage
 * with this function. Its signal aborts with `REFRESH_CANCELED` when the run is canceled.
 *
 * @returns the result; undefined if the run was promoted, rejected, skipped or canceled before.
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
    // On a full disk the error of the stage matters more than the record, which then still says "running".
    await runs.write(runId, { ...ended, willRetry: willRetry(error) }).catch(() => undefined);
    throw error;
  } finally {
    clearInterval(polling);
    clearInterval(touching);
  }
}

async function abortIfCanceled(runs: RunStore, runId: string, canceling: AbortController): Promise<void> {
  if (!(await runs.isCanceled(runId).catch(() => false))) return;
  // The caller does not await this, so a read error must not become an unhandled rejection.
  const reason = await runs.read(runId).then(
    (report) => report.reason,
    () => undefined,
  );
  const message = `canceled: ${reason ?? 'see facet runs'}`;
  canceling.abort(new AppError(message, { code: 'REFRESH_CANCELED', category: 'conflict' }));
}
