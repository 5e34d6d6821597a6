import { existsSync } from 'node:fs';
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { readWeights, writeWeights } from '@facet/bundles';
import type { FitConfig, ModelSpec, Weights } from '@facet/model';
import { countEpochs, sharedItems, trainingExamples } from '@facet/model/batches';
import { createTrainingSession, describeDivergence, trainLoop, zeroUntrainedUsers } from '@facet/model/training';
import type { EpochReport, LoopProgress, TrainingState, Validate } from '@facet/model/training';
import { AppError } from '@facet/platform';
import type { ModelData } from '../dataset/dataset.ts';
import type { HeldOut } from '../ranking/tasks.ts';
import { prepareBatches } from './batch-thread.ts';
import { createPace } from './training-progress.ts';
import type { PhaseProgress } from './training-progress.ts';

interface PhaseOptions {
  readonly data: ModelData;
  readonly spec: ModelSpec;
  readonly config: FitConfig;
  /** Training uses no data after its cut. */
  readonly heldOut: Pick<HeldOut, 'cut' | 'known'>;
  readonly initialWeights: Weights;
  /** The folder for the state after each epoch, from which a killed phase resumes. */
  readonly checkpoint: string;
  /** Stops after this epoch, while the learning-rate schedule covers all epochs: the length of a refit. */
  readonly lastEpoch?: number | undefined;
  readonly validate?: Validate | undefined;
  readonly start?: TrainingState | undefined;
  /** The number of later phases, for the remaining time. */
  readonly partsAfter?: number;
  readonly signal?: AbortSignal | undefined;
  /** A clock in milliseconds, for the reported pace. */
  readonly now?: (() => number) | undefined;
  readonly onProgress?: (progress: PhaseProgress) => void;
  readonly onEpoch?: (report: EpochReport) => void;
  /** Called when an epoch has diverged and restarts with half the learning rate. */
  readonly onDivergence?: (description: string) => void;
}

/** Trains on the data before a cut. A refit needs the returned epochs, so that it has the schedule of its fit. @throws AppError as `trainLoop`. */
export async function trainPhase(
  options: PhaseOptions,
): Promise<{ readonly progress: LoopProgress; readonly epochs: number }> {
  const { data, spec, config, heldOut, checkpoint, partsAfter = 0 } = options;
  const pace = createPace(options.now ?? (() => performance.now()));
  const examples = trainingExamples(data.sequences, config, heldOut.cut);
  const scheduled = countEpochs(config, examples);
  const epochs = options.lastEpoch ?? scheduled;
  const { known, cut } = heldOut;
  const candidates = Int32Array.from(known.keys()).filter((item) => known[item] === 1);
  const itemInputs = { spec, itemFeatures: data.itemFeatures, trainedCount: data.vocabulary.trainedCount };
  const session = createTrainingSession({
    spec,
    initialWeights: zeroUntrainedUsers(spec, options.initialWeights, examples),
    sharedItems: sharedItems(itemInputs, candidates),
  });
  const { sequences, userFeatures } = data;
  const order = { ...itemInputs, data: { sequences, userFeatures, candidates }, cut, examples, config };
  const batches = prepareBatches(order, epochs);
  try {
    const resume = await loadCheckpoint(checkpoint);
    pace.restart();
    const progress = await trainLoop({
      session,
      batches: batches.epoch,
      config,
      epochs: scheduled,
      lastEpoch: epochs,
      validate: options.validate && scoreOrNaN(options.validate),
      start: options.start,
      resume,
      signal: options.signal,
      onStep: (step) => {
        const { epoch, done, total, loss } = step;
        const reached = pace.after(step, epochs - epoch + partsAfter * scheduled);
        options.onProgress?.({ epoch, epochs, done, total, loss, ...reached });
      },
      onDivergence: (divergence) => {
        options.onDivergence?.(`${describeDivergence(divergence)} The epoch restarts with half the learning rate.`);
        pace.restart();
      },
      onEpoch: async (report, reached) => {
        await saveCheckpoint(checkpoint, reached);
        options.onEpoch?.(report);
        pace.restart();
      },
    });
    return { progress, epochs: scheduled };
  } finally {
    await batches.close();
    session.dispose();
  }
}

/** Returns NaN for a model whose scores are not numbers: the training loop handles the divergence. */
function scoreOrNaN(validate: Validate): Validate {
  return (weights) =>
    validate(weights).catch((error: unknown) => {
      if (error instanceof AppError && error.code === 'EVALUATION_SCORE_NAN') return Number.NaN;
      throw error;
    });
}

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
