import type { Logger } from '@facet/platform';

/** What is told of a request that was slow: how it went and how much it was, never who asked for what. */
export interface SlowRequest {
  readonly route: string;
  readonly status: number;
  /** From its arrival to the end of its answer. */
  readonly ms: number;
  readonly stages: Readonly<Record<string, number>>;
  readonly bundleId: string | undefined;
  readonly behaviors: number;
  readonly limit: number | undefined;
  readonly requestBytes: number;
  readonly answerBytes: number;
}

/** When everything is slow, a line for each request would make it slower. */
const sampleEveryMs = 1_000;

export type RecordSlowRequest = (ms: number, describe: () => Omit<SlowRequest, 'ms'>) => void;

/**
 * Logs requests that took longer than `slowMs`: one a second, and how many others there were since the one before.
 *
 * @param clock in milliseconds, only goes forward.
 */
export function createSlowRequestLog(
  slowMs: number,
  logger: Pick<Logger, 'warn'>,
  clock: () => number = () => performance.now(),
): RecordSlowRequest {
  let sampledAt = -Infinity;
  let others = 0;
  return (ms, describe) => {
    if (ms <= slowMs) return;
    const now = clock();
    if (now - sampledAt < sampleEveryMs) {
      others++;
      return;
    }
    logger.warn({ ...describe(), ms, others }, 'slow request');
    sampledAt = now;
    others = 0;
  };
}
