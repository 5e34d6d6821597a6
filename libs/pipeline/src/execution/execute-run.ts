import type { StageContext } from '../context/stage-context.ts';
import { recordCancellations, watchCancellation } from '../runs/cancel-run.ts';
import { recordStage } from '../runs/record-stage.ts';
import type { StageOutcome } from '../runs/record-stage.ts';
import type { RunStore } from '../runs/run-store.ts';
import { refreshStages } from '../runs/run.ts';
import type { RefreshOutputs, RefreshRun, RefreshStage, RunReport, StageProgress } from '../runs/run.ts';
import { executeStage } from './execute-stage.ts';

export interface ExecuteRunOptions {
  readonly runs: RunStore;
  /** The clock in epoch milliseconds. */
  readonly now: () => number;
  readonly signal?: AbortSignal | undefined;
  readonly onBegin?: (stage: RefreshStage) => void;
  readonly onProgress?: (stage: RefreshStage, progress: StageProgress) => void;
  readonly onStage?: (stage: RefreshStage, outcome: StageOutcome) => void;
}

/** How often this process shows that it is executing the run. The scheduler ends a run that is silent for minutes. */
const touchEveryMs = 10_000;

/**
 * Executes the stages of a run in order, in this process. Executing a killed run again resumes it. Returns early if the run is
 * canceled: training stops soon, other stages finish first.
 */
export async function executeRun(
  context: StageContext,
  run: RefreshRun,
  { runs, now, signal, onBegin, onProgress, onStage }: ExecuteRunOptions,
): Promise<RunReport> {
  let outputs: RefreshOutputs = {};
  // An aborted run can be resumed.
  const willRetry = (): boolean => signal?.aborted === true;
  const cancellation = watchCancellation(runs, run.runId);
  const touching = setInterval(() => void runs.touch(run.runId, now()).catch(() => undefined), touchEveryMs);
  const signals = AbortSignal.any([cancellation.signal, ...(signal === undefined ? [] : [signal])]);
  try {
    for (const stage of refreshStages) {
      signal?.throwIfAborted();
      await recordCancellations(runs, await context.store.promotions(), run.day);
      if (await runs.isCancelled(run.runId)) break;
      onBegin?.(stage);
      const outcome = await recordStage({ runs, now }, { runId: run.runId, stage, willRetry }, () =>
        executeStage(
          context,
          { run, stage, outputs },
          { runs, signal: signals, onProgress: (progress) => onProgress?.(stage, progress) },
        ),
      );
      outputs = outcome.outputs;
      onStage?.(stage, outcome);
      if (outputs.skipped !== undefined) break;
    }
  } catch (error) {
    // The error only says that the canceled run may not continue.
    if (!(await runs.isCancelled(run.runId))) throw error;
  } finally {
    cancellation.stop();
    clearInterval(touching);
  }
  return runs.read(run.runId);
}
