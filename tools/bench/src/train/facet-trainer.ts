// Trains the paper's model on generated data with Facet as a process. Reads a number of steps per line, as train.py does.
import { createInterface } from 'node:readline';
import { createRandom } from '@facet/features';
import { initializeWeights, modelVariant } from '@facet/model';
import type { ModelSpec, Weights } from '@facet/model';
import { sharedItems } from '@facet/model/batches';
import { createTrainingSession } from '@facet/model/training';
import { startBatchThread } from '@facet/pipeline/benchmark';
import { allItems, epochOf, makeTrainWorld, sequenceLength } from './train-world.ts';

/** `steps` is the number of steps for which there are examples. */
const [items = 0, batchSize = 0, negatives = 0, steps = 0] = process.argv.slice(2).map(Number);
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
  initialWeights: startWeights(),
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
for await (const line of createInterface({ input: process.stdin })) {
  const count = Number(line);
  const startedAt = performance.now();
  let total = 0;
  for (let step = 0; step < count; step++) total += session.step((await batches.next()).value!, 1e-3);
  const ms = performance.now() - startedAt;
  process.stdout.write(`${JSON.stringify({ ms, loss: total / count, rssMb: process.memoryUsage().rss / 1e6 })}\n`);
}
await thread.close();
session.dispose();

/** Returns initial weights. A large table repeats a block, because drawing 640 million numbers would take too long. */
function startWeights(): Weights {
  const drawn = Math.min(items, 1_000_000);
  const weights = initializeWeights({ ...spec, itemCount: drawn }, createRandom(1));
  const { shape, data } = weights['item/id']!;
  const table = new Float32Array((items + 1) * shape[1]!);
  for (let start = 0; start < table.length; start += data.length) {
    table.set(data.subarray(0, Math.min(data.length, table.length - start)), start);
  }
  return { ...weights, 'item/id': { shape: [items + 1, shape[1]!], data: table } };
}
