import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { ArtifactRef, ArtifactStore } from '@facet/artifacts';
import { createRandom, hashText } from '@facet/features';
import { initializeWeights } from '@facet/model';
import type { ModelConfig, ModelSpec, TrainingConfig, Weights } from '@facet/model';
import { carryState, stateVersion } from '@facet/model/training';
import type { EpochReport, LoopProgress, TrainingState } from '@facet/model/training';
import type { Dataset } from '../dataset/dataset.ts';
import { createModelScorer } from '../evaluation/model-scorer.ts';
import { evaluateTasks, forTasks, heldOutWindow } from '../evaluation/tasks.ts';
import * as tensorFlow from '@facet/model/training';
import { modelFormat, openModelState, putModel } from '../model/model-artifact.ts';
import type { Model, StateInfo, TrainingPhase, TrainingStart } from '../model/model-artifact.ts';
import { modelSpecOf } from '../model/model-spec.ts';
import { trainPhase } from './train-phase.ts';
import type { PhaseProgress } from './training-progress.ts';
import { hashOfRules, phasesOf, planStart, withoutWarm } from './warm-start.ts';
import type { PhaseBound } from './warm-start.ts';

/** The progress of a training after each step. */
export interface TrainProgress extends PhaseProgress {
  readonly phase: TrainingPhase;
}

export interface TrainOptions {
  readonly store: ArtifactStore;
  readonly dataset: Dataset;
  readonly model: ModelConfig;
  readonly training: TrainingConfig;
  /** The id of an earlier model to start from, if possible. */
  readonly warmFrom?: string | undefined;
  /** The folder of this run's checkpoints, removed when the run has finished. */
  readonly checkpoints: string;
  readonly onStart?: (start: TrainingStart) => void;
  readonly onProgress?: (progress: TrainProgress) => void;
  readonly onEpoch?: (phase: TrainingPhase, report: EpochReport) => void;
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
 * Fits the model on the data before the validation window and keeps the epoch that is best in that window. With
 * `training.refit`, fits it again for the same number of epochs with the validation window included. Training never uses the test
 * window. A killed run resumes after its last epoch.
 *
 * With `warmFrom`, each phase starts from a state of the earlier model that has seen no data that is held out from the phase, and
 * trains with `training.warm`. If there is no such state, training starts from the beginning and `model.json` contains the reason.
 */
export async function trainModel(options: TrainOptions): Promise<{ ref: ArtifactRef; start: TrainingStart }> {
  const { store, dataset } = options;
  const spec = modelSpecOf(options.model, dataset, dataset.split.validationFrom);
  const { start, source } = await planStart(store, { ...options, model: spec.config }, options.warmFrom);
  options.onStart?.(start);
  const run = startRun(options, { spec, start, source });
  const phases: PhaseResult[] = [];
  for (const { phase, heldOutFrom } of phasesOf(dataset.split, options.training)) {
    phases.push(
      phase === 'fit'
        ? await runPhase(run, { phase, heldOutFrom, validate: createValidator(dataset, run.spec) })
        : await runPhase(run, { phase, heldOutFrom, lastEpoch: phases[0]!.progress.bestEpoch }),
    );
  }
  const [fit, refit] = phases;
  const { trainedCount } = dataset.info;
  const ref = await putModel(
    store,
    {
      formatVersion: modelFormat,
      datasetId: dataset.id,
      spec: run.spec,
      training: start.kind === 'warm' ? options.training : withoutWarm(options.training),
      fit: [...fit!.progress.curve],
      refit: [...(refit?.progress.curve ?? [])],
      bestEpoch: fit!.progress.bestEpoch,
      start,
      states: {
        version: stateVersion,
        interactionRules: hashOfRules(dataset),
        phases: phases.map(({ phase, seenBefore }) => ({ phase, seenBefore })),
      },
    },
    {
      itemIds: dataset.vocabulary.itemIds.slice(0, trainedCount + 1),
      phases: phases.map(({ progress }) => progress.best),
    },
  );
  await rm(options.checkpoints, { recursive: true, force: true });
  return { ref, start };
}

/** The common inputs of the phases of a run. */
interface Run {
  readonly options: TrainOptions;
  readonly spec: ModelSpec;
  /** The epochs and the learning rate depend on the kind of start. */
  readonly config: TrainingConfig;
  readonly start: TrainingStart;
  readonly source: Model | undefined;
  /** Different for each kind of start and source model, so that a run never resumes from checkpoints of another start. */
  readonly checkpoints: string;
}

function startRun(options: TrainOptions, { spec, start, source }: Pick<Run, 'spec' | 'start' | 'source'>): Run {
  const { training } = options;
  const isWarm = start.kind === 'warm';
  return {
    options,
    spec,
    config: isWarm ? { ...training, ...training.warm } : training,
    start,
    source,
    checkpoints: join(options.checkpoints, isWarm ? start.modelId : 'full'),
  };
}

interface Phase extends PhaseBound {
  /** Stops after this epoch, while the learning-rate schedule covers all epochs: the length of a refit. */
  readonly lastEpoch?: number;
  readonly validate?: (weights: Weights) => Promise<number>;
}

interface PhaseResult extends StateInfo {
  readonly progress: LoopProgress;
}

async function runPhase(run: Run, { phase, heldOutFrom, lastEpoch, validate }: Phase): Promise<PhaseResult> {
  const { options, spec } = run;
  const initialWeights = initializeWeights(spec, createRandom(run.config.seed));
  const start = await startOfPhase(run, phase, initialWeights);
  const config = start === undefined ? run.config : { ...run.config, seed: seedAfter(start, run.config.seed) };
  const progress = await trainPhase({
    data: options.dataset,
    spec,
    config,
    heldOut: heldOutWindow(options.dataset, heldOutFrom, Number.POSITIVE_INFINITY),
    initialWeights,
    checkpoint: join(run.checkpoints, phase),
    epochsAfter: phase === 'fit' && config.refit ? config.epochs : 0,
    lastEpoch,
    validate,
    start,
    signal: options.signal,
    now: options.now,
    onProgress: (progress) => options.onProgress?.({ phase, ...progress }),
    onEpoch: (report) => options.onEpoch?.(phase, report),
    onDivergence: (description) => options.onDivergence?.(phase, description),
  });
  return { phase, seenBefore: heldOutFrom, progress };
}

/** Returns a different seed for each run of a chain, so that the chain does not memorize the same examples. */
function seedAfter({ optimizer }: TrainingState, seed: number): number {
  return hashText(`after ${optimizer['steps']!.data[0]} steps`, seed);
}

/** Returns the state that a phase of a warm start begins with, converted to the items and features of the dataset. */
async function startOfPhase(
  { options, spec, start, source }: Run,
  phase: TrainingPhase,
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

/** Returns a function that computes the mean Recall@50 over both tasks on a seeded sample of the validation users. */
function createValidator(dataset: Dataset, spec: ModelSpec): (weights: Weights) => Promise<number> {
  const { validationFrom, testFrom } = dataset.split;
  const window = heldOutWindow(dataset, validationFrom, testFrom);
  const users = [...window.users];
  createRandom(0).shuffle(users);
  users.length = Math.min(users.length, validationUsersMax);
  return async (weights) => {
    const scorer = createModelScorer(dataset, spec, weights, { ...window, tensorFlow });
    try {
      const evaluated = evaluateTasks(forTasks(scorer.ranker), users, {
        cutoffs: [validationCutoff],
        catalogSize: spec.itemCount,
        tieSeed: 0,
      });
      return (evaluated.new.metrics[0]!.recall + evaluated.all.metrics[0]!.recall) / 2;
    } finally {
      scorer.dispose();
    }
  };
}
