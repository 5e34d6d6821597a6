import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { buildPopularityTimeline } from '@facet/features';
import type { Cut, Examples } from '@facet/features';
import type { TrainingConfig } from '@facet/model';
import { createBatchSource, createBatchBuilder } from '@facet/model/batches';
import type { BatchArrays, EpochBatches, BatchOptions, TrainingData, BatchSource } from '@facet/model/batches';
import { AppError } from '@facet/platform';

/** The inputs from which the batches of a phase are prepared. */
export interface BatchOrder extends Pick<BatchOptions, 'spec' | 'itemFeatures' | 'trainedCount'> {
  readonly data: Omit<TrainingData, 'timeline'>;
  /** The cut of the interactions that popularity counts. */
  readonly cut: Cut;
  readonly examples: Examples;
  readonly config: TrainingConfig;
}

/** A message to the batch thread. */
export type BatchRequest =
  { readonly kind: 'epoch'; readonly epoch: number } | { readonly kind: 'batch' } | { readonly kind: 'close' };

/** The response to a request other than `close`; `end` after the last batch of an epoch. */
export type BatchResponse =
  | { readonly kind: 'epoch'; readonly examples: number }
  | { readonly kind: 'batch'; readonly batch: BatchArrays | undefined }
  | { readonly kind: 'end' };

/** Returns a `BatchSource` that prepares batches on request. */
export function batchSourceOf(order: BatchOrder): (epoch: number) => EpochBatches<Iterable<BatchArrays | undefined>> {
  const { spec, itemFeatures, trainedCount, data, cut, examples, config } = order;
  // Batches contain trained items only.
  const timeline = buildPopularityTimeline(data.sequences, trainedCount, cut);
  const build = createBatchBuilder({ spec, itemFeatures, trainedCount, data: { ...data, timeline }, training: config });
  return createBatchSource(build, examples, config);
}

/** The batches of a phase, until `close`. */
interface PreparedBatches {
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

/**
 * Starts a thread that prepares the same batches as `createBatchSource`.
 *
 * @param order its examples are transferred to the thread, so the caller must not use them afterwards
 */
export function startBatchThread(order: BatchOrder) {
  const { user, start, end, labelEnd, time } = order.examples;
  const transferred = new Set([user, start, end, labelEnd, time].map(({ buffer }) => buffer as ArrayBuffer));
  // Leaves out the ids of users: there may be millions, and batches do not contain them.
  const { offsets, items, times } = order.data.sequences;
  const workerData: BatchOrder = { ...order, data: { ...order.data, sequences: { offsets, items, times } } };
  const worker = new Worker(fileURLToPath(import.meta.resolve('@facet/stages/batch-worker')), {
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
    async epoch(epoch: number): Promise<EpochBatches<AsyncIterable<BatchArrays | undefined>>> {
      const response = await request({ kind: 'epoch', epoch });
      return { examples: response.kind === 'epoch' ? response.examples : 0, batches: batches() };
    },
    // Lets the thread end itself: terminating it could interrupt native code.
    async close(): Promise<void> {
      worker.postMessage({ kind: 'close' } satisfies BatchRequest);
      await exited;
    },
  };
}

/**
 * Matches the responses of a thread with its requests: the thread responds in order. If the thread fails, all requests fail. `exited`
 * resolves when the thread has ended.
 */
function createRequests(worker: Worker) {
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
    request(message: BatchRequest): Promise<BatchResponse> {
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
