import type { ArtifactStore } from '@facet/artifacts';
import { AppError } from '@facet/platform';
import { boundsOf, dayAt, parseDataDay, shiftDay } from './data-day.ts';
import type { RefreshRun, RunReport } from './run.ts';
import type { RunStore } from './run-store.ts';
import type { RefreshSchedule } from './schedule.ts';

/** A refresh that somebody asks for. */
export interface RefreshRequest {
  /** `YYYY-MM-DD`; the newest day that is over, unless given. */
  readonly day?: string | undefined;
  /** Also when nothing is new, or the day has been refreshed. */
  readonly isForced?: boolean | undefined;
  /** Trains from the beginning. */
  readonly isFull?: boolean | undefined;
  /** By whom the stages are done: workers, unless given. */
  readonly place?: RefreshRun['place'];
  /** `schedule`, or who asks. */
  readonly requestedBy: string;
}

export interface RequestDeps {
  readonly runs: RunStore;
  readonly store: ArtifactStore;
  readonly schedule: Pick<RefreshSchedule, 'timeZone'>;
  /** The clock in epoch milliseconds. */
  readonly now: () => number;
}

/**
 * Makes a run, unless one of the day does already. From then on no earlier run of the day can promote.
 *
 * @throws AppError `REFRESH_DAY_INVALID`, `REFRESH_DAY_NOT_OVER`, `REFRESH_DAY_SUPERSEDED`.
 */
export async function requestRun(
  { runs, store, schedule, now }: RequestDeps,
  { day: asked, isForced = false, isFull = false, place = 'queue', requestedBy }: RefreshRequest,
): Promise<{ readonly report: RunReport; readonly isNew: boolean }> {
  const requestedAt = now();
  const day = asked === undefined ? newestDayOver(requestedAt, schedule) : parseDataDay(asked);
  const { before: occurredBefore } = boundsOf(day, schedule.timeZone);
  if (occurredBefore > requestedAt) {
    throw new AppError(`The day ${day} is not over in ${schedule.timeZone}.`, {
      code: 'REFRESH_DAY_NOT_OVER',
      category: 'precondition',
      remedy: `Refresh ${newestDayOver(requestedAt, schedule)}, or wait until the day has ended.`,
    });
  }
  await refuseEarlierDay(store, day);
  const cut = { occurredBefore, receivedBefore: requestedAt };
  const requested = await runs.findOrCreate({ day, cut, isForced, isFull, place, requestedBy, requestedAt });
  if (requested.isNew) await store.fence({ runId: requested.report.run.runId, day });
  return requested;
}

/** What is made of older data than what is current could not be promoted in the end: better known now. */
async function refuseEarlierDay(store: ArtifactStore, day: string): Promise<void> {
  const current = (await store.promotions()).findLast(({ kind }) => kind !== 'fence');
  if (current?.kind !== 'promote' || current.run === undefined || current.run.day <= day) return;
  throw new AppError(`The current bundle is of ${current.run.day}, which is later than ${day}.`, {
    code: 'REFRESH_DAY_SUPERSEDED',
    category: 'precondition',
    remedy: 'Refresh a later day, or roll back first: facet rollback.',
    context: { day, currentDay: current.run.day },
  });
}

/** The newest day that has ended. */
export function newestDayOver(now: number, { timeZone }: Pick<RefreshSchedule, 'timeZone'>): string {
  return shiftDay(dayAt(now, timeZone), -1);
}
