import { isAppError } from '@facet/platform';
import type { RefreshOutputs, RefreshStage, StageProblem } from './refresh-run.ts';
import type { RunStore } from './run-store.ts';

/** What a stage came to. */
export interface StageOutcome {
  readonly outputs: RefreshOutputs;
  readonly isReused: boolean;
}

/** Runs a stage and keeps the record of it: that it runs, and how it ended. */
export async function recordStage(
  { runs, now }: { readonly runs: RunStore; readonly now: () => number },
  {
    runId,
    stage,
    willRetry = () => false,
  }: {
    readonly runId: string;
    readonly stage: RefreshStage;
    /** Whether the stage is tried again after this failure. */
    readonly willRetry?: (error: unknown) => boolean;
  },
  work: () => Promise<StageOutcome>,
): Promise<StageOutcome> {
  const before = (await runs.read(runId)).stages.find((record) => record.stage === stage);
  const begun = { stage, attempt: (before?.attempt ?? 0) + 1, startedAt: now() };
  await runs.write(runId, { ...begun, state: 'running' });
  try {
    const outcome = await work();
    await runs.write(runId, { ...begun, state: 'finished', endedAt: now(), ...outcome });
    return outcome;
  } catch (error) {
    const ended = { ...begun, state: 'failed' as const, endedAt: now(), problem: problemOf(error) };
    // On a full disk the failure itself is told; the record goes on to say that the stage runs.
    await runs.write(runId, { ...ended, willRetry: willRetry(error) }).catch(() => undefined);
    throw error;
  }
}

export function problemOf(error: unknown): StageProblem {
  const message = error instanceof Error ? error.message : String(error);
  if (!isAppError(error)) return { code: (error as NodeJS.ErrnoException).code ?? 'UNEXPECTED', message };
  return { code: error.code, message, ...(error.remedy === undefined ? {} : { remedy: error.remedy }) };
}
