import { storeDayHealth } from '@facet/lake';
import type { Logger } from '@facet/platform';
import type { DataHealthMetrics, MetricDay } from './data-health-metrics.ts';
import type { DataHealthReader } from './data-health-reader.ts';

export interface DataHealthRefresherDeps {
  readonly reader: DataHealthReader;
  readonly metrics: DataHealthMetrics;
  /** Where reports are kept for `facet` and the console. */
  readonly healthFolder: string;
  readonly logger: Logger;
  /** The clock in epoch milliseconds. */
  readonly now: () => number;
}

export interface DataHealthRefresherOptions {
  /** From the end of one refresh to the start of the next. */
  readonly intervalMs: number;
}

export interface DataHealthRefresher {
  /** Ends it. A check that is under way only reads, for minutes perhaps: it is not waited for, and its report is dropped. */
  close(): void;
}

const dayMs = 86_400_000;

/** Checks today and yesterday again and again; a check that fails is counted, and made again the next time. */
export function startDataHealthRefresher(
  { reader, metrics, healthFolder, logger, now }: DataHealthRefresherDeps,
  { intervalMs }: DataHealthRefresherOptions,
): DataHealthRefresher {
  let isClosed = false;
  let timer: NodeJS.Timeout | undefined;

  const check = async (name: MetricDay, at: number): Promise<void> => {
    const day = dayOf(at);
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
      logger.warn({ err: error, day }, 'the health of a day could not be checked');
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

function dayOf(ms: number): string {
  return new Date(ms).toISOString().slice(0, 10);
}
