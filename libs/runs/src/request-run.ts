import { changesCurrent } from '@facet/artifacts';
import type { ArtifactStore, PromotionRecord } from '@facet/artifacts';
import { AppError, isAppError } from '@facet/platform';
import type { LogOffsets, RunStore } from './run-store.ts';
import { hasEnded } from './run.ts';
import type { RefreshRun, RunReport } from './run.ts';
import { boundsOf, dayAt, parseDataDay, shiftDay } from './schedule.ts';
import type { RefreshSchedule } from './schedule.ts';

export interface RefreshRequest {
  /** `YYYY-MM-DD`; the newest day that is over by default. */
  readonly day?: string | undefined;
  /** Runs even if nothing is new or the day was refreshed before. */
  readonly isForced?: boolean | undefined;
  /** Trains from the beginning. */
  readonly isFull?: boolean | undefined;
  /** Why bad days do not stop the run. */
  readonly acceptedBadData?: string | undefined;
  /** Who executes the stages; workers by default. */
  readonly place?: RefreshRun['place'];
  /** `schedule`, or the name of the requester. */
  readonly requestedBy: string;
}

export interface RequestDeps {
  readonly runs: RunStore;
  readonly store: ArtifactStore;
  /** Without it, each request for a day that was rejected for too few users creates a run. */
  readonly lakeFolder?: string;
  readonly schedule: Pick<RefreshSchedule, 'timeZone'>;
  /** The clock in epoch milliseconds. */
  readonly now: () => number;
}

/**
 * Creates a run, unless the request would only repeat an existing run of the day. Earlier runs of the day can then no longer
 * promote.
 *
 * @throws AppError `REFRESH_DAY_INVALID`, `REFRESH_DAY_NOT_OVER`, `REFRESH_DAY_SUPERSEDED`, `REFRESH_RUN_UNFINISHED`.
 */
export async function requestRun(
  { runs, store, lakeFolder, schedule, now }: RequestDeps,
  {
    day: requestedDay,
    isForced = false,
    isFull = false,
    acceptedBadData,
    place = 'queue',
    requestedBy,
  }: RefreshRequest,
): Promise<{ readonly report: RunReport; readonly isNew: boolean }> {
  const requestedAt = now();
  const day = requestedDay === undefined ? newestDayOver(requestedAt, schedule) : parseDataDay(requestedDay);
  const { before: occurredBefore } = boundsOf(day, schedule.timeZone);
  if (occurredBefore > requestedAt) {
    throw new AppError(`The day ${day} is not over in ${schedule.timeZone}.`, {
      code: 'REFRESH_DAY_NOT_OVER',
      category: 'precondition',
      remedy: `Refresh ${newestDayOver(requestedAt, schedule)}, or wait until the day has ended.`,
    });
  }
  const promotions = await store.promotions();
  refuseSupersededDay(promotions, day);
  // The promotion log refuses these runs, and it may outlive the folder of the runs.
  const ended = promotions.filter(({ kind }) => kind === 'cancel' || kind === 'promote');
  await recordCancellations(runs, promotions, day);
  const cut = { occurredBefore, receivedBefore: requestedAt };
  const accepted = acceptedBadData === undefined ? {} : { acceptedBadData };
  const requested = await runs.findOrCreate(
    { day, cut, isForced, isFull, ...accepted, place, requestedBy, requestedAt },
    {
      usedRunIds: new Set(ended.flatMap(({ run }) => run?.runId ?? [])),
      readOffsets: lakeFolder === undefined ? undefined : () => readOffsets(lakeFolder),
    },
  );
  if (requested.isNew) await store.fence({ runId: requested.report.run.runId, day });
  return requested;
}

async function readOffsets(lakeFolder: string): Promise<LogOffsets> {
  // Loads DuckDB, which most requests do not need.
  const { lakeStatus } = await import('@facet/lake');
  return (await lakeStatus(lakeFolder)).offsets;
}

/** Fails early: the promotion of a day before the current one would be refused at the end of the run. */
function refuseSupersededDay(promotions: readonly PromotionRecord[], day: string): void {
  const current = promotions.findLast(changesCurrent);
  if (current?.kind !== 'promote' || current.run === undefined || current.run.day <= day) return;
  throw new AppError(`The current bundle is of ${current.run.day}, which is later than ${day}.`, {
    code: 'REFRESH_DAY_SUPERSEDED',
    category: 'precondition',
    remedy: 'Refresh a later day, or roll back first with facet rollback.',
    context: { day, currentDay: current.run.day },
  });
}

/** Returns the newest day that has ended. */
export function newestDayOver(now: number, { timeZone }: Pick<RefreshSchedule, 'timeZone'>): string {
  return shiftDay(dayAt(now, timeZone), -1);
}

/**
 * Cancels a run, unless it has ended. The promotion log records the cancellation first: the run can then neither promote nor
 * fence its day, although its stage may take seconds to stop. So a request for the day may create the next run immediately.
 *
 * @throws AppError `REFRESH_RUN_UNKNOWN`.
 */
export async function cancelRun(
  { runs, store }: { readonly runs: RunStore; readonly store: Pick<ArtifactStore, 'cancel'> },
  runId: string,
  { by, reason }: { readonly by?: string | undefined; readonly reason: string },
): Promise<RunReport> {
  const report = await runs.read(runId);
  if (hasEnded(report)) return report;
  const record = await store.cancel({ runId, day: report.run.day }, { by, reason });
  // The process that promoted has not recorded it yet.
  if (record.kind === 'promote') return { ...(await runs.read(runId)), state: 'promoted' };
  return runs.cancel(runId, record.reason ?? reason);
}

/**
 * Copies cancellations of a day from the promotion log to the run store.
 *
 * @param promotions all records of the promotion log
 */
export async function recordCancellations(
  runs: Pick<RunStore, 'cancel'>,
  promotions: readonly PromotionRecord[],
  day: string,
): Promise<void> {
  for (const { kind, run, reason } of promotions) {
    if (kind !== 'cancel' || run?.day !== day) continue;
    await runs.cancel(run.runId, reason ?? 'see the promotion log').catch((error: unknown) => {
      // The store has lost the run, or its request.
      if (!isAppError(error, 'REFRESH_RUN_UNKNOWN') && !isAppError(error, 'REFRESH_RUN_DAMAGED')) throw error;
    });
  }
}
