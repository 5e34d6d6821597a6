import { isCalendarDay, utcMs } from './rfc3339.ts';

/**
 * Returns the epoch milliseconds of a number. Its magnitude decides its unit: below 10^11 it is seconds (until the year 5138),
 * below 10^14 milliseconds, below 10^17 microseconds, else nanoseconds. Eight digits such as `20111209` are a day.
 *
 * @param dayToUtc the epoch milliseconds of a day's start, from those of the same day in UTC
 */
export function epochNumberMs(number: number, dayToUtc: (utc: number) => number = (utc) => utc): number {
  if (Number.isInteger(number) && number >= 1900_01_01 && number <= 2100_12_31) {
    const [year, month, day] = [Math.floor(number / 1e4), Math.floor(number / 100) % 100, number % 100];
    if (isCalendarDay(year, month, day)) return dayToUtc(utcMs(year, month, day));
  }
  const magnitude = Math.abs(number);
  if (magnitude < 1e11) return Math.floor(number * 1000);
  if (magnitude < 1e14) return Math.floor(number);
  if (magnitude < 1e17) return Math.floor(number / 1000);
  return Math.floor(number / 1e6);
}
