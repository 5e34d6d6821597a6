import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import type { BatchArrays, BatchSource, EpochBatches } from '@facet/model/batches';
import { AppError } from '@facet/platform';
import { batchSourceOf } from './batch-order.ts';
import type { BatchOrder } from './batch-order.ts';
import type { Answer, Request } from './batch-worker.ts';

/** The batches of a phase, until `close`. */
export interface PreparedBatches {
  readonly epoch: BatchSource;
  close(): Promise<void>;
}

/** A thread takes as long to start as it saves in some hundred steps. */
const threadStepsMin = 1000;

/**
 * Batches that a thread prepares while steps are taken on those before, where there are enough for that to take less time.
 *
 * @param order its examples are handed over: whoever asks has none afterwards @param epochs most that will be asked for
 */
export function prepareBatches(order: BatchOrder, epochs: number): PreparedBatches {
  const { examples, config } = order;
  if ((epochs * examples.count) / config.batchSize >= threadStepsMin) return startBatchThread(order);
  return { epoch: batchSourceOf(order), close: () => Promise.resolve() };
}

/** A thread that prepares the batches of a phase. */
export interface BatchThread extends PreparedBatches {
  readonly epoch: (epoch: number) => Promise<EpochBatches<AsyncIterable<BatchArrays | undefined>>>;
}

/**
 * Starts a thread that makes batches as `createBatchSource` does.
 *
 * @param order its examples are handed over: whoever asks has none afterwards
 */
export function startBatchThread(order: BatchOrder): BatchThread {
  const { user, start, end, labelEnd, time } = order.examples;
  const handedOver = new Set([user, start, end, labelEnd, time].map(({ buffer }) => buffer as ArrayBuffer));
  // Ids of users, of which there may be many, are nothing that batches are made of.
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
  const exited = new Promise<void>((resolve) => {
    worker.once('exit', () => {
      fail(endedEarly());
      resolve();
    });
  });
  worker.on('message', (answer: Answer) => waiting.shift()!.resolve(answer));
  worker.on('messageerror', fail);
  worker.on('error', (error: NodeJS.ErrnoException) =>
    fail(error.code === 'ERR_WORKER_OUT_OF_MEMORY' ? endedEarly(error) : error),
  );
  const ask = (request: Request): Promise<Answer> => {
    const answer = new Promise<Answer>((resolve, reject) => {
      if (ended !== undefined) return reject(ended);
      waiting.push({ resolve, reject });
      worker.postMessage(request);
    });
    // A thread may end while a step is taken and nobody waits for it yet.
    answer.catch(() => undefined);
    return answer;
  };

  async function* batches(): AsyncGenerator<BatchArrays | undefined> {
    // One ahead: those of a full softmax may be large.
    let next = ask({ kind: 'batch' });
    try {
      for (;;) {
        const answer = await next;
        if (answer.kind !== 'batch') return;
        next = ask({ kind: 'batch' });
        yield answer.batch;
      }
    } finally {
      // What was asked for is not the next epoch's.
      await next.catch(() => undefined);
    }
  }
  return {
    async epoch(epoch) {
      const answer = await ask({ kind: 'epoch', epoch });
      return { examples: answer.kind === 'epoch' ? answer.examples : 0, batches: batches() };
    },
    // Ended by itself, not torn down in the middle of something.
    async close() {
      worker.postMessage({ kind: 'close' } satisfies Request);
      await exited;
    },
  };
}

/** A thread does not have the loader of TypeScript that this one may have been started with. */
function startWorker(options: { workerData: BatchOrder; transferList: ArrayBuffer[] }): Worker {
  const isSource = import.meta.url.endsWith('.ts');
  const file = fileURLToPath(new URL(isSource ? './batch-worker.ts' : './batch-worker.js', import.meta.url));
  if (!isSource) return new Worker(file, { ...options, execArgv: [] });
  const loader = createRequire(import.meta.url).resolve('tsx/cjs/api');
  const load = `require(${JSON.stringify(loader)}).register(); require(${JSON.stringify(file)});`;
  return new Worker(load, { ...options, eval: true, execArgv: ['--conditions=@facet/source'] });
}

function endedEarly(cause?: Error): AppError {
  return new AppError('The thread that prepares batches ended.', {
    code: 'TRAIN_BATCHES_ENDED',
    category: 'unavailable',
    remedy: 'Look for a lack of memory, and train again: the run goes on from its last epoch.',
    retryable: true,
    cause,
  });
}
