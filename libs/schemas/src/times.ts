const pattern = /^(\d{4})-(\d\d)-(\d\d)[Tt](\d\d):(\d\d):(\d\d)(?:\.(\d+))?(?:[Zz]|([+-])(\d\d):(\d\d))$/;

/**
 * Parses RFC 3339 text to epoch milliseconds, or returns `undefined` for any other text. The time zone is required. Finer
 * fractions are truncated, and a leap second counts as the next second. `Date.parse` accepts more and refuses leap seconds.
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
  // Leap seconds are inserted only at the end of a UTC day.
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

/** Returns midnight UTC of a calendar day. Unlike `Date.UTC`, it does not read years below 100 as 19xx. */
export function utcMs(year: number, month: number, day: number): number {
  if (year >= 100) return Date.UTC(year, month - 1, day);
  return new Date(0).setUTCFullYear(year, month - 1, day);
}

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
