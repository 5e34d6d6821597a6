export interface LimitBounds {
  readonly concurrentMin: number;
  readonly concurrentMax: number;
  /** How long work may stand in line before it is given a core. */
  readonly delayMsTarget: number;
}

/** How much of the limit is left at least when the line is far too long: a single bad moment must not close the doors. */
const shrinkMax = 0.5;
const growth = 1.1;

/**
 * How many requests to work on at a time from now on, by how long the line was. The least delay of a while is that of the line
 * which does not go away by itself; a burst that has been worked off leaves none (CoDel, RFC 8289). By Little's law the delay is
 * in proportion to what is under way, so the limit shrinks by the ratio of the delay that is wanted to the one that was found; as
 * long as there is less delay, it grows by a tenth.
 *
 * @param busyMax the most that were under way in that while: a limit far above it means nothing.
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
