import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import type { BatchArrays, BatchSource, EpochBatches } from '@facet/model/batches';
import { AppError } from '@facet/platform';
import { batchSourceOf } from './batch-order.ts';
import type { BatchOrder, BatchRequest, BatchResponse } from './batch-order.ts';

/** The batches of a phase, until `close`. */
export interface PreparedBatches {
  readonly epoch: BatchSource;
  close(): Promise<void>;
}

/** Starting a thread costs as much time as the thread saves in some hundred steps. */
const threadStepsMin = 1000;

/**
 * Prepares the batches of a phase: in a thread, in parallel to the training steps, if the phase has enough steps.
 *
 * @param order its examples are transferred to the thread, so the caller must not use them afterwards
 * @param epochs the maximum number of epochs
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
 * Starts a thread that prepares the same batches as `createBatchSource`.
 *
 * @param order its examples are transferred to the thread, so the caller must not use them afterwards
 */
export function startBatchThread(order: BatchOrder): BatchThread {
  const { user, start, end, labelEnd, time } = order.examples;
  const transferred = new Set([user, start, end, labelEnd, time].map(({ buffer }) => buffer as ArrayBuffer));
  // Leaves out the ids of users: there may be millions, and batches do not contain them.
  const { offsets, items, times } = order.data.sequences;
  const workerData: BatchOrder = { ...order, data: { ...order.data, sequences: { offsets, items, times } } };
  const worker = new Worker(fileURLToPath(import.meta.resolve('@facet/pipeline/batch-worker')), {
    workerData,
    transferList: [...transferred],
    execArgv: [],
  });

  const { request, exited } = createRequests(worker);

  async function* batches(): AsyncGenerator<BatchArrays | undefined> {
    // Requests one batch ahead only, because the batches of a full softmax may be large.
    let next = request({ kind: 'batch' });
    try {
      for (;;) {
        const response = await next;
        if (response.kind !== 'batch') return;
        next = request({ kind: 'batch' });
        yield response.batch;
      }
    } finally {
      // The pending response must not be read as the first one of the next epoch.
      await next.catch(() => undefined);
    }
  }
  return {
    async epoch(epoch) {
      const response = await request({ kind: 'epoch', epoch });
      return { examples: response.kind === 'epoch' ? response.examples : 0, batches: batches() };
    },
    // Lets the thread end itself: terminating it could interrupt native code.
    async close() {
      worker.postMessage({ kind: 'close' } satisfies BatchRequest);
      await exited;
    },
  };
}

interface ThreadRequests {
  request(message: BatchRequest): Promise<BatchResponse>;
  /** Resolves when the thread has ended. */
  readonly exited: Promise<void>;
}

/** Matches the responses of a thread with its requests: the thread responds in order. If the thread fails, all requests fail. */
function createRequests(worker: Worker): ThreadRequests {
  const waiting: { resolve(response: BatchResponse): void; reject(error: Error): void }[] = [];
  let failure: Error | undefined;
  const fail = (error: Error): void => {
    failure ??= error;
    for (const { reject } of waiting.splice(0)) reject(failure);
  };
  const exited = new Promise<void>((resolve) => {
    worker.once('exit', () => {
      fail(threadEnded());
      resolve();
    });
  });
  worker.on('message', (response: BatchResponse) => waiting.shift()!.resolve(response));
  worker.on('messageerror', fail);
  worker.on('error', (error: NodeJS.ErrnoException) =>
    fail(error.code === 'ERR_WORKER_OUT_OF_MEMORY' ? threadEnded(error) : error),
  );
  return {
    request(message) {
      const response = new Promise<BatchResponse>((resolve, reject) => {
        if (failure !== undefined) return reject(failure);
        waiting.push({ resolve, reject });
        worker.postMessage(message);
      });
      // The thread may fail during a training step, before the loop awaits the response.
      response.catch(() => undefined);
      return response;
    },
    exited,
  };
}

function threadEnded(cause?: Error): AppError {
  return new AppError('The thread that prepares batches ended.', {
    code: 'TRAIN_BATCHES_ENDED',
    category: 'unavailable',
    remedy: 'Check the available memory and train again. The run resumes after its last epoch.',
    retryable: true,
    cause,
  });
}
