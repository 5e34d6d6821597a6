import { existsSync } from 'node:fs';
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { readSafetensors, writeSafetensors } from '@facet/artifacts';
import { tensorsToWeights, weightsToTensors } from '@facet/bundles';
import type { LoopProgress, TrainingState } from '@facet/model/training';
import type { Weights } from '@facet/model';

/** A run as it stood after an epoch. */
export interface Checkpoint {
  readonly progress: LoopProgress;
  readonly state: TrainingState;
}

const parts = { weights: 'weights', optimizer: 'optimizer', best: 'best' } as const;

/** Where the former checkpoint waits until the newer one is in its place. */
const formerOf = (folder: string): string => `${folder}.former`;

/** Replaces the checkpoint in `folder` by a newer one: whenever the process dies, the former or the newer can be loaded. */
export async function saveCheckpoint(folder: string, { progress, state }: Checkpoint): Promise<void> {
  const unfinished = `${folder}.tmp`;
  await rm(unfinished, { recursive: true, force: true });
  await mkdir(unfinished, { recursive: true });
  const write = (name: string, weights: Weights): Promise<void> =>
    writeSafetensors(join(unfinished, `${name}.safetensors`), weightsToTensors(weights));
  await write(parts.weights, state.weights);
  await write(parts.optimizer, state.optimizer);
  await write(parts.best, progress.bestWeights);
  await writeFile(
    join(unfinished, 'progress.json'),
    JSON.stringify({ curve: progress.curve, bestEpoch: progress.bestEpoch }),
  );
  await mkdir(dirname(folder), { recursive: true });
  if (existsSync(folder)) {
    await rm(formerOf(folder), { recursive: true, force: true });
    await rename(folder, formerOf(folder));
  }
  await rename(unfinished, folder);
  await rm(formerOf(folder), { recursive: true, force: true });
}

/** The checkpoint in `folder`, or undefined where there is none that can be read: training then starts afresh. */
export async function loadCheckpoint(folder: string): Promise<Checkpoint | undefined> {
  return (await readCheckpoint(folder)) ?? (await readCheckpoint(formerOf(folder)));
}

async function readCheckpoint(folder: string): Promise<Checkpoint | undefined> {
  try {
    const { curve, bestEpoch } = JSON.parse(await readFile(join(folder, 'progress.json'), 'utf8')) as Pick<
      LoopProgress,
      'curve' | 'bestEpoch'
    >;
    const read = async (name: string): Promise<Weights> =>
      tensorsToWeights((await readSafetensors(join(folder, `${name}.safetensors`))).tensors);
    const bestWeights = await read(parts.best);
    return {
      progress: { curve, bestEpoch, bestWeights },
      state: { weights: await read(parts.weights), optimizer: await read(parts.optimizer) },
    };
  } catch {
    return undefined;
  }
}
