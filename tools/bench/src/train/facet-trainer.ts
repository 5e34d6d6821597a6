import { createRandom } from '@facet/features';
import { initializeWeights, modelVariant } from '@facet/model';
import type { ModelSpec, Weights } from '@facet/model';
import { sharedItems } from '@facet/model/batches';
import { createTrainingSession } from '@facet/model/training';
import { startBatchThread } from '@facet/pipeline/benchmark';
import { allItems, epochOf, makeTrainWorld, sequenceLength } from './train-world.ts';

let trainSteps: (count: number) => Promise<number>;

/** Prepares the training of the paper's model on generated data in this process. `steps` is the number of steps with examples. */
export async function openTrainer(items: number, batchSize: number, negatives: number, steps: number): Promise<void> {
  const { model, training } = modelVariant('mind');
  // The routing starts from the same logits in each step, as in train.py.
  const extractor = { ...model.extractor, trainingLogits: 'fixed' } as typeof model.extractor;
  const spec: ModelSpec = {
    config: { ...model, sequenceLength, negatives, extractor },
    itemCount: items,
    itemFeatures: [],
    userFeatures: [],
  };
  const { sequences, examples } = makeTrainWorld(items, batchSize * steps);
  const candidates = allItems(items);
  const ofItems = { spec, itemFeatures: [], trainedCount: items };
  const session = createTrainingSession({
    spec,
    initialWeights: startWeights(spec),
    sharedItems: sharedItems(ofItems, candidates),
  });
  const thread = startBatchThread({
    ...ofItems,
    data: { sequences, profiles: [], candidates },
    cut: Number.MAX_SAFE_INTEGER,
    examples,
    config: { ...training, ...epochOf(batchSize) },
  });
  const batches = (await thread.epoch(1)).batches[Symbol.asyncIterator]();
  trainSteps = async (count) => {
    let total = 0;
    for (let step = 0; step < count; step++) total += session.step((await batches.next()).value!, 1e-3);
    return total / count;
  };
}

/** Trains the next steps. Returns their time and mean loss, and the resident memory. */
export async function train(count: number): Promise<{ ms: number; loss: number; rssMb: number }> {
  const startedAt = performance.now();
  const loss = await trainSteps(count);
  return { ms: performance.now() - startedAt, loss, rssMb: process.memoryUsage().rss / 1e6 };
}

/** Returns initial weights. A large table repeats a block, because drawing 640 million numbers would take too long. */
function startWeights(spec: ModelSpec): Weights {
  const { itemCount: items } = spec;
  const drawn = Math.min(items, 1_000_000);
  const weights = initializeWeights({ ...spec, itemCount: drawn }, createRandom(1));
  const { shape, data } = weights['item/id']!;
  const table = new Float32Array((items + 1) * shape[1]!);
  for (let start = 0; start < table.length; start += data.length) {
    table.set(data.subarray(0, Math.min(data.length, table.length - start)), start);
  }
  return { ...weights, 'item/id': { shape: [items + 1, shape[1]!], data: table } };
}
