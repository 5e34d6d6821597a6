import type { FacetConfig } from '@facet/config';
import { AppError, dayMs, utcDay, hourMs } from '@facet/platform';
import { createZone } from '@facet/platform/time-zone';
import { CronExpressionParser } from 'cron-parser';

/** A calendar day, `YYYY-MM-DD`, in the time zone of the schedule. */
export type DataDay = string;

const dayPattern = /^\d{4}-\d{2}-\d{2}$/;

/** Returns the day. @throws AppError `REFRESH_DAY_INVALID` if the calendar has no such day. */
export function parseDataDay(text: string): DataDay {
  const start = dayPattern.test(text) ? Date.parse(text) : Number.NaN;
  // Date.parse reads February 30 as March 2.
  if (!Number.isNaN(start) && utcDay(start) === text) return text;
  throw new AppError(`The day "${text}" does not exist.`, {
    code: 'REFRESH_DAY_INVALID',
    category: 'usage',
    remedy: 'Write a day as 2026-01-31.',
  });
}

/**
 * Returns the start of a day and of the next day, epoch milliseconds. The day has 23 or 25 hours where the clocks change. If the
 * clocks skip its midnight, the day starts after the gap.
 */
export function boundsOf(day: DataDay, timeZone: string): { readonly from: number; readonly before: number } {
  const toUtc = createZone(timeZone);
  return { from: toUtc(Date.parse(day)), before: toUtc(Date.parse(shiftDay(day, 1))) };
}

/** Returns the calendar day of a time in a time zone. */
export function dayAt(time: number, timeZone: string): DataDay {
  // Swedish dates have the ISO 8601 format.
  return new Intl.DateTimeFormat('sv-SE', { timeZone, dateStyle: 'short' }).format(time);
}

/** Returns the day that is `days` later, or earlier if `days` is negative. */
export function shiftDay(day: DataDay, days: number): DataDay {
  return utcDay(Date.parse(day) + days * dayMs);
}

/** The largest number of missing days that are refreshed with `all`. */
const catchUpDaysMax = 7;

/** When refreshes are due: the section `refresh` of facet.yaml. */
export type RefreshSchedule = Readonly<
  Pick<FacetConfig['refresh'], 'cron' | 'timeZone' | 'promoteWithinHours' | 'catchUp'>
>;

export function isScheduled({ cron }: Pick<RefreshSchedule, 'cron'>): boolean {
  return cron !== 'off';
}

/** Returns the first scheduled time at or after the end of a day, epoch milliseconds. */
export function dueMomentOf(day: DataDay, { cron, timeZone }: Pick<RefreshSchedule, 'cron' | 'timeZone'>): number {
  // On the wall clock, because the parser misses times near the clock changes of some zones.
  const midnight = Date.parse(shiftDay(day, 1));
  const due = CronExpressionParser.parse(cron, { tz: 'UTC', currentDate: new Date(midnight - 1) }).next();
  return createZone(timeZone)(due.getTime());
}

/** Returns the newest day whose refresh is due at `now`. */
export function newestDueDay(now: number, schedule: Pick<RefreshSchedule, 'cron' | 'timeZone'>): DataDay {
  let day = shiftDay(dayAt(now, schedule.timeZone), -1);
  while (dueMomentOf(day, schedule) > now) day = shiftDay(day, -1);
  return day;
}

/** A refresh that the schedule will request. */
interface NextRefresh {
  readonly day: DataDay;
  /** Epoch milliseconds. */
  readonly dueAt: number;
}

/** Returns the next refreshes after `now`, soonest first; none without a schedule. If several days are due together, returns only the newest. */
export function nextRefreshes(now: number, schedule: RefreshSchedule, count: number): NextRefresh[] {
  if (!isScheduled(schedule)) return [];
  const next: NextRefresh[] = [];
  let day = shiftDay(newestDueDay(now, schedule), 1);
  let dueAt = dueMomentOf(day, schedule);
  while (next.length < count) {
    const following = shiftDay(day, 1);
    const followingDueAt = dueMomentOf(following, schedule);
    if (followingDueAt > dueAt) next.push({ day, dueAt });
    day = following;
    dueAt = followingDueAt;
  }
  return next;
}

/**
 * Returns the days to refresh now, oldest first: due days after the last attended day.
 *
 * @param attended the newest day that the schedule need not request again; undefined before the first run
 */
export function missingDays(now: number, schedule: RefreshSchedule, attended: DataDay | undefined): DataDay[] {
  if (!isScheduled(schedule)) return [];
  const newest = newestDueDay(now, schedule);
  if (attended !== undefined && attended >= newest) return [];
  if (schedule.catchUp === 'newest' || attended === undefined) return [newest];
  const days: DataDay[] = [];
  for (let day = newest; day > attended && days.length < catchUpDaysMax; day = shiftDay(day, -1)) {
    days.unshift(day);
  }
  return days;
}

/**
 * Returns the seconds since a newer bundle should have been promoted; 0 while there is time.
 *
 * @param completed the newest day that was promoted or skipped
 * @param since epoch milliseconds. Days that became due before this time are never overdue, because a new installation may
 * import old data
 */
export function overdueSeconds(
  now: number,
  schedule: RefreshSchedule,
  { completed, since }: { readonly completed: DataDay | undefined; readonly since: number },
): number {
  if (!isScheduled(schedule)) return 0;
  const before = newestDueDay(since, schedule);
  const expected = shiftDay(completed !== undefined && completed > before ? completed : before, 1);
  const deadline = dueMomentOf(expected, schedule) + schedule.promoteWithinHours * hourMs;
  return Math.max(0, (now - deadline) / 1000);
}
