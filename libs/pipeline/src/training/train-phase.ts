import type { FitConfig, ModelSpec, Weights } from '@facet/model';
import { epochSize } from '@facet/features';
import type { Examples } from '@facet/features';
import { sharedItems, trainingExamples } from '@facet/model/batches';
import { createTrainingSession, describeDivergence, trainLoop, zeroUntrainedUsers } from '@facet/model/training';
import type { EpochReport, LoopProgress, TrainingState } from '@facet/model/training';
import { AppError } from '@facet/platform';
import type { ModelData } from '../dataset/dataset.ts';
import type { HeldOut } from '../evaluation/tasks.ts';
import { prepareBatches } from './batch-thread.ts';
import { loadCheckpoint, saveCheckpoint } from './checkpoint.ts';
import { createPace } from './training-progress.ts';
import type { PhaseProgress } from './training-progress.ts';

export interface PhaseOptions {
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
  readonly validate?: ((weights: Weights) => Promise<number>) | undefined;
  readonly start?: TrainingState | undefined;
  /** Number of later phases, for the remaining time. */
  readonly phasesAfter?: number;
  readonly signal?: AbortSignal | undefined;
  /** A clock in milliseconds, for the reported pace. */
  readonly now?: (() => number) | undefined;
  readonly onProgress?: (progress: PhaseProgress) => void;
  readonly onEpoch?: (report: EpochReport) => void;
  /** Called when an epoch has diverged and restarts with half the learning rate. */
  readonly onDivergence?: (description: string) => void;
}

export interface TrainedPhase {
  /** The settings with the maximum of epochs that the phase had. A refit with them has the same learning-rate schedule. */
  readonly training: FitConfig;
  readonly progress: LoopProgress;
}

/** On little data, more epochs than these no longer help. */
const epochsMax = 30;

/** Trains on the data before a cut. @throws AppError as `trainLoop`. */
export async function trainPhase(options: PhaseOptions): Promise<TrainedPhase> {
  const { data, spec, heldOut, checkpoint, phasesAfter = 0 } = options;
  const examples = trainingExamples(data.sequences, options.config, heldOut.cut);
  const config = withEnoughEpochs(options.config, examples);
  const epochs = options.lastEpoch ?? config.epochs;
  const pace = createPace(options.now ?? (() => performance.now()));
  const { known, cut } = heldOut;
  const candidates = Int32Array.from(known.keys()).filter((item) => known[item] === 1);
  const itemInputs = { spec, itemFeatures: data.itemFeatures, trainedCount: data.vocabulary.trainedCount };
  const session = createTrainingSession({
    spec,
    initialWeights: zeroUntrainedUsers(spec, options.initialWeights, examples),
    sharedItems: sharedItems(itemInputs, candidates),
  });
  const { sequences, profiles } = data;
  const order = { ...itemInputs, data: { sequences, profiles, candidates }, cut, examples, config };
  const batches = prepareBatches(order, epochs);
  try {
    const resume = await loadCheckpoint(checkpoint);
    pace.restart();
    const progress = await trainLoop({
      session,
      batches: batches.epoch,
      config,
      lastEpoch: epochs,
      validate: options.validate && scoreOrNaN(options.validate),
      start: options.start,
      resume,
      signal: options.signal,
      onStep: (step) => {
        const { epoch, done, total, loss } = step;
        const reached = pace.after(step, epochs - epoch + phasesAfter * config.epochs);
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
    return { training: config, progress };
  } finally {
    await batches.close();
    session.dispose();
  }
}

/** Raises the epochs of a training on little data to `stepsMin` steps, and its patience in proportion. */
export function withEnoughEpochs(config: FitConfig, examples: Examples): FitConfig {
  const steps = Math.max(1, Math.ceil(epochSize(examples, config.examplesPerUser) / config.batchSize));
  const epochs = Math.min(epochsMax, Math.ceil(config.stepsMin / steps));
  if (epochs <= config.epochs) return config;
  return { ...config, epochs, patience: Math.round((config.patience * epochs) / config.epochs) };
}

/** Returns NaN for a model whose scores are not numbers: the training loop handles the divergence. */
function scoreOrNaN(validate: (weights: Weights) => Promise<number>): (weights: Weights) => Promise<number> {
  return (weights) =>
    validate(weights).catch((error: unknown) => {
      if (error instanceof AppError && error.code === 'EVALUATION_SCORE_NAN') return Number.NaN;
      throw error;
    });
}
