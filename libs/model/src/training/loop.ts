import { AppError } from '@facet/platform/errors';
import type { TrainingConfig } from '../config.ts';
import type { Weights } from '../weights.ts';
import { createLossWatch, divergedError, isFiniteState, isRecoverable, recoveryRate } from './divergence.ts';
import type { Divergence, LossWatch } from './divergence.ts';
import { noExamples, noLabels } from './training-batches.ts';
import type { BatchSource } from './training-batches.ts';
import type { TrainingSession } from './session.ts';
import type { TrainingState } from './training-state.ts';
import { addSample, isSampleDue, lengthInSamples } from './weight-average.ts';
import type { WeightAverage } from './weight-average.ts';

/** One epoch of the training curve. */
export interface EpochReport {
  readonly epoch: number;
  /** Mean loss of the epoch's batches. */
  readonly loss: number;
  /** The loss of the first batch with labels, before its step; 0 without one. */
  readonly firstLoss: number;
  /** The validation score after the epoch; higher is better. Absent in a refit. */
  readonly score?: number;
  readonly examples: number;
  /** The divergences of earlier attempts. Each one halves the learning rate for the rest of the run. */
  readonly diverged?: Divergence[];
}

/** The progress of a run after an epoch, from which it can resume. */
export interface LoopProgress {
  readonly curve: readonly EpochReport[];
  readonly bestEpoch: number;
  /** The state after the best epoch. With `averageEpochs`, its weights are the moving average. The optimizer's state is not averaged. */
  readonly best: TrainingState;
  /** The state after the last epoch. */
  readonly last: TrainingState;
  /** The average after the last epoch. Absent without `averageEpochs`. */
  readonly average?: WeightAverage | undefined;
}

/** The progress of an epoch after a step of the optimizer. */
export interface LoopStep {
  readonly epoch: number;
  /** Steps of the epoch, and those that are done. */
  readonly done: number;
  readonly total: number;
  /** Examples of the epoch that are done. */
  readonly examples: number;
  readonly loss: number;
}

/** Returns the validation score, NaN for a diverged model, or undefined if there is nothing to validate. Without scores, the last epoch is kept. */
export type Validate = (weights: Weights) => Promise<number | undefined>;

export interface LoopOptions {
  readonly session: TrainingSession;
  readonly batches: BatchSource;
  readonly config: TrainingConfig;
  /** The epochs that the schedule covers. */
  readonly epochs: number;
  /** The last epoch of a refit. The schedule still covers `epochs`. */
  readonly lastEpoch?: number;
  readonly validate?: Validate;
  /** The state to start from instead of the session's initial weights. */
  readonly start?: TrainingState;
  /** The progress of an interrupted run with the same options. */
  readonly resume?: LoopProgress;
  readonly onStep?: (step: LoopStep) => void;
  /** Called before a diverged epoch is repeated at half the learning rate. */
  readonly onDivergence?: (divergence: Divergence) => void;
  readonly onEpoch?: (report: EpochReport, progress: LoopProgress) => Promise<void>;
  readonly signal?: AbortSignal;
}

/**
 * Trains epoch by epoch. A resumed run equals an uninterrupted run. Stops when the validation score has not improved for `patience`
 * epochs. Repeats an epoch that diverges, from the state before it, at half the learning rate (`divergence.ts`). A fit without
 * labels is valid if a refit follows.
 *
 * @throws AppError `MODEL_NO_EXAMPLES`, `MODEL_NO_LABELS`, `MODEL_ABORTED`, or `MODEL_DIVERGED` after too many divergences.
 */
export async function trainLoop(options: LoopOptions): Promise<LoopProgress> {
  const { session, config } = options;
  const from = options.resume?.last ?? options.start;
  if (from !== undefined) await session.restore(from);
  let progress = options.resume ?? (await initialProgress(session));
  const lastEpoch = Math.min(options.lastEpoch ?? options.epochs, options.epochs);
  for (let epoch = progress.curve.length + 1; epoch <= lastEpoch && !hasStalled(progress, config); epoch++) {
    const { report, last, average } = await trainEpochWithRecovery(options, progress, epoch);
    const { score } = report;
    const best = progress.curve[progress.bestEpoch - 1]?.score;
    const isBest = score === undefined || best === undefined || score > best;
    progress = {
      curve: [...progress.curve, report],
      bestEpoch: isBest ? epoch : progress.bestEpoch,
      best: isBest ? { ...last, weights: (average ?? last).weights } : progress.best,
      last,
      average,
    };
    await options.onEpoch?.(report, progress);
  }
  return progress;
}

async function initialProgress(session: TrainingSession): Promise<LoopProgress> {
  const state = await session.state();
  return { curve: [], bestEpoch: 0, best: state, last: state };
}

/** Returns whether early stopping applies. Checked before each epoch, so that a resumed run stops like an uninterrupted one. */
function hasStalled({ curve, bestEpoch }: LoopProgress, { patience }: TrainingConfig): boolean {
  return curve.length - bestEpoch >= patience;
}

/** An epoch without divergence: its report, and the state and average after it. */
interface FinishedEpoch extends Pick<LoopProgress, 'last' | 'average'> {
  readonly report: EpochReport;
}

/** Trains an epoch with recovery from divergence. */
async function trainEpochWithRecovery(
  options: LoopOptions,
  { curve, last: before, average }: LoopProgress,
  epoch: number,
): Promise<FinishedEpoch> {
  const earlier = curve.flatMap(({ diverged = [] }) => diverged);
  const attempts: Divergence[] = [];
  for (;;) {
    const all = [...earlier, ...attempts];
    const learningRate = options.config.learningRate * recoveryRate ** all.length;
    const watch = createLossWatch(curve.find(({ firstLoss }) => firstLoss !== 0)?.firstLoss);
    const trained = await trainEpoch(options, { epoch, learningRate, watch, average });
    const attempt = 'kind' in trained ? trained : await validateEpoch(options, trained);
    if (!('kind' in attempt)) {
      return attempts.length === 0 ? attempt : { ...attempt, report: { ...attempt.report, diverged: attempts } };
    }
    const { step, kind } = attempt;
    const divergence: Divergence = { epoch, step, kind, learningRate, losses: watch.newest() };
    if (!isRecoverable(divergence, all)) {
      throw divergedError(
        [...all, divergence],
        curve.map(({ loss }) => loss),
      );
    }
    options.onDivergence?.(divergence);
    attempts.push(divergence);
    await options.session.restore(before);
  }
}

interface Trained {
  readonly report: EpochReport;
  readonly average: WeightAverage | undefined;
  readonly steps: number;
}

/** The step and kind of a divergence. */
type DivergencePoint = Pick<Divergence, 'step' | 'kind'>;

/** Returns the state after an epoch and its score, both finite. The last step may diverge after its loss was computed. */
async function validateEpoch(
  { session, validate }: LoopOptions,
  { report, average, steps }: Trained,
): Promise<FinishedEpoch | DivergencePoint> {
  const last = await session.state();
  if (!isFiniteState(last)) return { step: steps, kind: 'weights-not-finite' };
  const score = await validate?.((average ?? last).weights);
  if (score === undefined) return { report, last, average };
  if (!Number.isFinite(score)) return { step: steps, kind: 'score-not-finite' };
  return { report: { ...report, score }, last, average };
}

interface EpochStart {
  readonly epoch: number;
  readonly learningRate: number;
  readonly watch: LossWatch;
  readonly average: WeightAverage | undefined;
}

async function trainEpoch(
  options: LoopOptions,
  { epoch, learningRate, watch, average: averageBefore }: EpochStart,
): Promise<Trained | DivergencePoint> {
  const { session, config } = options;
  const { examples, batches } = await options.batches(epoch);
  if (examples === 0) throw noExamples();
  const steps = Math.ceil(examples / config.batchSize);
  let lossSum = 0;
  let firstLoss = 0;
  let hasLabels = false;
  let step = 0;
  let average = averageBefore;
  for await (const batch of batches) {
    if (options.signal?.aborted === true) {
      throw new AppError('The training was canceled.', {
        code: 'MODEL_ABORTED',
        category: 'internal',
        retryable: true,
      });
    }
    hasLabels ||= batch !== undefined;
    const rate = learningRate * scheduleAt(options.epochs, (epoch - 1) * steps + step, steps);
    const loss = batch === undefined ? 0 : session.step(batch, rate);
    step++;
    const kind = watch.after(loss);
    if (kind !== undefined) return { step, kind };
    // Before its first step, a session returns the arrays that it started from. A sample would overwrite them.
    if (config.averageEpochs > 0 && hasLabels && isSampleDue(step, steps)) {
      average = addSample(average, session.weights(), lengthInSamples(config.averageEpochs, steps));
    }
    if (firstLoss === 0) firstLoss = loss;
    lossSum += loss;
    const trained = Math.min(step * config.batchSize, examples);
    options.onStep?.({ epoch, done: step, total: steps, examples: trained, loss });
    // Steps block the thread; this lets the event loop process signals and progress.
    await new Promise((resolve) => setImmediate(resolve));
  }
  // The refit after this fit sees more days, and may have labels.
  const isBeforeRefit = options.validate !== undefined && config.refit;
  if (epoch === 1 && !hasLabels && !isBeforeRefit) throw noLabels();
  const kind = watch.atEnd();
  if (kind !== undefined) return { step: steps, kind };
  return { report: { epoch, loss: lossSum / steps, firstLoss, examples }, average, steps };
}

/** Returns the factor of the learning rate: linear warm-up over half an epoch, then linear decay to 1 % in the last epoch. */
function scheduleAt(epochs: number, step: number, stepsPerEpoch: number): number {
  const warmUp = Math.min(1, (step + 1) / Math.max(1, stepsPerEpoch / 2));
  const decay = Math.max(0.01, 1 - step / (epochs * stepsPerEpoch));
  return warmUp * decay;
}
