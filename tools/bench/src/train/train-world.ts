import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createRandom, drawEpoch } from '@facet/features';
import type { Examples, UserSequences } from '@facet/features';
import { createLogUniformSampler } from '@facet/model/training';
import { dayMs } from '@facet/platform';

/** Training data of both trainers. */
export interface TrainWorld {
  readonly sequences: UserSequences;
  readonly examples: Examples;
}

/** L, the number of behaviors per example. */
export const sequenceLength = 20;

/** Generates users with log-uniform interactions by rank; item 1 is the most popular. Each example has L behaviors and a label. */
export function makeTrainWorld(items: number, exampleCount: number, eventsOfUser = 60, userCount = 20_000): TrainWorld {
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
export function allItems(items: number): Int32Array {
  return Int32Array.from({ length: items }, (_, each) => each + 1);
}

/** Both trainers use each example once, in the order of the first epoch of this seed. */
export const epochOf = (batchSize: number): { seed: number; examplesPerUser: number; batchSize: number } => ({
  seed: 1,
  examplesPerUser: 0,
  batchSize,
});

/** Writes the input of `train.py`: the examples in the order of the epoch, and the negatives of each step. */
export async function writeTrainWorld(
  folder: string,
  { sequences, examples }: TrainWorld,
  { items, negatives, batchSize }: { items: number; negatives: number; batchSize: number },
): Promise<void> {
  const { seed, examplesPerUser: perUser } = epochOf(batchSize);
  // Draws in the same order as `createBatchSource`.
  const random = createRandom(seed).fork('epoch 1');
  const order = drawEpoch(examples, { perUser, random });
  const sampler = createLogUniformSampler(allItems(items));
  const steps = Math.ceil(order.length / batchSize);
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
