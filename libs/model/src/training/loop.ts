import { AppError } from '@facet/platform/errors';
import type { TrainingConfig } from '../config.ts';
import type { Weights } from '../weights.ts';
import { createLossWatch, divergedError, isFiniteState, isRecoverable, recoveryRate } from './divergence.ts';
import type { Divergence, LossWatch } from './divergence.ts';
import type { BatchSource } from './training-batches.ts';
import type { TrainingSession } from './session.ts';
import type { TrainingState } from './training-state.ts';

/** One point of the curves. */
export interface EpochReport {
  readonly epoch: number;
  /** Mean loss of the epoch's batches. */
  readonly loss: number;
  /** The loss of its first batch with a label, before the step. */
  readonly firstLoss: number;
  /** The validation score after the epoch, higher is better; absent in a refit. */
  readonly score?: number;
  readonly examples: number;
  /** How earlier attempts at the epoch ended; from the first of them on, the rate is lower. */
  readonly diverged?: Divergence[];
}

/** Where a run stands after an epoch: it can go on from here. */
export interface LoopProgress {
  readonly curve: readonly EpochReport[];
  readonly bestEpoch: number;
  /** The state after the best epoch and after the newest one; the same object where they are the same epoch. */
  readonly best: TrainingState;
  readonly last: TrainingState;
}

/** One step of the optimizer has been taken. */
export interface LoopStep {
  readonly epoch: number;
  /** Steps of the epoch. */
  readonly done: number;
  readonly total: number;
  /** Examples of the epoch that were trained on so far. */
  readonly examples: number;
  readonly loss: number;
}

export interface LoopOptions {
  readonly session: TrainingSession;
  readonly batches: BatchSource;
  readonly config: TrainingConfig;
  /** Stops after this epoch although the schedule runs over `config.epochs`: the length of a refit. */
  readonly lastEpoch?: number;
  /** The score of weights on the validation window, NaN if they give none; without it every epoch is trained and the last one kept. */
  readonly validate?: (weights: Weights) => Promise<number>;
  /** Where to start from instead of the session's initial weights. */
  readonly start?: TrainingState;
  /** Where a run with the same options stood when it ended too early. */
  readonly resume?: LoopProgress;
  readonly onStep?: (step: LoopStep) => void;
  /** An epoch went astray and begins again, at half the rate. */
  readonly onDivergence?: (divergence: Divergence) => void;
  readonly onEpoch?: (report: EpochReport, progress: LoopProgress) => Promise<void>;
  readonly signal?: AbortSignal;
}

/**
 * Trains epoch by epoch; a resumed run equals an uninterrupted one. Stops when the validation score has not improved for
 * `patience` epochs. An epoch that diverges is taken again from the state before it, which is that of the last checkpoint, at
 * half the rate (`divergence.ts`).
 *
 * @throws AppError `MODEL_NO_EXAMPLES`, `MODEL_DIVERGED` (for good), `MODEL_ABORTED`.
 */
export async function trainLoop(options: LoopOptions): Promise<LoopProgress> {
  const { session, config } = options;
  const from = options.resume?.last ?? options.start;
  if (from !== undefined) await session.restore(from);
  let progress = options.resume ?? (await beginning(session));
  const lastEpoch = Math.min(options.lastEpoch ?? config.epochs, config.epochs);
  for (let epoch = progress.curve.length + 1; epoch <= lastEpoch && !hasStalled(progress, config); epoch++) {
    const { report, last } = await trainEpochSafely(options, progress, epoch);
    const { score } = report;
    const best = progress.curve[progress.bestEpoch - 1]?.score;
    const isBest = score === undefined || best === undefined || score > best;
    progress = {
      curve: [...progress.curve, report],
      bestEpoch: isBest ? epoch : progress.bestEpoch,
      best: isBest ? last : progress.best,
      last,
    };
    await options.onEpoch?.(report, progress);
  }
  return progress;
}

async function beginning(session: TrainingSession): Promise<LoopProgress> {
  const state = await session.state();
  return { curve: [], bestEpoch: 0, best: state, last: state };
}

/** Asked before each epoch, so that a run that was killed after its last one does not go on when it is resumed. */
function hasStalled({ curve, bestEpoch }: LoopProgress, { patience }: TrainingConfig): boolean {
  return curve.length - bestEpoch >= patience;
}

/** An epoch with its score and the state after it, in as many attempts as it takes. */
async function trainEpochSafely(
  options: LoopOptions,
  { curve, last: before }: LoopProgress,
  epoch: number,
): Promise<{ report: EpochReport; last: TrainingState }> {
  const earlier = curve.flatMap(({ diverged = [] }) => diverged);
  const attempts: Divergence[] = [];
  for (;;) {
    const all = [...earlier, ...attempts];
    const learningRate = options.config.learningRate * recoveryRate ** all.length;
    const watch = createLossWatch(curve[0]?.firstLoss);
    const trained = await trainEpoch(options, { epoch, learningRate, watch });
    const attempt = 'kind' in trained ? trained : await validateEpoch(options, trained);
    if (!('kind' in attempt)) {
      const { report, last } = attempt;
      return { report: attempts.length === 0 ? report : { ...report, diverged: attempts }, last };
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
  readonly steps: number;
}

/** Where an epoch went astray. */
type Astray = Pick<Divergence, 'step' | 'kind'>;

/** The state after an epoch with its score, where both are numbers: a last step may spoil them after its loss was computed. */
async function validateEpoch(
  { session, validate }: LoopOptions,
  { report, steps }: Trained,
): Promise<{ report: EpochReport; last: TrainingState } | Astray> {
  const last = await session.state();
  if (!isFiniteState(last)) return { step: steps, kind: 'weights-not-finite' };
  const score = await validate?.(last.weights);
  if (score === undefined) return { report, last };
  return Number.isFinite(score) ? { report: { ...report, score }, last } : { step: steps, kind: 'score-not-finite' };
}

async function trainEpoch(
  options: LoopOptions,
  { epoch, learningRate, watch }: { epoch: number; learningRate: number; watch: LossWatch },
): Promise<Trained | Astray> {
  const { session, config } = options;
  const { examples, batches } = await options.batches(epoch);
  if (examples === 0) throw noExamples();
  const steps = Math.ceil(examples / config.batchSize);
  let lossSum = 0;
  let firstLoss = 0;
  let step = 0;
  for await (const batch of batches) {
    if (options.signal?.aborted === true) {
      throw new AppError('Training was stopped.', { code: 'MODEL_ABORTED', category: 'internal', retryable: true });
    }
    const rate = learningRate * scheduleAt(config, (epoch - 1) * steps + step, steps);
    const loss = batch === undefined ? 0 : session.step(batch, rate);
    step++;
    const kind = watch.after(loss);
    if (kind !== undefined) return { step, kind };
    if (firstLoss === 0) firstLoss = loss;
    lossSum += loss;
    const trained = Math.min(step * config.batchSize, examples);
    options.onStep?.({ epoch, done: step, total: steps, examples: trained, loss });
    // Training blocks the thread; a turn of the event loop lets signals and progress through.
    await new Promise((resolve) => setImmediate(resolve));
  }
  const kind = watch.atEnd();
  if (kind !== undefined) return { step: steps, kind };
  return { report: { epoch, loss: lossSum / steps, firstLoss, examples }, steps };
}

function noExamples(): AppError {
  return new AppError('There is no training example: no user has two interactions at different moments.', {
    code: 'MODEL_NO_EXAMPLES',
    category: 'input',
    remedy: 'Import more events, or check the rule for positive events.',
  });
}

/** The share of the learning rate: rises over the first half epoch, then falls linearly to 1 % at the end of the last one. */
function scheduleAt(config: TrainingConfig, step: number, stepsPerEpoch: number): number {
  const warmUp = Math.min(1, (step + 1) / Math.max(1, stepsPerEpoch / 2));
  const decay = Math.max(0.01, 1 - step / (config.epochs * stepsPerEpoch));
  return warmUp * decay;
}
