import { AppError } from '@facet/platform';
import { CronExpressionParser } from 'cron-parser';
import { boundsOf, dayAt, shiftDay } from './data-day.ts';
import type { DataDay } from './data-day.ts';

/** When refreshes are due: the section `refresh` of facet.yaml. */
export interface RefreshSchedule {
  /** Five or six cron fields, or `off`: nothing is due, and nothing overdue. */
  readonly cron: string;
  /** IANA name: of the cron pattern, and of where a day begins. */
  readonly timeZone: string;
  /** A bundle should be promoted so long after it was due. */
  readonly promoteWithinHours: number;
  /** After days without a refresh: only the newest one, or each of them, the oldest first. */
  readonly catchUp: 'newest' | 'all';
  /** How far back `all` goes. */
  readonly catchUpDaysMax: number;
}

const hourMs = 3_600_000;

/** Whether refreshes come by themselves. */
export function isScheduled({ cron }: Pick<RefreshSchedule, 'cron'>): boolean {
  return cron !== 'off';
}

/** @throws AppError `CONFIG_INVALID` for a pattern or zone that is none. */
export function checkSchedule({ cron, timeZone }: Pick<RefreshSchedule, 'cron' | 'timeZone'>): void {
  try {
    new Intl.DateTimeFormat('en', { timeZone });
    if (!isScheduled({ cron })) return;
    // Without the strict mode a pattern of any text would be taken for "* * * * *".
    if (cron.trim().split(/\s+/).length < 5) throw new Error('it has fewer than five fields');
    CronExpressionParser.parse(cron, { tz: timeZone }).next();
  } catch (error) {
    throw new AppError(`refresh.cron "${cron}" in ${timeZone} is no schedule: ${(error as Error).message}.`, {
      code: 'CONFIG_INVALID',
      category: 'usage',
      remedy: 'Write a cron pattern such as "30 2 * * *", or off, and an IANA time zone such as Europe/Berlin.',
      cause: error,
    });
  }
}

/** The first moment of the schedule at or after the day has ended, epoch milliseconds. */
export function dueMomentOf(day: DataDay, { cron, timeZone }: Pick<RefreshSchedule, 'cron' | 'timeZone'>): number {
  const { before } = boundsOf(day, timeZone);
  return CronExpressionParser.parse(cron, { tz: timeZone, currentDate: new Date(before - 1) })
    .next()
    .getTime();
}

/** The newest day whose refresh is due at `now`. */
export function newestDueDay(now: number, schedule: Pick<RefreshSchedule, 'cron' | 'timeZone'>): DataDay {
  // By the moments to come only: looking back, the parser passes over a moment that the clocks skip.
  let day = shiftDay(dayAt(now, schedule.timeZone), -1);
  while (dueMomentOf(day, schedule) > now) day = shiftDay(day, -1);
  return day;
}

/**
 * The days to refresh now, oldest first: those that are due and later than the last one that was attended to.
 *
 * @param attended the newest day that has a run, whatever became of it; undefined before the first.
 */
export function missingDays(now: number, schedule: RefreshSchedule, attended: DataDay | undefined): DataDay[] {
  if (!isScheduled(schedule)) return [];
  const newest = newestDueDay(now, schedule);
  if (attended !== undefined && attended >= newest) return [];
  if (schedule.catchUp === 'newest' || attended === undefined) return [newest];
  const days: DataDay[] = [];
  for (let day = newest; day > attended && days.length < schedule.catchUpDaysMax; day = shiftDay(day, -1)) {
    days.unshift(day);
  }
  return days;
}

/**
 * Seconds since the moment by which a newer bundle should have been promoted; 0 while there is time.
 *
 * @param completed the newest day that was promoted, or had nothing new
 * @param since epoch milliseconds: nothing is expected of days that were due before, where none was ever completed
 */
export function overdueSeconds(
  now: number,
  schedule: RefreshSchedule,
  { completed, since }: { readonly completed: DataDay | undefined; readonly since: number },
): number {
  if (!isScheduled(schedule)) return 0;
  const awaited = completed === undefined ? firstDayDueAfter(since, schedule) : shiftDay(completed, 1);
  const deadline = dueMomentOf(awaited, schedule) + schedule.promoteWithinHours * hourMs;
  return Math.max(0, (now - deadline) / 1000);
}

function firstDayDueAfter(time: number, schedule: RefreshSchedule): DataDay {
  return shiftDay(newestDueDay(time, schedule), 1);
}
