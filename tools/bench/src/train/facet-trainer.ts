import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createRandom, drawEpoch } from '@facet/features';
import type { Examples, UserSequences } from '@facet/features';
import { initializeWeights, modelVariant } from '@facet/model';
import type { ModelSpec, Weights } from '@facet/model';
import { sharedItems } from '@facet/model/batches';
import { createLogUniformSampler, createTrainingSession } from '@facet/model/training';
import { startBatchThread } from '@facet/stages';
import { dayMs } from '@facet/platform';

/** L, the number of behaviors per example. */
const sequenceLength = 20;

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
    data: { sequences, userFeatures: [], candidates },
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

const eventsOfUser = 60;
const userCount = 20_000;

/**
 * Generates the training data of both trainers: users with log-uniform interactions by rank. Item 1 is the most popular. Each example has
 * L behaviors and a label.
 */
function makeTrainWorld(items: number, exampleCount: number): { sequences: UserSequences; examples: Examples } {
  const random = createRandom(1);
  const logRange = Math.log(items + 1);
  const chosen = Int32Array.from({ length: userCount * eventsOfUser }, () =>
    Math.min(items, Math.floor(Math.exp(random.next() * logRange))),
  );
  const start = new Int32Array(exampleCount);
  const end = new Int32Array(exampleCount);
  const user = Int32Array.from({ length: exampleCount }, (_, example) => {
    const of = random.int(userCount);
    start[example] = of * eventsOfUser;
    end[example] = of * eventsOfUser + sequenceLength + random.int(eventsOfUser - sequenceLength);
    return of;
  });
  return {
    sequences: {
      userIds: Array.from({ length: userCount }, (_, each) => `user${each}`),
      offsets: Int32Array.from({ length: userCount + 1 }, (_, each) => each * eventsOfUser),
      items: chosen,
      times: Float64Array.from(chosen, (_, position) => (position % eventsOfUser) * dayMs),
    },
    examples: {
      count: exampleCount,
      user,
      start,
      end,
      labelEnd: end.map((position) => position + 1),
      time: Float64Array.from(end, (position) => (position % eventsOfUser) * dayMs),
    },
  };
}

/** Returns the indexes of all items. */
function allItems(items: number): Int32Array {
  return Int32Array.from({ length: items }, (_, each) => each + 1);
}

/** Both trainers use each example once, in the order of the first epoch of this seed. */
const epochOf = (batchSize: number) => ({ seed: 1, examplesPerUser: 0, batchSize });

/** Writes the input of `train.py`: the examples in the order of the epoch, and the negatives of each step. */
export async function writeTrainWorld(
  folder: string,
  { items, negatives, batchSize, steps }: { items: number; negatives: number; batchSize: number; steps: number },
): Promise<void> {
  const { sequences, examples } = makeTrainWorld(items, batchSize * steps);
  const { seed, examplesPerUser: perUser } = epochOf(batchSize);
  // Draws in the same order as `createBatchSource`.
  const random = createRandom(seed).fork('epoch 1');
  const order = drawEpoch(examples, { perUser, random });
  const sampler = createLogUniformSampler(allItems(items));
  const drawn = new Int32Array(steps * negatives);
  for (let step = 0; step < steps; step++) drawn.set(sampler.draw(negatives, random), step * negatives);

  const write = (name: string, { buffer, byteOffset, byteLength }: Int32Array): Promise<void> =>
    writeFile(join(folder, name), new Uint8Array(buffer, byteOffset, byteLength));
  await write('items.i32', sequences.items);
  await write(
    'ends.i32',
    order.map((example) => examples.end[example]!),
  );
  await write('negatives.i32', drawn);
}
