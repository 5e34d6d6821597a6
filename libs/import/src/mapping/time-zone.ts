import { AppError } from '@facet/platform';

const hourMs = 3_600_000;

/**
 * Makes the function from a zone's wall-clock time (as if it were UTC, epoch milliseconds) to the moment it shows. Of a
 * time that the clocks show twice, the first; a time that they skip is moved forward by the gap.
 *
 * @throws AppError `EVENTS_TIME_ZONE` when the zone is not known.
 */
export function createZone(timeZone: string): (local: number) => number {
  if (timeZone === 'UTC') return (local) => local;
  const format = formatIn(timeZone);
  const offsetAt = (utc: number): number => {
    const part = Object.fromEntries(format.formatToParts(utc).map(({ type, value }) => [type, Number(value)]));
    const shown = Date.UTC(
      part['year'] ?? 0,
      (part['month'] ?? 1) - 1,
      part['day'],
      part['hour'],
      part['minute'],
      part['second'],
    );
    return shown - Math.floor(utc / 1000) * 1000;
  };
  // Asking Intl costs microseconds. Zones change their offset at quarter hours at the finest.
  const offsets = new Map<number, number>();
  return (local) => {
    const quarter = Math.floor(local / (hourMs / 4));
    let offset = offsets.get(quarter);
    if (offset === undefined) {
      const start = quarter * (hourMs / 4);
      const before = offsetAt(start - 24 * hourMs);
      const after = offsetAt(start + 24 * hourMs);
      // The offset before a change is right for as long as it explains the wall clock: first of two, or skipped.
      const isShown = (candidate: number): boolean => offsetAt(start - candidate) === candidate;
      offset = isShown(before) ? before : isShown(after) ? after : before;
      if (offsets.size > 100_000) offsets.clear();
      offsets.set(quarter, offset);
    }
    return local - offset;
  };
}

function formatIn(timeZone: string): Intl.DateTimeFormat {
  try {
    return new Intl.DateTimeFormat('en-US', {
      timeZone,
      calendar: 'gregory',
      numberingSystem: 'latn',
      hourCycle: 'h23',
      year: 'numeric',
      month: 'numeric',
      day: 'numeric',
      hour: 'numeric',
      minute: 'numeric',
      second: 'numeric',
    });
  } catch (error) {
    throw new AppError(`The time zone "${timeZone}" is not known.`, {
      code: 'EVENTS_TIME_ZONE',
      category: 'usage',
      remedy: 'Give an IANA name such as Europe/London.',
      context: { timeZone },
      cause: error,
    });
  }
}
