const pattern = /^(\d{4})-(\d\d)-(\d\d)[Tt](\d\d):(\d\d):(\d\d)(?:\.(\d+))?(?:[Zz]|([+-])(\d\d):(\d\d))$/;

/**
 * Parses RFC 3339 text to epoch milliseconds (finer fractions are cut off), or `undefined` when it is not RFC 3339.
 * The zone is required: without it the text names no moment. A leap second counts as the next second.
 */
export function parseRfc3339(text: string): number | undefined {
  const match = pattern.exec(text);
  if (match === null) return undefined;
  const [year, month, day, hour, minute, second] = match.slice(1, 7).map(Number) as [
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  const offsetHour = Number(match[9] ?? 0);
  const offsetMinute = Number(match[10] ?? 0);
  if (hour > 23 || minute > 59 || offsetHour > 23 || offsetMinute > 59) return undefined;
  if (!isCalendarDay(year, month, day)) return undefined;
  const offsetMinutes = (offsetHour * 60 + offsetMinute) * (match[8] === '-' ? -1 : 1);
  // A leap second is only ever inserted at the end of a UTC day.
  if (second > 59 && !(second === 60 && (hour * 60 + minute - offsetMinutes + 1440) % 1440 === 1439)) return undefined;
  const milliseconds = match[7] === undefined ? 0 : Math.trunc(Number(`0.${match[7]}`) * 1000);
  return utcMs(year, month, day) + ((hour * 60 + minute - offsetMinutes) * 60 + second) * 1000 + milliseconds;
}

const daysOfMonth = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

export function isCalendarDay(year: number, month: number, day: number): boolean {
  if (month < 1 || month > 12 || day < 1) return false;
  const leap = month === 2 && year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);
  return day <= (daysOfMonth[month - 1] as number) + (leap ? 1 : 0);
}

/** Midnight UTC of a calendar day, without `Date.UTC`'s reading of years below 100 as 19xx. */
export function utcMs(year: number, month: number, day: number): number {
  if (year >= 100) return Date.UTC(year, month - 1, day);
  return new Date(0).setUTCFullYear(year, month - 1, day);
}
