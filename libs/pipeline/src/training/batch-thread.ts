import { Worker } from 'node:worker_threads';
import type { BatchArrays, EpochBatches } from '@facet/model/batches';
import { AppError } from '@facet/platform';
import type { Answer, BatchOrder, Request } from './prepare-batches.ts';

/** A thread that prepares the batches of a training while steps are taken on those before. */
export interface BatchThread {
  /** A `BatchSource`. */
  epoch(epoch: number): Promise<ThreadEpoch>;
  close(): Promise<void>;
}

export interface ThreadEpoch extends EpochBatches {
  readonly batches: AsyncIterable<BatchArrays | undefined>;
}

/** Batches that are being prepared while a step is taken: one would do if all took as long. */
const batchesAhead = 2;

/**
 * Starts a thread that makes batches as `createBatchSource` does.
 *
 * @param order its examples are handed over: whoever asks has none afterwards
 */
export function startBatchThread(order: BatchOrder): BatchThread {
  const { user, start, end, labelEnd, time } = order.examples;
  const handedOver = new Set([user, start, end, labelEnd, time].map(({ buffer }) => buffer as ArrayBuffer));
  const { offsets, items, times } = order.data.sequences;
  const workerData: BatchOrder = { ...order, data: { ...order.data, sequences: { offsets, items, times } } };
  const worker = startWorker({ workerData, transferList: [...handedOver] });

  // A request is answered in turn.
  const waiting: { resolve(answer: Answer): void; reject(error: Error): void }[] = [];
  let ended: Error | undefined;
  const fail = (error: Error): void => {
    ended ??= error;
    for (const { reject } of waiting.splice(0)) reject(ended);
  };
  worker.on('message', (answer: Answer) => waiting.shift()!.resolve(answer));
  worker.on('error', fail);
  worker.on('exit', (code) => fail(endedEarly(code)));
  const ask = (request: Request): Promise<Answer> =>
    new Promise((resolve, reject) => {
      if (ended !== undefined) return reject(ended);
      waiting.push({ resolve, reject });
      worker.postMessage(request);
    });

  async function* batches(): AsyncGenerator<BatchArrays | undefined> {
    const asked = Array.from({ length: batchesAhead }, () => ask({ kind: 'batch' }));
    try {
      for (;;) {
        const answer = await asked.shift()!;
        if (answer.kind !== 'batch') return;
        asked.push(ask({ kind: 'batch' }));
        yield answer.batch;
      }
    } finally {
      // What was asked for is not the next epoch's.
      await Promise.allSettled(asked);
    }
  }
  return {
    async epoch(epoch) {
      const answer = await ask({ kind: 'epoch', epoch });
      return { examples: answer.kind === 'epoch' ? answer.examples : 0, batches: batches() };
    },
    async close() {
      await worker.terminate();
    },
  };
}

/** A thread does not have the loader of TypeScript that this one may have been started with. */
function startWorker(options: { workerData: BatchOrder; transferList: ArrayBuffer[] }): Worker {
  const isSource = import.meta.url.endsWith('.ts');
  const file = new URL(isSource ? './prepare-batches.ts' : './prepare-batches.js', import.meta.url);
  if (!isSource) return new Worker(file, { ...options, execArgv: [] });
  const load = `import('tsx/esm/api').then(({ register }) => (register(), import(${JSON.stringify(file.href)})))`;
  return new Worker(load, { ...options, eval: true, execArgv: ['--conditions=@facet/source'] });
}

function endedEarly(code: number): AppError {
  return new AppError(`The thread that prepares batches ended (${code}).`, {
    code: 'TRAIN_BATCHES_ENDED',
    remedy: 'Look for a lack of memory, and train again: the run goes on from its last epoch.',
    retryable: true,
  });
}
