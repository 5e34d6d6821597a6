import { createZone } from '@facet/platform/time-zone';
import { AppError } from '@facet/platform';

/** A calendar day, `YYYY-MM-DD`, in the time zone of the schedule. */
export type DataDay = string;

const dayPattern = /^\d{4}-\d{2}-\d{2}$/;
const dayMs = 86_400_000;

/** @throws AppError `REFRESH_DAY_INVALID` for text that is no day of the calendar. */
export function parseDataDay(text: string): DataDay {
  const start = dayPattern.test(text) ? Date.parse(`${text}T00:00:00Z`) : Number.NaN;
  // Date.parse takes February 30 for March 2.
  if (!Number.isNaN(start) && formatDay(start) === text) return text;
  throw new AppError(`"${text}" is no day.`, {
    code: 'REFRESH_DAY_INVALID',
    category: 'usage',
    remedy: 'Write it as 2026-01-31.',
  });
}

/**
 * The moments of a day, epoch milliseconds, half-open: from its first midnight to the next day's. Where the clocks change, it
 * is 23 or 25 hours long; a midnight that they skip is the moment after the gap.
 */
export function boundsOf(day: DataDay, timeZone: string): { readonly from: number; readonly before: number } {
  const toUtc = createZone(timeZone);
  return { from: toUtc(Date.parse(day)), before: toUtc(Date.parse(shiftDay(day, 1))) };
}

/** The day that the calendar of a zone shows at a moment. */
export function dayAt(time: number, timeZone: string): DataDay {
  // Swedish writes dates as ISO 8601 does.
  return new Intl.DateTimeFormat('sv-SE', { timeZone, dateStyle: 'short' }).format(time);
}

/** So many days later, or earlier. */
export function shiftDay(day: DataDay, days: number): DataDay {
  return formatDay(Date.parse(day) + days * dayMs);
}

function formatDay(time: number): DataDay {
  return new Date(time).toISOString().slice(0, 10);
}
