import { createRandom } from '@facet/features';
import { initializeWeights, modelVariant } from '@facet/model';
import type { ModelSpec, Weights } from '@facet/model';
import { sharedItems } from '@facet/model/batches';
import { createTrainingSession } from '@facet/model/training';
import { startBatchThread } from '@facet/pipeline/benchmark';
import { allItems, epochOf, makeTrainWorld, sequenceLength } from './train-world.ts';

/** A training of the paper's model on generated data, whose batches a thread prepares. */
export interface WorldTrainer {
  /** Trains on the next batch. Returns the loss before the step. */
  step(): Promise<number>;
  weights(): Weights;
  close(): Promise<void>;
}

export interface WorldTrainerOptions {
  readonly items: number;
  readonly batchSize: number;
  readonly negatives: number;
  /** The number of steps for which there are examples. */
  readonly steps: number;
  /** Whether the routing starts from the same logits in each step, instead of random ones. */
  readonly hasFixedLogits?: boolean;
}

export async function startWorldTrainer({
  items,
  batchSize,
  negatives,
  steps,
  hasFixedLogits = false,
}: WorldTrainerOptions): Promise<WorldTrainer> {
  const { model, training } = modelVariant('mind');
  const extractor = { ...model.extractor, ...(hasFixedLogits ? { trainingLogits: 'fixed' } : {}) };
  const spec: ModelSpec = {
    config: { ...model, sequenceLength, negatives, extractor: extractor as typeof model.extractor },
    itemCount: items,
    itemFeatures: [],
    userFeatures: [],
  };
  const { sequences, examples } = makeTrainWorld(items, batchSize * steps);
  const candidates = allItems(items);
  const ofItems = { spec, itemFeatures: [], trainedCount: items };
  const initialWeights = startWeights(spec);
  const session = createTrainingSession({ spec, initialWeights, sharedItems: sharedItems(ofItems, candidates) });
  const thread = startBatchThread({
    ...ofItems,
    data: { sequences, profiles: [], candidates },
    cut: Number.MAX_SAFE_INTEGER,
    examples,
    config: { ...training, ...epochOf(batchSize) },
  });
  const batches = (await thread.epoch(1)).batches[Symbol.asyncIterator]();
  return {
    step: async () => session.step((await batches.next()).value!, 1e-3),
    weights: () => session.weights(),
    async close() {
      await thread.close();
      session.dispose();
    },
  };
}

/** Returns initial weights. A large table repeats a block, because drawing 640 million numbers would take too long. */
function startWeights(spec: ModelSpec): Weights {
  const { itemCount } = spec;
  const drawn = Math.min(itemCount, 1_000_000);
  const weights = initializeWeights({ ...spec, itemCount: drawn }, createRandom(1));
  const { shape, data } = weights['item/id']!;
  const table = new Float32Array((itemCount + 1) * shape[1]!);
  for (let start = 0; start < table.length; start += data.length) {
    table.set(data.subarray(0, Math.min(data.length, table.length - start)), start);
  }
  return { ...weights, 'item/id': { shape: [itemCount + 1, shape[1]!], data: table } };
}
