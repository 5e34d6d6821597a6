import type { RunStore } from './run-store.ts';
import { toProblem } from './run.ts';
import type { RefreshOutputs, RefreshStage } from './run.ts';

/** The result of a stage. */
export interface StageOutcome {
  readonly outputs: RefreshOutputs;
  readonly isReused: boolean;
}

/** Executes a stage and records its start and its end in the run store. */
export async function recordStage(
  { runs, now }: { readonly runs: Pick<RunStore, 'read' | 'write'>; readonly now: () => number },
  {
    runId,
    stage,
    willRetry,
  }: {
    readonly runId: string;
    readonly stage: RefreshStage;
    /** Whether the stage is retried after this error. */
    readonly willRetry: (error: unknown) => boolean;
  },
  execute: () => Promise<StageOutcome>,
): Promise<StageOutcome> {
  const before = (await runs.read(runId)).stages.find((record) => record.stage === stage);
  const started = { stage, attempt: (before?.attempt ?? 0) + 1, startedAt: now() };
  await runs.write(runId, { ...started, state: 'running' });
  try {
    const outcome = await execute();
    await runs.write(runId, { ...started, state: 'finished', endedAt: now(), ...outcome });
    return outcome;
  } catch (error) {
    const ended = { ...started, state: 'failed' as const, endedAt: now(), problem: toProblem(error) };
    // On a full disk the error of the stage matters more than the record, which then still says "running".
    await runs.write(runId, { ...ended, willRetry: willRetry(error) }).catch(() => undefined);
    throw error;
  }
}
