import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createRandom } from '@facet/features';
import type { Examples, Random, UserSequences } from '@facet/features';

/** What both trainers train on. */
export interface TrainWorld {
  readonly sequences: UserSequences;
  /** In the order of the steps. */
  readonly examples: Examples;
}

/** L, the behaviors of an example. */
export const sequenceLength = 20;
const userCount = 20_000;

/** Users whose choices are log-uniform by rank, item 1 the most popular one; each example has L behaviors and a label. */
export function makeTrainWorld(items: number, exampleCount: number, eventsOfUser = 60): TrainWorld {
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
      times: Float64Array.from(chosen, (_, position) => (position % eventsOfUser) * 86_400_000),
    },
    examples: {
      count: exampleCount,
      user,
      start,
      end,
      labelEnd: end.map((position) => position + 1),
      time: Float64Array.from(end, (position) => (position % eventsOfUser) * 86_400_000),
    },
  };
}

/** Writes what `train.py` reads. */
export async function writeTrainWorld(folder: string, world: TrainWorld, negatives: Int32Array): Promise<void> {
  const write = (name: string, { buffer, byteOffset, byteLength }: Int32Array): Promise<void> =>
    writeFile(join(folder, name), new Uint8Array(buffer, byteOffset, byteLength));
  await write('items.i32', world.sequences.items);
  await write('ends.i32', world.examples.end);
  await write('negatives.i32', negatives);
}

/** The stream that a step draws its negatives from, so that both trainers have the same ones. */
export const drawsOf = (step: number): Random => createRandom(step + 1);
