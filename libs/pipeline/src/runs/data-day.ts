import { createZone } from '@facet/platform/time-zone';
import { AppError, dayMs, utcDay } from '@facet/platform';

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
