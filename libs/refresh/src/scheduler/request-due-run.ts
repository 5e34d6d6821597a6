import { hasEnded, missingDays } from '@facet/pipeline/runs';
import type { RefreshSchedule, RunReport, RunStore } from '@facet/pipeline/runs';
import type { RefreshQueue } from '../queue/refresh-queue.ts';

/** How many of the newest runs the scheduler reads. A schedule falls behind by days, not by more runs than this. */
export const runsReadMax = 100;

/** `requestedBy` of runs that the schedule requests. */
export const scheduleName = 'schedule';

/**
 * Requests the refresh that is due: for the newest day, or with `catchUp: all` for the oldest missing day. The next missing day
 * follows when that run has ended. Calling it again requests nothing more.
 *
 * @returns the new run; undefined if no day is due or a scheduled run is in progress
 */
export async function requestDueRun(
  { runs, queue, now }: { readonly runs: RunStore; readonly queue: RefreshQueue; readonly now: () => number },
  schedule: RefreshSchedule,
): Promise<RunReport | undefined> {
  const reports = await runs.list({ limit: runsReadMax });
  const scheduled = reports.filter(({ run }) => run.requestedBy === scheduleName);
  if (scheduled.some((report) => !hasEnded(report))) return undefined;
  const attended = reports.find((report) => isAttended(report))?.run.day;
  const [day] = missingDays(now(), schedule, attended);
  if (day === undefined) return undefined;
  const { report, isNew } = await queue.request({ day, requestedBy: scheduleName });
  return isNew ? report : undefined;
}

/** The schedule requests a day once, and not at all if another requester's run of the day has succeeded. */
function isAttended({ run, state }: RunReport): boolean {
  return run.requestedBy === scheduleName || (state !== 'failed' && state !== 'cancelled');
}
