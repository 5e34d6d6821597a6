import { AppError } from '@facet/platform/errors';
import type { TrainingState } from './training-state.ts';

/** That training went astray, and where: an epoch that did is taken again from its beginning at half the rate. */
export interface Divergence {
  readonly epoch: number;
  /** Of the epoch, counted from 1. */
  readonly step: number;
  /** `…-not-finite`: numbers were too large to be held, or none. `loss-risen`: see {@link createLossWatch}. */
  readonly kind: 'loss-not-finite' | 'loss-risen' | 'weights-not-finite' | 'score-not-finite';
  /** The highest rate of the schedule, in force at the time. */
  readonly learningRate: number;
  /** Of the newest steps before it, oldest first. */
  readonly losses: number[];
}

/** So often an epoch is taken again in a run; what goes on diverging at an eighth of its rate has another fault. */
export const recoveriesMax = 2;

/** By so much a divergence lowers the rate, for the rest of the run. */
export const recoveryRate = 0.5;

/** A mean over so many steps is told from the noise of batches. */
const watchedSteps = 20;
/** A run whose loss is so many times that of its first batch has unlearned what it started with. */
const risenFactor = 3;
/** In nats; a start from a good model may have a loss so small that a few hard batches are a multiple of it. */
const smallestReference = 1;
/** Told of a divergence. */
const toldSteps = 10;

/** Watches the losses of an epoch. */
export interface LossWatch {
  /** The kind of divergence that the loss of the next step shows. */
  after(loss: number): Divergence['kind'] | undefined;
  /** The same for an epoch that is over and may have had few steps. */
  atEnd(): Divergence['kind'] | undefined;
  /** The newest losses, oldest first. */
  newest(): number[];
}

/**
 * A loss has risen where its mean over 20 steps is three times that of the run's first batch.
 *
 * @param reference the loss of that batch, in nats; in the first epoch undefined: then it is the first that is not 0, as that of a
 *   batch without labels is
 */
export function createLossWatch(reference: number | undefined): LossWatch {
  let first = reference;
  const recent: number[] = [];
  const hasRisen = (): boolean =>
    first !== undefined &&
    recent.reduce((sum, loss) => sum + loss, 0) / recent.length > risenFactor * Math.max(smallestReference, first);
  return {
    after(loss) {
      if (!Number.isFinite(loss)) return 'loss-not-finite';
      if (first === undefined && loss !== 0) first = loss;
      recent.push(loss);
      if (recent.length > watchedSteps) recent.shift();
      return recent.length === watchedSteps && hasRisen() ? 'loss-risen' : undefined;
    },
    atEnd: () => (recent.length > 0 && hasRisen() ? 'loss-risen' : undefined),
    newest: () => recent.slice(-toldSteps),
  };
}

/** Whether all weights and moments are numbers. */
export function isFiniteState({ weights, optimizer }: TrainingState): boolean {
  return [weights, optimizer].every((kept) => Object.values(kept).every(({ data }) => isFiniteArray(data)));
}

/** In a plain loop: tables have hundreds of millions of numbers. */
function isFiniteArray(data: Float32Array): boolean {
  for (let position = 0; position < data.length; position++) {
    if (!Number.isFinite(data[position]!)) return false;
  }
  return true;
}

/**
 * Whether another attempt makes sense: not where nothing had been learned yet that could be at fault, and not more often than
 * {@link recoveriesMax}.
 */
export function isRecoverable(divergence: Divergence, earlier: readonly Divergence[]): boolean {
  return earlier.length < recoveriesMax && !isAtStart(divergence);
}

function isAtStart({ epoch, step, kind }: Divergence): boolean {
  return kind === 'loss-not-finite' && epoch === 1 && step === 1;
}

/** What happened, in one sentence: `In epoch 2, step 7, the loss became …`. */
export function describeDivergence({ epoch, step, kind, learningRate, losses }: Divergence): string {
  const what = {
    'loss-not-finite': 'the loss was no finite number',
    'loss-risen': 'the loss had risen to three times that of the first batch of the run',
    'weights-not-finite': 'a weight was no finite number',
    'score-not-finite': 'scores of the validation were no finite numbers',
  }[kind];
  const before = losses.length === 0 ? '' : `; losses before it: ${losses.map(brief).join(', ')}`;
  return `In epoch ${epoch}, step ${step}, ${what} (learning rate ${brief(learningRate)}${before}).`;
}

/**
 * The end of a run that could not be saved.
 *
 * @param all divergences of the run, the last one being the one that ends it
 * @param curve mean losses of the epochs before it
 */
export function divergedError(all: readonly Divergence[], curve: readonly number[]): AppError {
  const last = all.at(-1)!;
  const attempts = all.filter(({ epoch }) => epoch === last.epoch);
  const cause = likelyCause(last, attempts);
  const epochs = curve.length === 0 ? '' : ` Losses of the epochs before it: ${curve.map(brief).join(', ')}.`;
  const rates = all.slice(0, -1).map(({ learningRate }) => brief(recoveryRate * learningRate));
  const tried = rates.length === 0 ? '' : ` It was taken up again at the learning rates ${rates.join(' and ')}.`;
  return new AppError(`${describeDivergence(last)}${epochs}${tried} ${cause.because}`, {
    code: 'MODEL_DIVERGED',
    category: 'usage',
    remedy: cause.remedy,
    context: { ...last, cause: cause.kind, curve, earlier: all.slice(0, -1) },
  });
}

function likelyCause(
  last: Divergence,
  attempts: readonly Divergence[],
): { kind: 'data' | 'rate'; because: string; remedy: string } {
  const data =
    'Look for features and weights that are no finite numbers: facet validate, and the model that it starts from.';
  if (isAtStart(last)) {
    return {
      kind: 'data',
      because: 'No step had been taken yet, so it is the data or the initial weights.',
      remedy: data,
    };
  }
  // Any rate that is far too high fails at the second step.
  const isOneBatch =
    attempts.length > 1 &&
    last.step > 2 &&
    attempts.every(({ kind, step }) => kind === 'loss-not-finite' && step === last.step);
  if (isOneBatch) {
    return {
      kind: 'data',
      because: 'It is the same step at every rate, so it is probably the data of its batch.',
      remedy: data,
    };
  }
  return {
    kind: 'rate',
    because: 'The learning rate is probably too high for these data.',
    remedy: `Set training.learningRate to ${brief(last.learningRate / 4)} or less; normalize true or a higher model.temperature keep scores small, too.`,
  };
}

/** Three digits. */
const brief = (value: number): string => String(Number(value.toPrecision(3)));
