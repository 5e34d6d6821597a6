import { DateTime, IANAZone } from 'luxon';
import { AppError } from './errors.ts';
import { minuteMs } from './time.ts';

/** Returns whether a name is an IANA time zone, such as `Europe/Berlin` or `UTC`. */
export function isTimeZone(name: string): boolean {
  return IANAZone.isValidZone(name);
}

/**
 * Returns the function from a zone's wall-clock time (written as if it were UTC, epoch milliseconds) to the moment it shows.
 * A time that the clocks show twice is the first of the two. A time that the clocks skip moves forward by the gap.
 *
 * @throws AppError `EVENTS_TIME_ZONE` for an unknown zone.
 */
export function createZone(timeZone: string): (local: number) => number {
  if (timeZone === 'UTC') return (local) => local;
  const zone = IANAZone.create(timeZone);
  if (!zone.isValid) {
    throw new AppError(`The time zone "${timeZone}" is unknown.`, {
      code: 'EVENTS_TIME_ZONE',
      category: 'usage',
      remedy: 'Use an IANA name such as Europe/London.',
      context: { timeZone },
    });
  }
  // Offsets are cached because files have millions of rows. No zone changes its offset within a quarter of an hour.
  const quarterMs = 15 * minuteMs;
  const offsets = new Map<number, number>();
  return (local) => {
    const quarter = Math.floor(local / quarterMs);
    let offset = offsets.get(quarter);
    if (offset === undefined) {
      const start = quarter * quarterMs;
      const shown = DateTime.fromMillis(start, { zone: 'utc' }).setZone(zone, { keepLocalTime: true });
      offset = start - shown.getPossibleOffsets()[0]!.toMillis();
      if (offsets.size > 100_000) offsets.clear();
      offsets.set(quarter, offset);
    }
    return local - offset;
  };
}
