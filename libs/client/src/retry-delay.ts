export interface Backoff {
  /** The wait after the first failure; it doubles with each further one. */
  readonly firstMs: number;
  readonly maxMs: number;
}

/**
 * Milliseconds to wait before the next attempt: what the server asked for, plus a backoff of which up to half is left to
 * chance, so that clients that failed together do not come back together.
 *
 * @param failures How many attempts have failed, at least 1.
 * @param retryAfter The header, in seconds or as a date.
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
