import { dayHealth } from '@facet/lake';
import type { DayHealth, HealthBounds } from '@facet/lake';

export interface DataHealthReaderDeps {
  readonly lakeFolder: string;
  readonly catalogFolder: string;
  readonly bounds: HealthBounds;
  /** The clock in epoch milliseconds. */
  readonly now: () => number;
}

/** Checks days of the lake, beside everything else that the process does: one at a time, in little memory. */
export interface DataHealthReader {
  /**
   * The health of a day (`YYYY-MM-DD`, UTC), at most `freshMs` old.
   *
   * @throws AppError as `dayHealth` of `@facet/events` does.
   */
  read(day: string): Promise<DayHealth>;
}

export interface DataHealthReaderOptions {
  /** How long a report is good. */
  readonly freshMs: number;
}

/** Reports kept; callers who leaf through the past do not fill the memory. */
const reportsMax = 32;
const duckDb = { memoryLimit: '512MB', threads: 1 };

export function createDataHealthReader(
  { lakeFolder, catalogFolder, bounds, now }: DataHealthReaderDeps,
  { freshMs }: DataHealthReaderOptions,
): DataHealthReader {
  const reports = new Map<string, Promise<DayHealth>>();
  const startedAt = new Map<string, number>();
  let last: Promise<unknown> = Promise.resolve();

  const forget = (day: string): void => {
    reports.delete(day);
    startedAt.delete(day);
  };
  return {
    read(day) {
      const known = reports.get(day);
      if (known !== undefined && now() - (startedAt.get(day) ?? 0) < freshMs) return known;
      const report = last.then(async () => dayHealth(lakeFolder, catalogFolder, day, { ...duckDb, bounds, now }));
      last = report.catch(() => forget(day));
      forget(day);
      reports.set(day, report);
      startedAt.set(day, now());
      const [oldest] = reports.keys();
      if (reports.size > reportsMax && oldest !== undefined) forget(oldest);
      return report;
    },
  };
}
