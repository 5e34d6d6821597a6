/* The thread of `batch-thread.ts`: it loads no TensorFlow. */
import { parentPort, workerData } from 'node:worker_threads';
import { buffersOf } from '@facet/model/batches';
import type { BatchArrays } from '@facet/model/batches';
import { batchSourceOf } from './batch-order.ts';
import type { BatchOrder } from './batch-order.ts';

export type Request =
  { readonly kind: 'epoch'; readonly epoch: number } | { readonly kind: 'batch' } | { readonly kind: 'close' };

/** An answer to each request but the last, in turn; `end` behind the last batch of an epoch. */
export type Answer =
  | { readonly kind: 'epoch'; readonly examples: number }
  | { readonly kind: 'batch'; readonly batch: BatchArrays | undefined }
  | { readonly kind: 'end' };

const openEpoch = batchSourceOf(workerData as BatchOrder);
let batches: Iterator<BatchArrays | undefined> | undefined;

parentPort!.on('message', (request: Request) => {
  if (request.kind === 'close') {
    parentPort!.close();
    return;
  }
  if (request.kind === 'epoch') {
    const epoch = openEpoch(request.epoch);
    batches = epoch.batches[Symbol.iterator]();
    answer({ kind: 'epoch', examples: epoch.examples });
    return;
  }
  const next = batches?.next() ?? { done: true, value: undefined };
  if (next.done === true) answer({ kind: 'end' });
  else answer({ kind: 'batch', batch: next.value }, next.value);
});

/** @param batch its arrays go over without being copied */
function answer(message: Answer, batch?: BatchArrays): void {
  parentPort!.postMessage(message, batch === undefined ? [] : buffersOf(batch));
}
