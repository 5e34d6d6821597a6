import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { ArtifactRef, ArtifactStore } from '@facet/artifacts';
import { buildPopularityTimeline, createRandom } from '@facet/features';
import { initializeWeights } from '@facet/model';
import type { ModelConfig, ModelSpec, TrainingConfig, Weights } from '@facet/model';
import { createTrainingSession, trainingExamples, trainLoop } from '@facet/model/training';
import type { EpochReport, LoopProgress } from '@facet/model/training';
import type { Dataset } from '../dataset/dataset.ts';
import { forBothTasks } from '../evaluation/baselines.ts';
import { createModelScorer } from '../evaluation/model-scorer.ts';
import { evaluateTasks, heldOutWindow } from '../evaluation/tasks.ts';
import { loadCheckpoint, saveCheckpoint } from './checkpoint.ts';
import { putModel } from './model-artifact.ts';

/** Where training stands; `phase` is the fit that chooses the number of epochs, or the refit on all but the test window. */
export interface TrainProgress {
  readonly phase: 'fit' | 'refit';
  readonly epoch: number;
  readonly epochs: number;
  readonly done: number;
  readonly total: number;
  readonly loss: number;
}

export interface TrainOptions {
  readonly store: ArtifactStore;
  readonly dataset: Dataset;
  readonly model: ModelConfig;
  readonly training: TrainingConfig;
  /** A folder for this run's checkpoints, kept until it has finished. */
  readonly checkpoints: string;
  readonly onProgress?: (progress: TrainProgress) => void;
  readonly onEpoch?: (phase: TrainProgress['phase'], report: EpochReport) => void;
  readonly signal?: AbortSignal;
}

/** Recall is measured here for early stopping. */
const validationCutoff = 50;
/** More users would not change which epoch is best, only how long it takes to know. */
const validationUsersMax = 1000;

/**
 * Fits the model on what came before the validation window and keeps the epoch that did best in it; then, with
 * `training.refit`, fits it again for as many epochs with the validation window included. The test window is never seen.
 * A killed run goes on from its last epoch.
 */
export async function trainModel(options: TrainOptions): Promise<ArtifactRef> {
  const { dataset, training } = options;
  const spec: ModelSpec = {
    config: options.model,
    itemCount: dataset.items.length - 1,
    itemFeatures: [...dataset.info.itemFeatures],
    userFeatures: [...dataset.info.userFeatures],
  };
  const { validationFrom, testFrom } = dataset.split;
  const fit = await runPhase(options, spec, {
    phase: 'fit',
    before: validationFrom,
    epochs: training.epochs,
    validate: createValidator(dataset, spec),
  });
  const refit = training.refit
    ? await runPhase(options, spec, { phase: 'refit', before: testFrom, epochs: fit.bestEpoch })
    : undefined;
  const ref = await putModel(
    options.store,
    {
      formatVersion: 1,
      datasetId: dataset.id,
      spec,
      training,
      fit: [...fit.curve],
      refit: [...(refit?.curve ?? [])],
      bestEpoch: fit.bestEpoch,
    },
    (refit ?? fit).bestWeights,
  );
  await rm(options.checkpoints, { recursive: true, force: true });
  return ref;
}

interface Phase {
  readonly phase: TrainProgress['phase'];
  /** Epoch milliseconds: nothing at or after this moment is seen. */
  readonly before: number;
  readonly epochs: number;
  readonly validate?: (weights: Weights) => Promise<number>;
}

async function runPhase(
  options: TrainOptions,
  spec: ModelSpec,
  { phase, before, epochs, validate }: Phase,
): Promise<LoopProgress> {
  const { dataset, training } = options;
  const window = heldOutWindow(dataset, before, Number.POSITIVE_INFINITY);
  const session = createTrainingSession({
    spec,
    initialWeights: initializeWeights(spec, createRandom(training.seed)),
    itemFeatures: dataset.itemFeatures,
    trainedCount: dataset.info.trainedCount,
    data: {
      sequences: dataset.sequences,
      profiles: dataset.profiles,
      timeline: buildPopularityTimeline(dataset.sequences, spec.itemCount, before),
      candidates: Int32Array.from(window.candidates.keys()).filter((item) => window.candidates[item] === 1),
    },
  });
  const folder = join(options.checkpoints, phase);
  try {
    const resume = await loadCheckpoint(folder);
    return await trainLoop({
      session,
      examples: trainingExamples(dataset.sequences, training, before),
      config: training,
      lastEpoch: epochs,
      ...(validate === undefined ? {} : { validate }),
      ...(resume === undefined ? {} : { resume }),
      ...(options.signal === undefined ? {} : { signal: options.signal }),
      onStep: (step) => options.onProgress?.({ phase, epochs, ...step }),
      onEpoch: async (report, progress) => {
        await saveCheckpoint(folder, { progress, state: await session.state() });
        options.onEpoch?.(phase, report);
      },
    });
  } finally {
    session.dispose();
  }
}

/** Mean of Recall@50 over both tasks on (a seeded sample of) the users of the validation window. */
function createValidator(dataset: Dataset, spec: ModelSpec): (weights: Weights) => Promise<number> {
  const { validationFrom, testFrom } = dataset.split;
  const window = heldOutWindow(dataset, validationFrom, testFrom);
  const users = [...window.users];
  createRandom(0).shuffle(users);
  users.length = Math.min(users.length, validationUsersMax);
  return async (weights) => {
    const scorer = createModelScorer(dataset, spec, weights, { asOf: validationFrom, candidates: window.candidates });
    const evaluated = evaluateTasks(forBothTasks(scorer.score), users, {
      cutoffs: [validationCutoff],
      catalogSize: spec.itemCount,
      tieSeed: 0,
    });
    return (evaluated.new.metrics[0]!.recall + evaluated.all.metrics[0]!.recall) / 2;
  };
}
