import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createRandom } from '@facet/features';
import { frozenWeights, initializeWeights } from '@facet/model';
import type { ModelSettings, ModelSpec, Weights } from '@facet/model';
import { readStored } from '../stage.ts';
import { checkTrainingMemory, sizeOf } from '../estimate/estimate-memory.ts';
import { reportInterests, createModelScorer } from '../evaluation/model-scorer.ts';
import type { InterestReport } from '../evaluation/model-scorer.ts';
import { choiceScore, evaluateAndDispose, forTasks, sampleUsers } from '../evaluation/tasks.ts';
import type { HeldOut } from '../evaluation/tasks.ts';
import * as tensorFlow from '@facet/model/training';
import { modelSpecOf } from '../model/model-spec.ts';
import { bestScore, compareFits, countFits, countTrainings, withTrainablePrior } from '../training/compare-fits.ts';
import type { FitPlan } from '../training/compare-fits.ts';
import { fitHeldOutRepeats } from '../training/fit-held-out-repeats.ts';
import { trainPhase } from '../training/train-phase.ts';
import { describeEpoch, trainingProgress } from '../training/training-progress.ts';
import type { FitContext, FittedSystem } from './system.ts';

/** The number of validation users for choosing the number of epochs. */
const validationUsersMax = 20_000;

/**
 * Fits a tower on the data before the validation part, and chooses the best epoch on that part. Then fits again for that number of epochs,
 * with the validation part included. An interrupted fit resumes after its last epoch.
 *
 * @throws AppError as `checkTrainingMemory` and `trainPhase`.
 */
export async function fitTower({ model, training }: ModelSettings, context: FitContext): Promise<FittedSystem> {
  const { data, protocol } = context.benchmark;
  const { validation, test } = protocol;
  if (context.memoryCheck === true) {
    checkTrainingMemory(sizeOf(data, { model, training }, validation.cut), { model, training });
  }
  const config = { ...training, seed: context.seed };
  const wanted = modelSpecOf(withTrainablePrior(model, data, validation), data);
  const fitCount = countFits(wanted, config);
  const parts = countTrainings({ model, training: config });
  let fitSeconds = 0;

  const { scores, chosen } = await compareFits(wanted, config, async (plan, part) => {
    const fit = await runPhase(context, plan, { phase: 'fit', part, parts, heldOut: validation });
    fitSeconds += fit.seconds;
    return fit;
  });
  const { spec } = chosen;
  const { bestEpoch } = chosen.progress;
  const refit = config.refit
    ? await runPhase(context, chosen, { phase: 'refit', part: fitCount, parts, heldOut: test, lastEpoch: bestEpoch })
    : undefined;
  const fitted = { data, spec, weights: chosen.progress.best.weights };
  const repeatWeights = await fitHeldOutRepeats(fitted, validation, context.signal);
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

interface TowerPhase {
  readonly phase: 'fit' | 'refit';
  /** Its position among the `parts` fits and refits. */
  readonly part: number;
  readonly parts: number;
  readonly heldOut: HeldOut;
  readonly lastEpoch?: number;
}

async function runPhase(context: FitContext, plan: FitPlan, { phase, part, parts, heldOut, lastEpoch }: TowerPhase) {
  const { spec, training } = plan;
  const { data, protocol } = context.benchmark;
  const { interests } = spec.config;
  const { labels } = training;
  const metric = `${protocol.choice.metric}@${protocol.choice.cutoff}`;
  const name = `${phase}-${interests}-${labels}`;
  const stopwatch = await resumeStopwatch(join(context.checkpoints, `${name}-seconds.json`), context.now);
  const progress = await trainPhase({
    data,
    spec,
    config: training,
    heldOut,
    initialWeights: initializeWeights(spec, createRandom(training.seed)),
    checkpoint: join(context.checkpoints, name),
    now: context.now,
    validate: phase === 'fit' ? createValidator(spec, context) : undefined,
    lastEpoch,
    signal: context.signal,
    onProgress: (progress) => {
      const { share, detail } = trainingProgress({ ...progress, phase, part, parts, interests, labels });
      context.onProgress?.(share, detail);
    },
    onDivergence: (description) => context.onDivergence?.(`${phase}: ${description}`),
    onEpoch: ({ epoch, loss, score }) => {
      stopwatch.lap();
      context.onEpoch?.(describeEpoch({ phase, interests, labels, epoch, loss, recall: score }, metric));
    },
  });
  return { ...plan, progress, seconds: stopwatch.seconds() };
}

/** Returns a function that computes the protocol's selection metric of weights on the validation part. */
export function createValidator(
  spec: ModelSpec,
  { benchmark }: Pick<FitContext, 'benchmark'>,
): (weights: Weights) => Promise<number> {
  const { data, protocol } = benchmark;
  const users = sampleUsers(protocol.validation.users, validationUsersMax);
  const options = { cutoffs: [protocol.choice.cutoff], catalogSize: spec.itemCount };
  return async (weights) => {
    const { ranker, dispose } = createModelScorer(data, spec, weights, { ...protocol.validation, tensorFlow });
    const evaluated = evaluateAndDispose(protocol, { rankers: forTasks(ranker), dispose }, users, options);
    const scores = protocol.tasks.map((task) => choiceScore(protocol, evaluated[task]!));
    return scores.reduce((sum, score) => sum + score, 0) / scores.length;
  };
}

/** Counts learned parameters. Random routing logits are frozen and do not count. */
function countParameters(weights: Weights): number {
  return Object.entries(weights).reduce(
    (sum, [name, { data }]) => sum + (frozenWeights.has(name) ? 0 : data.length),
    0,
  );
}

/** Measures the seconds of a phase, including earlier interrupted runs up to their last epoch. */
async function resumeStopwatch(path: string, now: () => number): Promise<{ lap(): void; seconds(): number }> {
  const earlier = (await readStored<{ readonly seconds: number }>(path))?.seconds ?? 0;
  const startedAt = now();
  const seconds = (): number => earlier + (now() - startedAt) / 1000;
  return {
    seconds,
    // A failed write only loses a part of the measured time.
    lap: () => void writeFile(path, JSON.stringify({ seconds: seconds() })).catch(() => undefined),
  };
}
