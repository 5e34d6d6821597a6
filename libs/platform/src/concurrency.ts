import { setImmediate as yieldToEventLoop } from 'node:timers/promises';

/** Returns the result of `promise`, or rejects with the signal's reason once the signal is aborted. The work continues. */
export async function unlessAborted<Value>(promise: Promise<Value>, signal: AbortSignal): Promise<Value> {
  let stop = (): void => undefined;
  const aborted = new Promise<never>((_, reject) => {
    stop = () => reject(signal.reason as Error);
    if (signal.aborted) stop();
    else signal.addEventListener('abort', stop, { once: true });
  });
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    signal.removeEventListener('abort', stop);
  }
}

/**
 * Runs `work` for each value, at most `atATime` at once, and returns the results in order. After a failure, starts no more work, and rejects
 * when all running work has ended.
 */
export async function mapConcurrently<Value, Result>(
  values: readonly Value[],
  atATime: number,
  work: (value: Value, position: number) => Promise<Result>,
): Promise<Result[]> {
  const results: Result[] = [];
  let next = 0;
  let hasFailed = false;
  const lanes = Array.from({ length: Math.min(atATime, values.length) }, async () => {
    while (next < values.length && !hasFailed) {
      const position = next++;
      try {
        results[position] = await work(values[position]!, position);
      } catch (error) {
        hasFailed = true;
        throw error;
      }
    }
  });
  const failed = (await Promise.allSettled(lanes)).find((lane) => lane.status === 'rejected');
  if (failed !== undefined) throw failed.reason;
  return results;
}

/** Rows processed without a pause. Small enough for less than a millisecond of simple work, large enough that pauses cost nothing. */
export const rowsPerSlice = 16_384;

/** Calls `work` for consecutive slices of the rows 0 to `count`, and lets the event loop run after each. */
export async function inSlices(
  count: number,
  work: (start: number, end: number) => void,
  rowsMax = rowsPerSlice,
): Promise<void> {
  for (let start = 0; start < count; start += rowsMax) {
    work(start, Math.min(count, start + rowsMax));
    await yieldToEventLoop();
  }
}

/**
 * Returns a function that computes a value at most once for each key, and forgets it with its key. Concurrent calls share a promise. A
 * rejected one is computed again.
 */
export function oncePerKey<Key extends object, Value, Rest extends unknown[]>(
  compute: (key: Key, ...rest: Rest) => Value,
): (key: Key, ...rest: Rest) => Value {
  const values = new WeakMap<Key, { readonly value: Value }>();
  return (key, ...rest) => {
    const known = values.get(key);
    if (known !== undefined) return known.value;
    const value = compute(key, ...rest);
    values.set(key, { value });
    if (value instanceof Promise) value.catch(() => values.delete(key));
    return value;
  };
}
