/* The entry of the thread that `batch-thread.ts` starts. It loads no TensorFlow. */
import { parentPort, workerData } from 'node:worker_threads';
import { buffersOf } from '@facet/model/batches';
import type { BatchArrays } from '@facet/model/batches';
import { batchSourceOf } from './batch-thread.ts';
import type { BatchOrder, BatchRequest, BatchResponse } from './batch-thread.ts';

const openEpoch = batchSourceOf(workerData as BatchOrder);
let batches: Iterator<BatchArrays | undefined> | undefined;

parentPort!.on('message', (request: BatchRequest) => {
  if (request.kind === 'close') {
    parentPort!.close();
    return;
  }
  if (request.kind === 'epoch') {
    const epoch = openEpoch(request.epoch);
    batches = epoch.batches[Symbol.iterator]();
    respond({ kind: 'epoch', examples: epoch.examples });
    return;
  }
  const next = batches?.next() ?? { done: true, value: undefined };
  if (next.done === true) respond({ kind: 'end' });
  else respond({ kind: 'batch', batch: next.value }, next.value);
});

/** @param batch transfers its arrays instead of copying them */
function respond(message: BatchResponse, batch?: BatchArrays): void {
  parentPort!.postMessage(message, batch === undefined ? [] : buffersOf(batch));
}
