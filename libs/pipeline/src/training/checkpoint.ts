import { existsSync } from 'node:fs';
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { readWeights, writeWeights } from '@facet/bundles';
import type { LoopProgress, TrainingState } from '@facet/model/training';

/** The file `progress.json`. */
interface StoredProgress extends Pick<LoopProgress, 'curve' | 'bestEpoch'> {
  /** Number of samples in the average. Absent if the training does not average. */
  readonly sampleCount: number | undefined;
}

/** The previous checkpoint while the new one replaces it. */
const previousOf = (folder: string): string => `${folder}.previous`;

/** Replaces the checkpoint in `folder`. If the process crashes at any point, the old or the new one can be loaded. */
export async function saveCheckpoint(folder: string, progress: LoopProgress): Promise<void> {
  const unfinished = `${folder}.tmp`;
  await rm(unfinished, { recursive: true, force: true });
  await mkdir(unfinished, { recursive: true });
  const { curve, bestEpoch, last, best, average } = progress;
  await writeState(unfinished, 'last', last);
  if (average) await writeWeights(join(unfinished, weightsFile('average')), average.weights);
  if (!isLastBest(progress)) await writeState(unfinished, 'best', best);
  const stored: StoredProgress = { curve, bestEpoch, sampleCount: average?.sampleCount };
  await writeFile(join(unfinished, 'progress.json'), JSON.stringify(stored));
  await mkdir(dirname(folder), { recursive: true });
  if (existsSync(folder)) {
    await rm(previousOf(folder), { recursive: true, force: true });
    await rename(folder, previousOf(folder));
  }
  await rename(unfinished, folder);
  await rm(previousOf(folder), { recursive: true, force: true });
}

/** Returns the checkpoint in `folder`; undefined if there is none or it is damaged, and training starts from the beginning. */
export async function loadCheckpoint(folder: string): Promise<LoopProgress | undefined> {
  return (await readCheckpoint(folder)) ?? (await readCheckpoint(previousOf(folder)));
}

async function readCheckpoint(folder: string): Promise<LoopProgress | undefined> {
  try {
    const stored = JSON.parse(await readFile(join(folder, 'progress.json'), 'utf8')) as StoredProgress;
    const { curve, bestEpoch, sampleCount } = stored;
    const last = await readState(folder, 'last');
    const average =
      sampleCount === undefined
        ? undefined
        : { weights: await readWeights(join(folder, weightsFile('average'))), sampleCount };
    const best = isLastBest(stored) ? { ...last, weights: (average ?? last).weights } : await readState(folder, 'best');
    return { curve, bestEpoch, best, last, average };
  } catch {
    return undefined;
  }
}

/** Returns whether the last epoch is the best. The checkpoint then has no files for the best state. */
function isLastBest({ curve, bestEpoch }: Pick<LoopProgress, 'curve' | 'bestEpoch'>): boolean {
  return bestEpoch === curve.length;
}

const weightsFile = (name: string): string => `${name}-weights.safetensors`;
const optimizerFile = (name: string): string => `${name}-optimizer.safetensors`;

async function writeState(folder: string, name: string, { weights, optimizer }: TrainingState): Promise<void> {
  await writeWeights(join(folder, weightsFile(name)), weights);
  await writeWeights(join(folder, optimizerFile(name)), optimizer);
}

async function readState(folder: string, name: string): Promise<TrainingState> {
  return {
    weights: await readWeights(join(folder, weightsFile(name))),
    optimizer: await readWeights(join(folder, optimizerFile(name))),
  };
}
