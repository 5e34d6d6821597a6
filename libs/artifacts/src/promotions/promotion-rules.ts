import { AppError } from '@facet/platform';
import type { PromotionRecord, PromotionRun } from './promotion-record.ts';

/**
 * Refuses the promotion of a run if it was canceled, another run has fenced off its day since, or the current artifact
 * comes from a later day.
 *
 * @param records All records of the log, oldest first.
 * @throws AppError `PROMOTION_SUPERSEDED`.
 */
export function refuseSuperseded(run: PromotionRun, records: readonly PromotionRecord[]): void {
  refuseCanceled(run, records);
  const fence = records.findLast((record) => record.kind === 'fence' && record.run?.day === run.day);
  if (fence?.run !== undefined && fence.run.runId !== run.runId) {
    throw superseded(run, `run ${fence.run.runId} has fenced off the day`);
  }
  const day = originOfCurrent(records)?.run?.day;
  if (day !== undefined && day > run.day) throw superseded(run, `the current artifact is of a later day, ${day}`);
}

/** @throws AppError `PROMOTION_SUPERSEDED`. */
function refuseCanceled(run: PromotionRun, records: readonly PromotionRecord[]): void {
  if (cancellationOf(run, records) !== undefined) throw superseded(run, 'it was canceled');
}

/** Returns the cancellation of a run, if it was canceled. */
export function cancellationOf(run: PromotionRun, records: readonly PromotionRecord[]): PromotionRecord | undefined {
  return records.find(({ kind, run: by }) => kind === 'cancel' && by?.runId === run.runId);
}

/** Returns the promotion of a run, if it has promoted. A run promotes once. */
export function promotionOf(run: PromotionRun, records: readonly PromotionRecord[]): PromotionRecord | undefined {
  return records.find(({ kind, run: by }) => kind === 'promote' && by?.runId === run.runId);
}

/**
 * Returns the fence that `run` holds, or undefined if it may set one.
 *
 * @throws AppError `PROMOTION_SUPERSEDED` if the run was canceled, or had a fence and lost it to another run.
 */
export function fenceOf(run: PromotionRun, records: readonly PromotionRecord[]): PromotionRecord | undefined {
  refuseCanceled(run, records);
  const fences = records.filter((record) => record.kind === 'fence' && record.run?.day === run.day);
  const newest = fences.at(-1);
  if (newest?.run?.runId === run.runId) return newest;
  if (newest?.run !== undefined && fences.some((fence) => fence.run?.runId === run.runId)) {
    throw superseded(run, `run ${newest.run.runId} has fenced off the day`);
  }
  return undefined;
}

/** Returns the promotion that introduced the current artifact, also when a rollback restored it. */
function originOfCurrent(records: readonly PromotionRecord[]): PromotionRecord | undefined {
  const current = records.at(-1)?.ref;
  return records.findLast(
    ({ kind, ref }) => kind === 'promote' && ref?.id === current?.id && ref?.kind === current?.kind,
  );
}

function superseded({ runId, day }: PromotionRun, reason: string): AppError {
  return new AppError(`Run ${runId} of ${day} may no longer promote: ${reason}.`, {
    code: 'PROMOTION_SUPERSEDED',
    category: 'conflict',
    remedy: 'No action needed. The bundle is kept; promote it by its id if you want it.',
    context: { runId, day },
  });
}

/** Returns the artifact `id` if it was current at some time, else `null`. */
export function onceCurrent(id: string, records: readonly PromotionRecord[]): PromotionRecord['ref'] {
  return records.find(({ ref }) => ref?.id === id)?.ref ?? null;
}
