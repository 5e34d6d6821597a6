// Wakes its parent at given times, precise to some hundredths of a millisecond. An event-loop timer is up to a millisecond late.
import { parentPort, workerData } from 'node:worker_threads';

/** Times of `process.hrtime` in milliseconds, ascending. */
const moments = workerData as Float64Array;
const sleepCell = new Int32Array(new SharedArrayBuffer(4));

for (const moment of moments) {
  const ms = moment - Number(process.hrtime.bigint()) / 1e6;
  if (ms > 0) Atomics.wait(sleepCell, 0, 0, ms);
  parentPort?.postMessage(undefined);
}
