export interface LimitBounds {
  readonly concurrentMin: number;
  readonly concurrentMax: number;
  /** The acceptable queueing delay. */
  readonly delayMsTarget: number;
}

/** The limit shrinks by at most this factor at once, so that one bad moment does not refuse everything. */
const shrinkMax = 0.5;
const growth = 1.1;

/**
 * Returns the next concurrency limit. The least delay of an interval is that of the standing queue, which bursts do not
 * affect (CoDel, RFC 8289). By Little's law the delay is proportional to the concurrency, so the limit shrinks by the ratio
 * of the target delay to the measured delay. Below the target it grows by a tenth.
 *
 * @param busyMax the maximum concurrency in the interval. A limit far above it has no effect.
 */
export function nextLimit(
  limit: number,
  { leastDelayMs, busyMax }: { readonly leastDelayMs: number; readonly busyMax: number },
  { concurrentMin, concurrentMax, delayMsTarget }: LimitBounds,
): number {
  if (leastDelayMs <= delayMsTarget) return Math.min(concurrentMax, Math.ceil(limit * growth));
  const ratio = Math.max(shrinkMax, delayMsTarget / leastDelayMs);
  return Math.max(concurrentMin, Math.floor(Math.min(limit, Math.max(busyMax, 1)) * ratio));
}
