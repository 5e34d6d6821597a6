import { AppError } from '@facet/platform/errors';
import type { TrainingState } from './training-state.ts';

/** A divergence of the training. The loop repeats the epoch from its start at half the learning rate. */
export interface Divergence {
  readonly epoch: number;
  /** Step of the epoch, counted from 1. */
  readonly step: number;
  /** `…-not-finite`: a value was infinite or NaN. `loss-risen`: see {@link createLossWatch}. */
  readonly kind: 'loss-not-finite' | 'loss-risen' | 'weights-not-finite' | 'score-not-finite';
  /** The peak rate of the schedule at the time. */
  readonly learningRate: number;
  /** Losses of the last steps before it, oldest first. */
  readonly losses: number[];
}

/** Repetitions of epochs in a run. A run that still diverges at a quarter of its rate has another fault. */
const recoveriesMax = 2;

/** Factor of the learning rate after a divergence, for the rest of the run. */
export const recoveryRate = 0.5;

/** Steps of the mean loss: enough to average out the noise of batches. */
const meanLossSteps = 20;
/** A mean loss of this multiple of the first batch's loss is a divergence. */
const divergedLossRatio = 3;
/** Lower bound of the reference, in nats: after a start from a good model, a few hard batches may be a multiple of the first loss. */
const smallestReference = 1;
/** Losses in the report of a divergence. */
const reportedSteps = 10;

/** Detects divergence in the losses of an epoch. */
export interface LossWatch {
  /** Returns the kind of divergence that the loss of the next step shows, if any. */
  after(loss: number): Divergence['kind'] | undefined;
  /** Checks the losses at the end of an epoch, which may be short. */
  atEnd(): Divergence['kind'] | undefined;
  /** Returns the last losses, oldest first. */
  newest(): number[];
}

/**
 * Creates a watch that reports `loss-risen` if the mean loss of 20 steps is three times the loss of the run's first batch.
 *
 * @param reference The loss of the first batch, in nats. If undefined, the first loss other than 0; a batch without labels has loss 0.
 */
export function createLossWatch(reference: number | undefined): LossWatch {
  let first = reference;
  const recent: number[] = [];
  const hasRisen = (): boolean =>
    first !== undefined &&
    recent.reduce((sum, loss) => sum + loss, 0) / recent.length >
      divergedLossRatio * Math.max(smallestReference, first);
  return {
    after(loss) {
      if (!Number.isFinite(loss)) return 'loss-not-finite';
      if (first === undefined && loss !== 0) first = loss;
      recent.push(loss);
      if (recent.length > meanLossSteps) recent.shift();
      return recent.length === meanLossSteps && hasRisen() ? 'loss-risen' : undefined;
    },
    atEnd: () => (recent.length > 0 && hasRisen() ? 'loss-risen' : undefined),
    newest: () => recent.slice(-reportedSteps),
  };
}

/** Returns whether all weights and moments are finite. */
export function isFiniteState({ weights, optimizer }: TrainingState): boolean {
  return [weights, optimizer].every((kept) => Object.values(kept).every(({ data }) => isFiniteArray(data)));
}

/** A plain loop, since tables have hundreds of millions of values. */
function isFiniteArray(data: Float32Array): boolean {
  for (let position = 0; position < data.length; position++) {
    if (!Number.isFinite(data[position]!)) return false;
  }
  return true;
}

/** Returns whether to repeat the epoch: not before the first step, and at most {@link recoveriesMax} times. */
export function isRecoverable(divergence: Divergence, earlier: readonly Divergence[]): boolean {
  return earlier.length < recoveriesMax && !isAtStart(divergence);
}

function isAtStart({ epoch, step, kind }: Divergence): boolean {
  return kind === 'loss-not-finite' && epoch === 1 && step === 1;
}

/** Returns a sentence about a divergence. */
export function describeDivergence({ epoch, step, kind, learningRate, losses }: Divergence): string {
  const what = {
    'loss-not-finite': 'the loss was not finite',
    'loss-risen': "the loss rose to three times the loss of the run's first batch",
    'weights-not-finite': 'a weight was not finite',
    'score-not-finite': 'the validation score was not finite',
  }[kind];
  const before = losses.length === 0 ? '' : `; losses before it: ${losses.map(brief).join(', ')}`;
  return `In epoch ${epoch}, step ${step}, ${what} (learning rate ${brief(learningRate)}${before}).`;
}

/**
 * Returns the error that ends a run.
 *
 * @param all The divergences of the run. The last one ends it.
 * @param curve The mean losses of earlier epochs.
 */
export function divergedError(all: readonly Divergence[], curve: readonly number[]): AppError {
  const last = all.at(-1)!;
  const attempts = all.filter(({ epoch }) => epoch === last.epoch);
  const cause = likelyCause(last, attempts);
  const epochs = curve.length === 0 ? '' : ` Losses of earlier epochs: ${curve.map(brief).join(', ')}.`;
  const rates = all.slice(0, -1).map(({ learningRate }) => brief(recoveryRate * learningRate));
  const tried = rates.length === 0 ? '' : ` The epoch was repeated at the learning rates ${rates.join(' and ')}.`;
  return new AppError(`${describeDivergence(last)}${epochs}${tried} ${cause.explanation}`, {
    code: 'MODEL_DIVERGED',
    category: 'usage',
    remedy: cause.remedy,
    context: { ...last, cause: cause.kind, curve, earlier: all.slice(0, -1) },
  });
}

function likelyCause(
  last: Divergence,
  attempts: readonly Divergence[],
): { kind: 'data' | 'rate'; explanation: string; remedy: string } {
  const data =
    'Check inputs and warm-start weights for NaN or Infinity: run facet validate, and check the model that this one starts from.';
  if (isAtStart(last)) {
    return {
      kind: 'data',
      explanation: 'The first step diverged: the data or the initial weights contain invalid values.',
      remedy: data,
    };
  }
  // A rate that is far too high always fails at the second step.
  const isOneBatch =
    attempts.length > 1 &&
    last.step > 2 &&
    attempts.every(({ kind, step }) => kind === 'loss-not-finite' && step === last.step);
  if (isOneBatch) {
    return {
      kind: 'data',
      explanation: 'The same step diverged at every rate: the data of its batch are probably invalid.',
      remedy: data,
    };
  }
  return {
    kind: 'rate',
    explanation: 'The learning rate is probably too high.',
    remedy: `Set training.learningRate to ${brief(last.learningRate / 4)} or less. model.normalize: true or a higher model.temperature also keeps scores small.`,
  };
}

/** Rounds to three significant digits. */
const brief = (value: number): string => String(Number(value.toPrecision(3)));
