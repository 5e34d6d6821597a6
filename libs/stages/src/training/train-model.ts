import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { ArtifactRef, ArtifactStore } from '@facet/artifacts';
import type { ModelSettings } from '@facet/model';
import { carryState, stateVersion } from '@facet/model/training';
import type { Dataset } from '../dataset/dataset.ts';
import { heldOutWindow } from '../ranking/tasks.ts';
import { modelFormat, openModelState, putModel } from '../model/model-artifact.ts';
import type { TrainingStart } from '../model/model-artifact.ts';
import { modelSpecOf } from '../model/model-spec.ts';
import { noPriorNote, withTrainablePrior } from './compare-fits.ts';
import { fitModel } from './fit-model.ts';
import type { TrainingWatch } from './fit-model.ts';
import { hashOfRules, phasesOf, planStart, withoutWarm } from './warm-start.ts';

export interface TrainOptions extends ModelSettings, TrainingWatch {
  readonly store: ArtifactStore;
  readonly dataset: Dataset;
  /** The id of an earlier model to start from, if possible. */
  readonly warmFrom?: string | undefined;
  /** The folder of this run's checkpoints, removed when the run has finished. */
  readonly checkpoints: string;
  readonly onStart?: (start: TrainingStart) => void;
  /** Called with a sentence about a setting that the data do not allow. */
  readonly onNote?: (note: string) => void;
}

/** The users and the metric of early stopping: the mean Recall@50 over both tasks. */
const validationOf = {
  tasks: ['new', 'all'],
  choice: { metric: 'recall', cutoff: 50 },
  usersMax: 1000,
  tieSeed: 0,
} as const;

/**
 * Trains a model on a dataset and stores it ({@link fitModel}). Training never uses the test window.
 *
 * With `warmFrom`, each phase starts from a state of the earlier model that has seen no data that is held out from the phase, and
 * trains with `training.warm`. If there is no such state, training starts from the beginning and `model.json` contains the reason.
 */
export async function trainModel(wanted: TrainOptions): Promise<{ ref: ArtifactRef; start: TrainingStart }> {
  const { store, dataset, checkpoints, warmFrom, onFit, ...watch } = wanted;
  const { split } = dataset;
  const validation = heldOutWindow(dataset, split.validationFrom, split.testFrom);
  const options = { ...wanted, model: withTrainablePrior(wanted.model, dataset, validation) };
  if (options.model !== wanted.model) options.onNote?.(noPriorNote);
  const { start, source } = await planStart(store, options, warmFrom);
  options.onStart?.(start);
  const isWarm = start.kind === 'warm';
  const { scores, chosen, refit, repeatWeights } = await fitModel({
    ...watch,
    data: dataset,
    spec: modelSpecOf(options.model, dataset),
    // An average lags behind by half its length, which is much of the few epochs of a warm start.
    training: isWarm ? { ...options.training, ...options.training.warm, averageEpochs: 0 } : options.training,
    validation: { ...validationOf, heldOut: validation },
    heldOutFromRefit: () => heldOutWindow(dataset, split.testFrom, Number.POSITIVE_INFINITY),
    // Different for each kind of start and source model, so that a run never resumes from checkpoints of another start.
    checkpoints: join(checkpoints, isWarm ? start.modelId : 'full'),
    onFit: (...fit) => {
      validation.catalog.release();
      onFit?.(...fit);
    },
    ...(isWarm && source !== undefined
      ? {
          warm: {
            source,
            // Converts the state to the items and features of the dataset.
            stateOf: async (phase, spec, initialWeights) => {
              const { state } = start.from.find((from) => from.phase === phase)!;
              const carried = await openModelState(store, source, state.phase);
              const { vocabulary, info, itemFeatures } = dataset;
              const { itemIds } = vocabulary;
              const target = { spec, itemIds, trainedCount: info.trainedCount, itemFeatures, initialWeights };
              return carryState({ spec: source.info.spec, ...carried }, target);
            },
          },
        }
      : {}),
  });
  const phases = refit === undefined ? [chosen] : [chosen, refit];
  const ref = await putModel(
    store,
    {
      formatVersion: modelFormat,
      datasetId: dataset.id,
      spec: chosen.spec,
      training: {
        ...(isWarm ? options.training : withoutWarm(options.training)),
        labels: chosen.training.labels,
      },
      fit: [...chosen.progress.curve],
      refit: [...(refit?.progress.curve ?? [])],
      bestEpoch: chosen.progress.bestEpoch,
      ...(scores.length === 1 ? {} : { fitScores: [...scores] }),
      start,
      states: {
        version: stateVersion,
        interactionRules: hashOfRules(dataset),
        phases: phasesOf(split, options.training).map(({ phase, heldOutFrom }) => ({ phase, seenBefore: heldOutFrom })),
      },
    },
    {
      itemIds: dataset.vocabulary.itemIds.slice(0, dataset.info.trainedCount + 1),
      phases: phases.map(({ progress: { best } }, phase) =>
        phase < phases.length - 1 ? best : { ...best, weights: { ...best.weights, ...repeatWeights } },
      ),
    },
  );
  await rm(checkpoints, { recursive: true, force: true });
  return { ref, start };
}
