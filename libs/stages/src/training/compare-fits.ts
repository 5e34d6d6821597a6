import { pairedBootstrap } from '@facet/evaluation';
import type { PairedDifference } from '@facet/evaluation';
import { cutEnd } from '@facet/features';
import { fitConfigs } from '@facet/model';
import type { FitConfig, ModelSettings, ModelSpec, TrainingConfig, ModelConfig } from '@facet/model';
import type { LoopProgress } from '@facet/model/training';
import { isAppError } from '@facet/platform';
import type { ModelData } from '../dataset/dataset.ts';
import type { HeldOut } from '../ranking/tasks.ts';
import type { FitScore } from '@facet/runs';

/** The settings of a fit. */
export interface FitPlan {
  readonly spec: ModelSpec;
  readonly training: FitConfig;
}

/** A fitted model. */
export interface Fit extends FitPlan {
  readonly progress: LoopProgress;
  /** The part of each validation user in the score of the best epoch, which is their mean. Empty if nothing is compared. */
  readonly userScores: ArrayLike<number>;
}

/** Other labels than the first ones must gain more than this share. With few validation users, scores are noisy. */
const labelsGainMin = 0.02;

/** Returns the number of fits of {@link compareFits}. */
export function countFits(spec: Pick<ModelSpec, 'config'>, training: TrainingConfig): number {
  return fitConfigs(training).length * (comparesOneInterest(spec) ? 2 : 1);
}

/** Returns the number of trainings of a model: the fits of {@link compareFits}, and the refit. */
export function countTrainings({ model, training }: ModelSettings): number {
  return countFits({ config: model }, training) + (training.refit ? 1 : 0);
}

function comparesOneInterest({ config: { interests, interestGainMin = 0 } }: Pick<ModelSpec, 'config'>): boolean {
  return interests > 1 && interestGainMin > 0;
}

/**
 * Fits the model with each of the {@link fitConfigs}. Keeps the first labels unless others gain more than {@link labelsGainMin}. With
 * `interestGainMin`, does the same with one interest, and keeps several interests only if {@link severalGain} shows that they help. A fit
 * that diverges is not chosen. Holds at most two fits in memory in addition to the current one.
 *
 * @param fit Fits a model. `part` is its position among the fits.
 * @throws AppError Errors of the first fit, and errors of the others except `MODEL_DIVERGED`.
 */
export async function compareFits<Fitted extends Fit>(
  spec: ModelSpec,
  training: TrainingConfig,
  fit: (plan: FitPlan, part: number) => Promise<Fitted>,
): Promise<{ readonly scores: readonly FitScore[]; readonly chosen: Fitted }> {
  const scores: FitScore[] = [];
  const fitOther = async (plan: FitPlan): Promise<Fitted | undefined> => {
    try {
      return await fit(plan, scores.length);
    } catch (error) {
      if (scores.length === 0 || !isAppError(error, 'MODEL_DIVERGED')) throw error;
      return undefined;
    }
  };
  /** Returns the fit with the best labels; undefined if all diverge. */
  const fitLabels = async (compared: ModelSpec): Promise<Fitted | undefined> => {
    let best: Fitted | undefined;
    for (const each of fitConfigs(training)) {
      const fitted = await fitOther({ spec: compared, training: each });
      const { interests } = compared.config;
      scores.push(fitted ? scoreOf(fitted) : { interests, labels: each.labels, score: 0 });
      if (fitted && (!best || bestScore(fitted) > (1 + labelsGainMin) * bestScore(best))) best = fitted;
    }
    return best;
  };
  const several = (await fitLabels(spec))!;
  if (!comparesOneInterest(spec)) return { scores, chosen: several };
  const one = await fitLabels(withInterests(spec, 1));
  if (!one) return { scores, chosen: several };
  const gain = severalGain(several, one);
  const { interestGainMin = 0 } = spec.config;
  const gains = bestScore(several) >= (1 + interestGainMin) * bestScore(one) && !(gain && gain.low <= 0);
  const { labels } = one.training;
  return {
    scores: scores.map((score) =>
      gain && score.interests === 1 && score.labels === labels ? { ...score, severalGain: gain } : score,
    ),
    chosen: gains ? several : one,
  };
}

/**
 * Returns the validation score of several interests minus that of one, with its 95 % interval, paired by user. Several interests cost one
 * search each, so they must help: the interval must be above 0. Undefined without validation users.
 */
function severalGain(several: Fit, one: Fit): Pick<PairedDifference, 'mean' | 'low' | 'high'> | undefined {
  if (several.userScores.length === 0) return undefined;
  const { mean, low, high } = pairedBootstrap(several.userScores, one.userScores, { seed: 1 });
  return { mean, low, high };
}

export function withInterests(spec: ModelSpec, interests: number): ModelSpec {
  return { ...spec, config: { ...spec.config, interests } };
}

export function scoreOf(fit: Fit): FitScore {
  return { interests: fit.spec.config.interests, labels: fit.training.labels, score: bestScore(fit) };
}

/** Returns the validation score of the best epoch, 0 without validation. */
export function bestScore({ progress: { curve, bestEpoch } }: Pick<Fit, 'progress'>): number {
  return curve[bestEpoch - 1]?.score ?? 0;
}

/** With a popularity prior, training leaves out labels whose item has no interaction on an earlier day. It needs this share of the others. */
const knownShareMin = 1 / 2;

/** Why a model has no popularity prior although its settings have one. */
export const noPriorNote =
  'The model trains without the popularity prior, because most interactions before the validation are with items that have no interaction on an earlier day. Events of more days would train the prior.';

/** Returns whether enough interactions before the cut are with items that have an interaction on an earlier day. */
export function canTrainPrior(
  { sequences }: Pick<ModelData, 'sequences'>,
  { cut, catalog }: Pick<HeldOut, 'cut' | 'catalog'>,
): boolean {
  const { dayOf, isKnown } = catalog.timeline();
  const { offsets, items, times, userIds } = sequences;
  let [known, all] = [0, 0];
  for (let user = 0; user < userIds.length; user++) {
    const end = cutEnd(sequences, user, cut);
    for (let position = offsets[user]!; position < end; position++) {
      if (isKnown(items[position]!, dayOf(times[position]!))) known++;
      all++;
    }
  }
  return known >= knownShareMin * all;
}

/** Returns the settings, without the popularity prior if the data before the cut cannot train it. */
export function withTrainablePrior(
  model: ModelConfig,
  data: Pick<ModelData, 'sequences'>,
  heldOut: Pick<HeldOut, 'cut' | 'catalog'>,
): ModelConfig {
  return model.popularityPrior && !canTrainPrior(data, heldOut) ? { ...model, popularityPrior: false } : model;
}
