import { frozenWeights } from '@facet/model';
import type { ModelSettings, Weights } from '@facet/model';
import * as tensorFlow from '@facet/model/training';
import {
  checkTrainingMemory,
  sizeOf,
  reportInterests,
  createModelScorer,
  forTasks,
  modelSpecOf,
  bestScore,
  withTrainablePrior,
  trainingProgress,
} from '@facet/stages';
import { describeEpoch } from '@facet/runs';
import type { InterestReport } from '@facet/stages';
import { fitModel } from '@facet/stages/training';
import type { FitContext, FittedSystem } from './system.ts';

/** The number of validation users for choosing the number of epochs. */
export const validationUsersMax = 20_000;

/** Fits a tower by the protocol of a benchmark. @throws AppError as `checkTrainingMemory` and `fitModel`. */
export async function fitTower({ model, training }: ModelSettings, context: FitContext): Promise<FittedSystem> {
  const { data, protocol } = context.benchmark;
  const { validation, test, choice, tasks } = protocol;
  if (context.memoryCheck === true) {
    checkTrainingMemory(sizeOf(data, { model, training }, validation.cut), { model, training });
  }
  const config = { ...training, seed: context.seed };
  const metric = `${choice.metric}@${choice.cutoff}`;
  const { scores, chosen, refit, repeatWeights, fitSeconds } = await fitModel({
    data,
    spec: modelSpecOf(withTrainablePrior(model, data, validation), data),
    training: config,
    validation: { heldOut: validation, tasks, choice, usersMax: validationUsersMax },
    heldOutFromRefit: () => test,
    checkpoints: context.checkpoints,
    now: context.now,
    signal: context.signal,
    onProgress: (progress) => {
      const { share, detail } = trainingProgress(progress);
      context.onProgress?.(share, detail);
    },
    onEpoch: (trained) => context.onEpoch?.(describeEpoch(trained, metric)),
    onDivergence: (phase, description) => context.onDivergence?.(`${phase}: ${description}`),
  });
  const { spec } = chosen;
  const { bestEpoch } = chosen.progress;
  const trained = (refit ?? chosen).progress.best.weights;
  const weights = { ...trained, ...repeatWeights };
  const scorer = createModelScorer(data, spec, weights, { ...test, tensorFlow });
  let interests: InterestReport;
  try {
    interests = reportInterests(scorer, test.users, spec.config.interests);
  } catch (error) {
    scorer.dispose();
    throw error;
  }
  return {
    rankers: forTasks(scorer.ranker),
    dispose: scorer.dispose,
    ...(spec.itemFeatures.length === 0
      ? {}
      : {
          rankersOver: (candidates: Uint8Array) => {
            const options = { ...test, candidates, tensorFlow };
            const { ranker, dispose } = createModelScorer(data, spec, weights, options);
            return { rankers: forTasks(ranker), dispose };
          },
        }),
    parameters: countParameters(trained),
    chosen: {
      epochs: bestEpoch,
      ...(config.labels === 'auto' ? { labels: chosen.training.labels } : {}),
      ...(scores.some(({ interests }) => interests !== spec.config.interests)
        ? { interests: spec.config.interests }
        : {}),
    },
    validationScore: bestScore(chosen),
    tuningSeconds: fitSeconds - (refit === undefined ? chosen.seconds : 0),
    trainingSeconds: (refit ?? chosen).seconds,
    epochs: { fit: chosen.progress.curve.length, best: bestEpoch, refit: refit?.progress.curve.length ?? 0 },
    interests,
  };
}

/** Counts learned parameters. Random routing logits are frozen and do not count. */
function countParameters(weights: Weights): number {
  return Object.entries(weights).reduce(
    (sum, [name, { data }]) => sum + (frozenWeights.has(name) ? 0 : data.length),
    0,
  );
}
