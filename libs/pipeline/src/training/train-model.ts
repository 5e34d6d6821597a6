import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { ArtifactRef, ArtifactStore } from '@facet/artifacts';
import { mean } from '@facet/evaluation';
import { createRandom, hashText } from '@facet/features';
import { initializeWeights } from '@facet/model';
import type { FitConfig, ModelSettings, ModelSpec, TrainingConfig, Weights } from '@facet/model';
import { carryState, stateVersion } from '@facet/model/training';
import type { EpochReport, TrainingState, Validate } from '@facet/model/training';
import type { Dataset } from '../dataset/dataset.ts';
import { createModelScorer } from '../evaluation/model-scorer.ts';
import type { TensorFlowScoring } from '../evaluation/model-scorer.ts';
import { evaluateAndDispose, forTasks, heldOutWindow, sampleUsers } from '../evaluation/tasks.ts';
import type { HeldOut, Task } from '../evaluation/tasks.ts';
import * as tensorFlow from '@facet/model/training';
import { modelFormat, openModelState, putModel } from '../model/model-artifact.ts';
import type { Model, StateInfo, TrainingPhase, TrainingStart } from '../model/model-artifact.ts';
import { modelSpecOf } from '../model/model-spec.ts';
import { compareFits, countFits, scoreOf, withInterests, noPriorNote, withTrainablePrior } from './compare-fits.ts';
import type { Fit, FitPlan, FitScore } from './compare-fits.ts';
import { fitHeldOutRepeats } from './fit-held-out-repeats.ts';
import { trainPhase } from './train-phase.ts';
import type { TrainingProgress } from './training-progress.ts';
import { hashOfRules, phasesOf, planStart, withoutWarm } from './warm-start.ts';
import type { PhaseBound } from './warm-start.ts';

export interface TrainOptions extends ModelSettings {
  readonly store: ArtifactStore;
  readonly dataset: Dataset;
  /** The id of an earlier model to start from, if possible. */
  readonly warmFrom?: string | undefined;
  /** The folder of this run's checkpoints, removed when the run has finished. */
  readonly checkpoints: string;
  readonly onStart?: (start: TrainingStart) => void;
  /** Called with a sentence about a setting that the data do not allow. */
  readonly onNote?: (note: string) => void;
  readonly onProgress?: (progress: TrainingProgress) => void;
  readonly onEpoch?: (phase: TrainingPhase, report: EpochReport, plan: FitPlan) => void;
  /** Called after the fits. @param scores The score of each fit. */
  readonly onFit?: (chosen: FitScore & { readonly epoch: number }, scores: readonly FitScore[]) => void;
  readonly onDivergence?: (phase: TrainingPhase, description: string) => void;
  readonly signal?: AbortSignal | undefined;
  /** A clock in milliseconds, for the reported pace. */
  readonly now?: () => number;
}

/** The cutoff of the recall that early stopping uses. */
const validationCutoff = 50;
/** More users would take more time without changing the best epoch. */
const validationUsersMax = 1000;

/**
 * Fits the model on the data before the validation window and keeps the epoch that is best in that window. If there are several fits,
 * that window chooses one of them ({@link compareFits}). With `training.refit`, fits it again for the same number of epochs with the validation window included. Training never uses the test
 * window. A killed run resumes after its last epoch.
 *
 * With `warmFrom`, each phase starts from a state of the earlier model that has seen no data that is held out from the phase, and
 * trains with `training.warm`. If there is no such state, training starts from the beginning and `model.json` contains the reason.
 */
export async function trainModel(wanted: TrainOptions): Promise<{ ref: ArtifactRef; start: TrainingStart }> {
  const { store, dataset } = wanted;
  const validation = heldOutWindow(dataset, dataset.split.validationFrom, dataset.split.testFrom);
  const options = { ...wanted, model: withTrainablePrior(wanted.model, dataset, validation) };
  if (options.model !== wanted.model) options.onNote?.(noPriorNote);
  const spec = modelSpecOf(options.model, dataset);
  const { start, source } = await planStart(store, options, options.warmFrom);
  options.onStart?.(start);
  const run = startRun(options, { start, source });
  const [fitBound, refitBound] = phasesOf(dataset.split, options.training);
  const fitCount = source === undefined ? countFits(spec, run.config) : 1;
  const parts = fitCount + (refitBound === undefined ? 0 : 1);
  const fitPlan = async (plan: FitPlan, part: number): Promise<PhaseResult> => {
    const { validate, dispose } = createValidator(dataset, plan.spec, validation);
    try {
      return await runPhase(run, { ...fitBound!, ...plan, part, parts, validate });
    } finally {
      dispose();
    }
  };
  const { scores, chosen } =
    source === undefined
      ? await compareFits(spec, run.config, fitPlan)
      : await fitLike(source, { spec, training: run.config }, fitPlan);
  const fitted = { data: dataset, spec: chosen.spec, weights: chosen.progress.best.weights };
  const repeatWeights = await fitHeldOutRepeats(fitted, validation, options.signal);
  validation.catalog.release();
  const lastEpoch = chosen.progress.bestEpoch;
  options.onFit?.({ ...scoreOf(chosen), epoch: lastEpoch }, scores);
  const { training } = chosen;
  const refit =
    refitBound &&
    (await runPhase(run, { ...refitBound, spec: chosen.spec, training, part: fitCount, parts, lastEpoch }));
  const phases = refit === undefined ? [chosen] : [chosen, refit];
  const { trainedCount } = dataset.info;
  const ref = await putModel(
    store,
    {
      formatVersion: modelFormat,
      datasetId: dataset.id,
      spec: chosen.spec,
      training: {
        ...(start.kind === 'warm' ? options.training : withoutWarm(options.training)),
        labels: training.labels,
      },
      fit: [...chosen.progress.curve],
      refit: [...(refit?.progress.curve ?? [])],
      bestEpoch: lastEpoch,
      ...(scores.length === 1 ? {} : { fitScores: [...scores] }),
      start,
      states: {
        version: stateVersion,
        interactionRules: hashOfRules(dataset),
        phases: phases.map(({ phase, seenBefore }) => ({ phase, seenBefore })),
      },
    },
    {
      itemIds: dataset.vocabulary.itemIds.slice(0, trainedCount + 1),
      phases: phases.map(({ progress: { best } }, phase) =>
        phase < phases.length - 1 ? best : { ...best, weights: { ...best.weights, ...repeatWeights } },
      ),
    },
  );
  await rm(options.checkpoints, { recursive: true, force: true });
  return { ref, start };
}

/** Trains from an earlier model, with its K and labels. */
async function fitLike(
  { info }: Model,
  { spec, training }: { readonly spec: ModelSpec; readonly training: TrainingConfig },
  fit: (plan: FitPlan, part: number) => Promise<PhaseResult>,
): Promise<{ readonly scores: readonly FitScore[]; readonly chosen: PhaseResult }> {
  const { labels } = info.training;
  const plan = { spec: withInterests(spec, info.spec.config.interests), training: { ...training, labels } };
  const chosen = await fit(plan, 0);
  return { scores: [scoreOf(chosen)], chosen };
}

/** The common inputs of the phases of a run. */
interface Run {
  readonly options: TrainOptions;
  /** The epochs and the learning rate depend on the kind of start. */
  readonly config: TrainingConfig;
  readonly start: TrainingStart;
  readonly source: Model | undefined;
  /** Different for each kind of start and source model, so that a run never resumes from checkpoints of another start. */
  readonly checkpoints: string;
}

function startRun(options: TrainOptions, { start, source }: Pick<Run, 'start' | 'source'>): Run {
  const { training } = options;
  const isWarm = start.kind === 'warm';
  return {
    options,
    // An average lags behind by half its length, which is much of the few epochs of a warm start.
    config: isWarm ? { ...training, ...training.warm, averageEpochs: 0 } : training,
    start,
    source,
    checkpoints: join(options.checkpoints, isWarm ? start.modelId : 'full'),
  };
}

interface Phase extends PhaseBound, FitPlan {
  /** Its position among the `parts` fits and refits of the training. */
  readonly part: number;
  readonly parts: number;
  /** Stops after this epoch, while the learning-rate schedule covers all epochs: the length of a refit. */
  readonly lastEpoch?: number;
  readonly validate?: Validate;
}

interface PhaseResult extends StateInfo, Fit {}

async function runPhase(run: Run, given: Phase): Promise<PhaseResult> {
  const { options } = run;
  const { phase, heldOutFrom, lastEpoch, validate, spec, training, part, parts } = given;
  const { interests } = spec.config;
  const { labels } = training;
  const initialWeights = initializeWeights(spec, createRandom(training.seed));
  const start = await startOfPhase(run, given, initialWeights);
  const config: FitConfig = start === undefined ? training : { ...training, seed: seedAfter(start, training.seed) };
  const progress = await trainPhase({
    data: options.dataset,
    spec,
    config,
    heldOut: heldOutWindow(options.dataset, heldOutFrom, Number.POSITIVE_INFINITY),
    initialWeights,
    checkpoint: join(run.checkpoints, `${phase}-${interests}-${labels}`),
    epochsAfter: (parts - 1 - part) * config.epochs,
    lastEpoch,
    validate,
    start,
    signal: options.signal,
    now: options.now,
    onProgress: (progress) => options.onProgress?.({ phase, part, parts, interests, labels, ...progress }),
    onEpoch: (report) => options.onEpoch?.(phase, report, { spec, training }),
    onDivergence: (description) => options.onDivergence?.(phase, description),
  });
  return { phase, seenBefore: heldOutFrom, spec, training, progress };
}

/** Returns a different seed for each run of a chain, so that the chain does not memorize the same examples. */
function seedAfter({ optimizer }: TrainingState, seed: number): number {
  return hashText(`after ${optimizer['steps']!.data[0]} steps`, seed);
}

/** Returns the state that a phase of a warm start begins with, converted to the items and features of the dataset. */
async function startOfPhase(
  { options, start, source }: Run,
  { spec, phase }: Phase,
  initialWeights: Weights,
): Promise<TrainingState | undefined> {
  if (start.kind === 'full' || source === undefined) return undefined;
  const { state } = start.from.find((chosen) => chosen.phase === phase)!;
  const { dataset, store } = options;
  const carried = await openModelState(store, source, state.phase);
  return carryState(
    { spec: source.info.spec, ...carried },
    {
      spec,
      itemIds: dataset.vocabulary.itemIds,
      trainedCount: dataset.info.trainedCount,
      itemFeatures: dataset.itemFeatures,
      initialWeights,
    },
  );
}

interface Validator {
  /** Computes the mean Recall@50 over both tasks on a seeded sample of the validation users; undefined without such users. */
  readonly validate: Validate;
  dispose(): void;
}

function createValidator(dataset: Dataset, spec: ModelSpec, window: HeldOut): Validator {
  const users = sampleUsers(window.users, validationUsersMax);
  const tasks: readonly Task[] = ['new', 'all'];
  const options = { cutoffs: [validationCutoff], catalogSize: spec.itemCount, tieSeed: 0 };
  // For a small catalog, a graph takes longer to compile than to run.
  const tower = tensorFlow.createTowerGraph(spec);
  const scoring: TensorFlowScoring = {
    ...tensorFlow,
    createEvaluationTower: (of, weights, embeddings) =>
      tensorFlow.createEvaluationTower(of, weights, embeddings, tower),
  };
  return {
    async validate(weights) {
      if (users.length === 0) return undefined;
      const { ranker, dispose } = createModelScorer(dataset, spec, weights, { ...window, tensorFlow: scoring });
      const evaluated = evaluateAndDispose({ tasks }, { rankers: forTasks(ranker), dispose }, users, options);
      return mean(tasks.map((task) => evaluated[task]!.metrics[0]!.recall));
    },
    dispose: () => tower.dispose(),
  };
}
