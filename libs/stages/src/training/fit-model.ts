import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { evaluateRanking, mean, truthSize } from '@facet/evaluation';
import { createRandom, hashText } from '@facet/features';
import { initializeWeights } from '@facet/model';
import type { FitConfig, ModelSpec, TrainingConfig, Weights } from '@facet/model';
import * as tensorFlow from '@facet/model/training';
import type { TrainingState, Validate } from '@facet/model/training';
import { readJsonIfIntact } from '@facet/platform';
import type { FitScore, TrainedEpoch } from '@facet/runs';
import type { ModelData } from '../dataset/dataset.ts';
import { createModelScorer } from '../ranking/model-scorer.ts';
import type { TensorFlowScoring } from '../ranking/model-scorer.ts';
import { choiceScore, forTasks, rankTasks, sampleUsers } from '../ranking/tasks.ts';
import type { HeldOut, HeldOutParts } from '../ranking/tasks.ts';
import type { Model, TrainingPhase } from '../model/model-artifact.ts';
import { compareFits, countFits, scoreOf, withInterests } from './compare-fits.ts';
import type { Fit, FitPlan } from './compare-fits.ts';
import { fitHeldOutRepeats } from './fit-held-out-repeats.ts';
import { trainPhase } from './train-phase.ts';
import type { TrainingProgress } from './training-progress.ts';

/** How epochs and fits are compared on the validation users. */
interface Validation extends Pick<HeldOutParts, 'tasks' | 'choice'> {
  readonly heldOut: HeldOut;
  /** More users would take more time without changing the best epoch. */
  readonly usersMax: number;
  readonly tieSeed?: number;
}

/** The callbacks and the signal of a training. */
export interface TrainingWatch {
  readonly onProgress?: ((progress: TrainingProgress) => void) | undefined;
  readonly onEpoch?: ((trained: TrainedEpoch) => void) | undefined;
  /** Called after the fits. @param scores The score of each fit. */
  readonly onFit?: ((chosen: FitScore & { readonly epoch: number }, scores: readonly FitScore[]) => void) | undefined;
  readonly onDivergence?: ((phase: TrainingPhase, description: string) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
  /** A clock in milliseconds, for the reported pace and the measured time. */
  readonly now?: (() => number) | undefined;
}

interface FitModelOptions extends TrainingWatch {
  readonly data: ModelData;
  readonly spec: ModelSpec;
  readonly training: TrainingConfig;
  readonly validation: Validation;
  /** Returns the part that is held out from the refit. */
  readonly heldOutFromRefit: () => Pick<HeldOut, 'cut' | 'known'>;
  /** The folder of the checkpoints, from which an interrupted phase resumes. */
  readonly checkpoints: string;
  /** The model to start from, with its K and labels, and its state for a phase. */
  readonly warm?: {
    readonly source: Model;
    readonly stateOf: (phase: TrainingPhase, spec: ModelSpec, initialWeights: Weights) => Promise<TrainingState>;
  };
}

/** A fit or refit with the time it took, including earlier interrupted runs up to their last epoch. */
interface TimedFit extends Fit {
  readonly seconds: number;
}

interface FittedModel {
  /** Of each fit. */
  readonly scores: readonly FitScore[];
  readonly chosen: TimedFit;
  /** Absent without `training.refit`. */
  readonly refit: TimedFit | undefined;
  /** The weights of repeated items, which replace those of the last phase. */
  readonly repeatWeights: Weights;
  readonly fitSeconds: number;
}

/**
 * Fits a model on the data before the validation part and keeps the epoch that is best on that part. If there are several fits, that part
 * chooses one of them ({@link compareFits}). With `training.refit`, fits it again for the same number of epochs with the validation part
 * included. An interrupted training resumes after its last epoch.
 */
export async function fitModel(options: FitModelOptions): Promise<FittedModel> {
  const { data, spec, training, validation, warm } = options;
  const fitCount = warm === undefined ? countFits(spec, training) : 1;
  const parts = fitCount + (training.refit ? 1 : 0);
  let fitSeconds = 0;
  const fit = async (plan: FitPlan, part: number): Promise<TimedFit> => {
    const { validate, scoreUsers, dispose } = createValidator(data, plan.spec, validation);
    try {
      const fitted = await runPhase(options, { ...plan, phase: 'fit', part, parts, validate });
      fitSeconds += fitted.seconds;
      return fitCount === 1 ? fitted : { ...fitted, userScores: scoreUsers(fitted.progress.best.weights) };
    } finally {
      dispose();
    }
  };
  const { scores, chosen } =
    warm === undefined ? await compareFits(spec, training, fit) : await fitLike(warm.source, { spec, training }, fit);
  const { bestEpoch, best } = chosen.progress;
  const fitted = { data, spec: chosen.spec, weights: best.weights };
  const repeatWeights = await fitHeldOutRepeats(fitted, validation.heldOut, options.signal);
  options.onFit?.({ ...scoreOf(chosen), epoch: bestEpoch }, scores);
  const refit = training.refit
    ? await runPhase(options, { ...chosen, phase: 'refit', part: fitCount, parts, lastEpoch: bestEpoch })
    : undefined;
  return { scores, chosen, refit, repeatWeights, fitSeconds };
}

/** Trains from an earlier model, with its K and labels. */
async function fitLike(
  { info }: Model,
  { spec, training }: { readonly spec: ModelSpec; readonly training: TrainingConfig },
  fit: (plan: FitPlan, part: number) => Promise<TimedFit>,
): Promise<Pick<FittedModel, 'scores' | 'chosen'>> {
  const { labels } = info.training;
  const plan = { spec: withInterests(spec, info.spec.config.interests), training: { ...training, labels } };
  const chosen = await fit(plan, 0);
  return { scores: [scoreOf(chosen)], chosen };
}

interface Phase extends FitPlan {
  readonly phase: TrainingPhase;
  /** Its position among the `parts` fits and refits of the training. */
  readonly part: number;
  readonly parts: number;
  /** Stops after this epoch, while the learning-rate schedule covers all epochs: the length of a refit. */
  readonly lastEpoch?: number;
  readonly validate?: Validate;
}

async function runPhase(options: FitModelOptions, given: Phase): Promise<TimedFit> {
  const { data, validation, checkpoints, warm, signal, now = () => performance.now() } = options;
  const { phase, spec, training, part, parts, lastEpoch, validate } = given;
  const { interests } = spec.config;
  const { labels } = training;
  const initialWeights = initializeWeights(spec, createRandom(training.seed));
  const start = await warm?.stateOf(phase, spec, initialWeights);
  const config: FitConfig = start === undefined ? training : { ...training, seed: seedAfter(start, training.seed) };
  const checkpoint = join(checkpoints, `${phase}-${interests}-${labels}`);
  const stopwatch = await resumeStopwatch(`${checkpoint}-seconds.json`, now);
  const { progress, epochs } = await trainPhase({
    data,
    spec,
    config,
    heldOut: phase === 'fit' ? validation.heldOut : options.heldOutFromRefit(),
    initialWeights,
    checkpoint,
    partsAfter: parts - 1 - part,
    lastEpoch,
    validate,
    start,
    signal,
    now,
    onProgress: (progress) => options.onProgress?.({ phase, part, parts, interests, labels, ...progress }),
    onEpoch: ({ epoch, loss, score }) => {
      stopwatch.lap();
      options.onEpoch?.({ phase, interests, labels, epoch, loss, recall: score });
    },
    onDivergence: (description) => options.onDivergence?.(phase, description),
  });
  return { spec, training: { ...training, epochs }, progress, userScores: [], seconds: stopwatch.seconds() };
}

/** Returns a different seed for each run of a chain, so that the chain does not memorize the same examples. */
function seedAfter({ optimizer }: TrainingState, seed: number): number {
  return hashText(`after ${optimizer['steps']!.data[0]} steps`, seed);
}

interface Validator {
  /** Computes the mean selection metric over the tasks on a seeded sample of the validation users; undefined without such users. */
  readonly validate: Validate;
  /** Returns the part of each user of the sample, whose mean is the value of `validate`. A user without items of a task has no part of it. */
  readonly scoreUsers: (weights: Weights) => Float64Array;
  dispose(): void;
}

export function createValidator(
  data: ModelData,
  spec: ModelSpec,
  { heldOut, tasks, choice, usersMax, tieSeed }: Validation,
): Validator {
  const users = sampleUsers(heldOut.users, usersMax);
  const options = { cutoffs: [choice.cutoff], catalogSize: spec.itemCount, tieSeed };
  // For a small catalog, a graph takes longer to compile than to run.
  const tower = tensorFlow.createTowerGraph(spec);
  const scoring: TensorFlowScoring = {
    ...tensorFlow,
    createBatchTower: (of, weights, embeddings) => tensorFlow.createBatchTower(of, weights, embeddings, tower),
  };
  const evaluate = (weights: Weights) => {
    const { ranker, dispose } = createModelScorer(data, spec, weights, { ...heldOut, tensorFlow: scoring });
    try {
      const rankings = rankTasks(forTasks(ranker), users, options, tasks);
      return tasks.map((task) => ({ rankings: rankings[task], evaluated: evaluateRanking(rankings[task], options) }));
    } finally {
      dispose();
    }
  };
  return {
    async validate(weights) {
      if (users.length === 0) return undefined;
      return mean(evaluate(weights).map(({ evaluated }) => choiceScore({ choice }, evaluated)));
    },
    scoreUsers(weights) {
      const parts = new Float64Array(users.length);
      for (const { rankings, evaluated } of evaluate(weights)) {
        const values = evaluated.perUser[0]![choice.metric].values();
        const weight = users.length / (evaluated.users * tasks.length);
        rankings.forEach(({ truth }, user) => {
          if (truthSize(truth) > 0) parts[user]! += weight * values.next().value!;
        });
      }
      return parts;
    },
    dispose: () => tower.dispose(),
  };
}

/** Measures the seconds of a phase, including earlier interrupted runs up to their last epoch. */
async function resumeStopwatch(path: string, now: () => number): Promise<{ lap(): void; seconds(): number }> {
  const earlier = (await readJsonIfIntact<{ readonly seconds: number }>(path))?.seconds ?? 0;
  const startedAt = now();
  const seconds = (): number => earlier + (now() - startedAt) / 1000;
  return {
    seconds,
    // A failed write only loses a part of the measured time.
    lap: () => void writeFile(path, JSON.stringify({ seconds: seconds() })).catch(() => undefined),
  };
}
