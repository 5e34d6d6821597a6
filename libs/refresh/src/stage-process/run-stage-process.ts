import type { StageOutcome } from '@facet/pipeline/refresh';
import type { StageOrder } from './messages.ts';
import { runChild } from './run-child.ts';
import type { ChildWatch } from './run-child.ts';

/**
 * Does a stage in a process of its own: native code blocks its thread, leaks, and may abort.
 *
 * @throws AppError those of the stage and of `runChild`.
 */
export function runStageProcess(order: StageOrder, watch: ChildWatch): Promise<StageOutcome> {
  return runChild<StageOutcome>('stage', order, watch);
}
