import { cutEnd } from '@facet/features';
import { fitConfigs } from '@facet/model';
import type { FitConfig, FitLabels, ModelSettings, ModelSpec, TrainingConfig, ModelConfig } from '@facet/model';
import type { LoopProgress } from '@facet/model/training';
import { isAppError } from '@facet/platform';
import type { ModelData } from '../dataset/dataset.ts';
import type { HeldOut } from '../evaluation/tasks.ts';

/** The settings of a fit. */
export interface FitPlan {
  readonly spec: ModelSpec;
  readonly training: FitConfig;
}

/** A fitted model. */
export interface Fit extends FitPlan {
  readonly progress: LoopProgress;
}

/** The validation score of a fit, with its K and labels. It is 0 if the fit diverged. */
export interface FitScore {
  readonly interests: number;
  readonly labels: FitLabels;
  readonly score: number;
}

/** Other labels than the first ones must gain more than this share. With few validation users, scores are noisy. */
const labelsGainMin = 0.02;

/** Returns the number of fits of {@link compareFits}. */
export function countFits(spec: Pick<ModelSpec, 'config'>, training: TrainingConfig): number {
  return fitConfigs(training).length + (comparesOneInterest(spec) ? 1 : 0);
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
 * `interestGainMin`, then fits one interest with those labels, and keeps several only if they gain at least `interestGainMin`. A fit that
 * diverges is not chosen. Holds at most one fit in memory in addition to the current one.
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
  const fitNext = async (plan: FitPlan): Promise<Fitted> => {
    const fitted = await fit(plan, scores.length);
    scores.push(scoreOf(fitted));
    return fitted;
  };
  const fitOther = async (plan: FitPlan): Promise<Fitted | undefined> => {
    try {
      return await fitNext(plan);
    } catch (error) {
      if (!isAppError(error) || error.code !== 'MODEL_DIVERGED') throw error;
      scores.push({ interests: plan.spec.config.interests, labels: plan.training.labels, score: 0 });
      return undefined;
    }
  };
  const [first, ...others] = fitConfigs(training);
  let several = await fitNext({ spec, training: first });
  for (const each of others) {
    const other = await fitOther({ spec, training: each });
    if (other && bestScore(other) > (1 + labelsGainMin) * bestScore(several)) several = other;
  }
  if (!comparesOneInterest(spec)) return { scores, chosen: several };
  const one = await fitOther({ spec: withInterests(spec, 1), training: several.training });
  const { interestGainMin = 0 } = spec.config;
  const gains = !one || bestScore(several) >= (1 + interestGainMin) * bestScore(one);
  return { scores, chosen: gains ? several : one };
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
