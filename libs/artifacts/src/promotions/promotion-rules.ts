import { AppError } from '@facet/platform';
import type { PromotionRecord, PromotionRun } from './promotion-record.ts';

/**
 * Refuses a run that must not promote: one whose day another run has fenced off since, or one that comes after the bundle
 * of a later day. `records` are all of the log, oldest first.
 *
 * @throws AppError `PROMOTION_SUPERSEDED`
 */
export function refuseSuperseded(run: PromotionRun, records: readonly PromotionRecord[]): void {
  const fence = records.findLast((record) => record.kind === 'fence' && record.run?.day === run.day);
  if (fence?.run !== undefined && fence.run.runId !== run.runId) {
    throw superseded(run, `run ${fence.run.runId} has taken the day over`);
  }
  const day = originOfCurrent(records)?.run?.day;
  if (day !== undefined && day > run.day) throw superseded(run, `what is current is of a later day, ${day}`);
}

/** The promotion of a run, if it has made one: a run promotes once. */
export function promotionOf(run: PromotionRun, records: readonly PromotionRecord[]): PromotionRecord | undefined {
  return records.find(({ kind, run: by }) => kind === 'promote' && by?.runId === run.runId);
}

/**
 * The fence that `run` still holds, or undefined if it may set one.
 *
 * @throws AppError `PROMOTION_SUPERSEDED` for a run that had one and has lost it: it must not take the day back.
 */
export function fenceOf(run: PromotionRun, records: readonly PromotionRecord[]): PromotionRecord | undefined {
  const fences = records.filter((record) => record.kind === 'fence' && record.run?.day === run.day);
  const newest = fences.at(-1);
  if (newest?.run?.runId === run.runId) return newest;
  if (newest?.run !== undefined && fences.some((fence) => fence.run?.runId === run.runId)) {
    throw superseded(run, `run ${newest.run.runId} has taken the day over`);
  }
  return undefined;
}

/** The promotion that first made current what is so now; a rollback gives back what an earlier one has made so. */
function originOfCurrent(records: readonly PromotionRecord[]): PromotionRecord | undefined {
  const current = records.at(-1)?.ref;
  return records.findLast(
    ({ kind, ref }) => kind === 'promote' && ref?.id === current?.id && ref?.kind === current?.kind,
  );
}

function superseded({ runId, day }: PromotionRun, reason: string): AppError {
  return new AppError(`Run ${runId} of ${day} may not promote any more: ${reason}.`, {
    code: 'PROMOTION_SUPERSEDED',
    category: 'conflict',
    remedy: 'Nothing is to be done: its bundle is kept, and can be promoted by its id.',
    context: { runId, day },
  });
}
