import { createReportQueue } from '@facet/http';
import type { ReportQueue } from '@facet/http';
import { dayHealth, storeDayHealth } from '@facet/lake';
import type { DataHealthSettings, DayHealth } from '@facet/lake';
import { dayMs, utcDay } from '@facet/platform';
import type { Logger } from '@facet/platform';
import type { DataHealthMetrics, MetricDay } from './data-health-metrics.ts';

export interface DataHealthReaderDeps {
  readonly lakeFolder: string;
  readonly catalogFolder: string;
  readonly settings: DataHealthSettings;
  /** Returns the time in epoch milliseconds. */
  readonly now: () => number;
}

/** The health of days (`YYYY-MM-DD`, UTC), computed in little memory. Its reports throw as `dayHealth` of `@facet/lake`. */
export type DataHealthReader = ReportQueue<string, DayHealth>;

/** Limits the memory when callers request many past days. */
const keptMax = 32;
const duckDb = { memoryLimit: '512MB', threads: 1 };

export function createDataHealthReader(
  { lakeFolder, catalogFolder, settings, now }: DataHealthReaderDeps,
  { freshMs }: { readonly freshMs: number },
): DataHealthReader {
  return createReportQueue(
    (day: string, signal: AbortSignal) =>
      dayHealth(lakeFolder, catalogFolder, day, { ...duckDb, settings, now, signal }),
    { now, freshMs, keptMax },
  );
}

export interface DataHealthRefresherDeps {
  readonly reader: DataHealthReader;
  readonly metrics: DataHealthMetrics;
  /** The folder in which `facet` and the console find the reports. */
  readonly healthFolder: string;
  readonly logger: Logger;
  /** Returns the time in epoch milliseconds. */
  readonly now: () => number;
}

export interface DataHealthRefresher {
  /** Stops checking and drops the report of the current check. That check may run for minutes more, but it only reads. */
  close(): void;
}

/**
 * Checks yesterday and today repeatedly. A failed check is counted, and repeated at the next refresh.
 *
 * @param options.intervalMs time between the end of one refresh and the start of the next
 */
export function startDataHealthRefresher(
  { reader, metrics, healthFolder, logger, now }: DataHealthRefresherDeps,
  { intervalMs }: { readonly intervalMs: number },
): DataHealthRefresher {
  let isClosed = false;
  let timer: NodeJS.Timeout | undefined;

  const check = async (name: MetricDay, at: number): Promise<void> => {
    const day = utcDay(at);
    try {
      const health = await reader.read(day);
      if (isClosed) return;
      metrics.set(name, health);
      await storeDayHealth(healthFolder, health);
      if (health.verdict !== 'ok') {
        logger.info({ day, verdict: health.verdict, reasons: health.reasons }, 'data health');
      }
    } catch (error) {
      if (isClosed) return;
      metrics.countFailure();
      logger.warn({ err: error, day }, 'checking data health failed');
    }
  };
  const refresh = async (): Promise<void> => {
    const at = now();
    await check('yesterday', at - dayMs);
    if (!isClosed) await check('today', at);
    if (isClosed) return;
    timer = setTimeout(() => void refresh(), intervalMs);
    timer.unref();
  };
  void refresh();
  return {
    close() {
      isClosed = true;
      clearTimeout(timer);
    },
  };
}
