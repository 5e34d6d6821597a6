/** Durations in milliseconds. */
export const minuteMs = 60_000;
export const hourMs = 60 * minuteMs;
export const dayMs = 24 * hourMs;

/** Returns the UTC day of a time in epoch milliseconds, as `YYYY-MM-DD`. */
export function utcDay(timeMs: number): string {
  return new Date(timeMs).toISOString().slice(0, 10);
}

/**
 * Calls `work` at an interval, one call at a time. A failure does not end the calls.
 *
 * @returns a function that stops the calls and resolves when the current one has ended.
 */
export function repeat(
  intervalMs: number,
  work: () => Promise<unknown>,
  onFailure: (error: unknown) => void,
): () => Promise<void> {
  let current: Promise<unknown> | undefined;
  const timer = setInterval(() => {
    current ??= Promise.resolve()
      .then(work)
      .catch(onFailure)
      .finally(() => (current = undefined));
  }, intervalMs).unref();
  return async () => {
    clearInterval(timer);
    await current;
  };
}
