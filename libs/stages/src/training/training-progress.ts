// Separate from train-phase.ts: processes that only report progress must not load TensorFlow.
import type { FitLabels } from '@facet/model';
import type { LoopStep } from '@facet/model/training';
import { describePhase } from '@facet/runs';
import type { TrainingPhase } from '../model/model-artifact.ts';

/** The progress of a phase after each step. */
export interface PhaseProgress extends Pace {
  readonly epoch: number;
  /** The maximum number of epochs of the phase. */
  readonly epochs: number;
  /** Finished steps of the epoch. */
  readonly done: number;
  readonly total: number;
  /** The loss of the last batch. */
  readonly loss: number;
}

/** The speed of training, measured in the current epoch. */
export interface Pace {
  readonly examplesPerSecond: number;
  /** The remaining time without early stopping, and without the validation between epochs. */
  readonly etaSeconds: number;
}

/** @param now a clock in milliseconds */
export function createPace(now: () => number): {
  /** Call this before each epoch. */
  restart(): void;
  /** @param epochsLeft epochs after this one, in all phases */
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

/** The progress of a training after each step. */
export interface TrainingProgress extends PhaseProgress {
  readonly phase: TrainingPhase;
  /** The position of the phase among the `parts` fits and refits of the training. */
  readonly part: number;
  readonly parts: number;
  /** K of the phase. */
  readonly interests: number;
  readonly labels: FitLabels;
}

/** Returns the progress of a whole training. */
export function trainingProgress(progress: TrainingProgress) {
  const { phase, part, parts, epoch, epochs, done, total, loss, examplesPerSecond, etaSeconds } = progress;
  const atMost = phase === 'fit' ? 'at most ' : '';
  return {
    share: (part + (epoch - 1 + done / total) / epochs) / parts,
    detail: `${describePhase(progress)}, epoch ${epoch} of ${atMost}${epochs}, loss ${loss.toFixed(2)}`,
    loss,
    examplesPerSecond,
    etaSeconds,
  };
}
