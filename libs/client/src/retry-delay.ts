export interface Backoff {
  /** The delay after the first failure. It doubles with each further failure. */
  readonly firstMs: number;
  readonly maxMs: number;
}

/**
 * Returns the milliseconds until the next attempt: the delay that the server requested, plus a backoff of which up to half
 * is random, so that clients that failed together do not return together.
 *
 * @param failures number of failed attempts, at least 1
 * @param retryAfter the header, in seconds or as a date
 */
export function retryDelayMs(failures: number, retryAfter: string | null, { firstMs, maxMs }: Backoff): number {
  const backoffMs = Math.min(maxMs, firstMs * 2 ** (failures - 1));
  return retryAfterMs(retryAfter) + backoffMs * (1 - Math.random() / 2);
}

function retryAfterMs(header: string | null): number {
  if (header === null) return 0;
  const ms = /^\d+$/.test(header) ? Number(header) * 1000 : Date.parse(header) - Date.now();
  return ms > 0 ? ms : 0;
}
