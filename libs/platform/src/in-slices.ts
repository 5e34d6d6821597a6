import { setImmediate as yieldToEventLoop } from 'node:timers/promises';

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
