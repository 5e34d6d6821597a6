import { hasEnded, missingDays } from '@facet/pipeline/runs';
import type { RefreshSchedule, RunReport, RunStore } from '@facet/pipeline/runs';
import type { RefreshQueue } from '../queue/refresh-queue.ts';

/**
 * Asks for the refresh that is due: of the newest day, or where all are to be caught up, of the oldest that is missing; the
 * next one follows when it has ended. Called twice it asks once.
 *
 * @returns the run that was made; undefined when nothing is due, or a run of a day before is under way.
 */
export async function requestDueRun(
  { runs, queue, now }: { readonly runs: RunStore; readonly queue: RefreshQueue; readonly now: () => number },
  schedule: RefreshSchedule,
): Promise<RunReport | undefined> {
  const reports = await runs.list({ limit: runsLookedAt });
  const scheduled = reports.filter(({ run }) => run.requestedBy === scheduleName);
  if (scheduled.some((report) => !hasEnded(report))) return undefined;
  const attended = reports.find((report) => isAttended(report))?.run.day;
  const [day] = missingDays(now(), schedule, attended);
  if (day === undefined) return undefined;
  const { report, isNew } = await queue.request({ day, requestedBy: scheduleName });
  return isNew ? report : undefined;
}

/** Runs that are looked at each time: a schedule is behind by days, not by more runs than this. */
export const runsLookedAt = 100;

/** Who asked, of runs that the schedule asked for. */
export const scheduleName = 'schedule';

/** The schedule asks once for a day, and not for one that somebody else has brought to an end. */
function isAttended({ run, state }: RunReport): boolean {
  return run.requestedBy === scheduleName || (state !== 'failed' && state !== 'cancelled');
}
