import type { ModelSpec, TrainingConfig, Weights } from '@facet/model';
import { sharedItems } from '@facet/model/batches';
import {
  createTrainingSession,
  describeDivergence,
  trainingExamples,
  trainLoop,
  zeroUntrainedUsers,
} from '@facet/model/training';
import type { EpochReport, LoopProgress, LoopStep, TrainingState } from '@facet/model/training';
import { AppError } from '@facet/platform';
import type { ModelData } from '../dataset/dataset.ts';
import type { HeldOut } from '../evaluation/tasks.ts';
import { prepareBatches } from './batch-thread.ts';
import { loadCheckpoint, saveCheckpoint } from './checkpoint.ts';

/** Where a phase stands, a step at a time. */
export interface PhaseProgress extends Pace {
  readonly epoch: number;
  /** Most epochs of the phase. */
  readonly epochs: number;
  /** Steps of the epoch. */
  readonly done: number;
  readonly total: number;
  /** Of the step's batch. */
  readonly loss: number;
}

export interface PhaseOptions {
  readonly data: ModelData;
  readonly spec: ModelSpec;
  readonly config: TrainingConfig;
  /** Nothing behind its cut is seen. */
  readonly heldOut: Pick<HeldOut, 'cut' | 'candidates'>;
  readonly initialWeights: Weights;
  /** A folder for the state after each epoch, from which a killed phase goes on. */
  readonly checkpoint: string;
  /** Trained up to this one although the schedule runs over all epochs: the length of a refit. */
  readonly lastEpoch?: number;
  readonly validate?: (weights: Weights) => Promise<number>;
  readonly start?: TrainingState;
  /** Of later phases, for the time that is left. */
  readonly epochsAfter?: number;
  readonly signal?: AbortSignal;
  /** A clock in milliseconds, for the pace that is told. */
  readonly now?: () => number;
  readonly onProgress?: (progress: PhaseProgress) => void;
  readonly onEpoch?: (report: EpochReport) => void;
  /** An epoch went astray and begins again, at half the rate. */
  readonly onDivergence?: (description: string) => void;
}

/** Trains on what lies before a cut. @throws AppError as `trainLoop`. */
export async function trainPhase(options: PhaseOptions): Promise<LoopProgress> {
  const { data, spec, config, heldOut, checkpoint, epochsAfter = 0 } = options;
  const epochs = options.lastEpoch ?? config.epochs;
  const pace = createPace(options.now ?? (() => performance.now()));
  const examples = trainingExamples(data.sequences, config, heldOut.cut);
  const { candidates: mayBeChosen, cut } = heldOut;
  const candidates = Int32Array.from(mayBeChosen.keys()).filter((item) => mayBeChosen[item] === 1);
  const ofItems = { spec, itemFeatures: data.itemFeatures, trainedCount: data.vocabulary.trainedCount };
  const session = createTrainingSession({
    spec,
    initialWeights: zeroUntrainedUsers(spec, options.initialWeights, examples),
    sharedItems: sharedItems(ofItems, candidates),
  });
  const { sequences, profiles } = data;
  const order = { ...ofItems, data: { sequences, profiles, candidates }, cut, examples, config };
  const batches = prepareBatches(order, epochs);
  try {
    const resume = await loadCheckpoint(checkpoint);
    pace.restart();
    return await trainLoop({
      session,
      batches: batches.epoch,
      config,
      lastEpoch: epochs,
      ...(options.validate === undefined ? {} : { validate: orNotANumber(options.validate) }),
      ...(options.start === undefined ? {} : { start: options.start }),
      ...(resume === undefined ? {} : { resume }),
      ...(options.signal === undefined ? {} : { signal: options.signal }),
      onStep: (step) => {
        const { epoch, done, total, loss } = step;
        const reached = pace.after(step, epochs - epoch + epochsAfter);
        options.onProgress?.({ epoch, epochs, done, total, loss, ...reached });
      },
      onDivergence: (divergence) => {
        options.onDivergence?.(`${describeDivergence(divergence)} The epoch begins again at half the rate.`);
        pace.restart();
      },
      onEpoch: async (report, reached) => {
        await saveCheckpoint(checkpoint, reached);
        options.onEpoch?.(report);
        pace.restart();
      },
    });
  } finally {
    await batches.close();
    session.dispose();
  }
}

/** A model whose scores are no numbers has gone astray: for the loop to mend, not an error of the evaluation. */
function orNotANumber(validate: (weights: Weights) => Promise<number>): (weights: Weights) => Promise<number> {
  return (weights) =>
    validate(weights).catch((error: unknown) => {
      if (error instanceof AppError && error.code === 'EVALUATION_SCORE_NAN') return Number.NaN;
      throw error;
    });
}

/** How fast training goes, by the steps of its present epoch. */
export interface Pace {
  readonly examplesPerSecond: number;
  /** How long training takes yet if no epoch is saved by early stopping; without the validation between epochs. */
  readonly etaSeconds: number;
}

/** @param now a clock in milliseconds */
export function createPace(now: () => number): {
  /** To be called when an epoch is about to begin. */
  restart(): void;
  /** @param epochsLeft after this one, in all phases */
  after(step: LoopStep, epochsLeft: number): Pace;
} {
  let since = now();
  return {
    restart: () => {
      since = now();
    },
    after({ done, total, examples }, epochsLeft) {
      const seconds = (now() - since) / 1000;
      return {
        examplesPerSecond: seconds === 0 ? 0 : examples / seconds,
        etaSeconds: (seconds / done) * (total - done + epochsLeft * total),
      };
    },
  };
}
