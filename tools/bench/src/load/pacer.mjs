// Wakes its parent at given moments, to some hundredths of a millisecond. A timer of the event loop is up to a millisecond
// late. A worker is started without the loader of TypeScript, so this is JavaScript.
import { parentPort, workerData } from 'node:worker_threads';

/** @type {Float64Array} Moments by `process.hrtime`, in milliseconds, in ascending order. */
const moments = workerData;
const nobody = new Int32Array(new SharedArrayBuffer(4));

for (const moment of moments) {
  const ms = moment - Number(process.hrtime.bigint()) / 1e6;
  if (ms > 0) Atomics.wait(nobody, 0, 0, ms);
  parentPort?.postMessage(undefined);
}
