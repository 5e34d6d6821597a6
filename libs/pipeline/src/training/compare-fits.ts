import { fitConfigs } from '@facet/model';
import type { FitConfig, ModelSpec, TrainingConfig } from '@facet/model';
import type { LoopProgress } from '@facet/model/training';

/** The settings of a fit. */
export interface FitPlan {
  readonly spec: ModelSpec;
  readonly training: FitConfig;
}

/** A fitted model. */
export interface Fit extends FitPlan {
  readonly progress: LoopProgress;
}

/** The validation score of a fit, and the settings that a training chooses by it. */
export interface FitScore {
  readonly interests: number;
  readonly labels: FitConfig['labels'];
  readonly score: number;
}

/** Scores of few validation users are noisy, so other labels than the first ones must score higher by this share. */
const labelsGainMin = 0.02;

/** Returns the number of fits of {@link compareFits}. */
export function countFits(spec: ModelSpec, training: TrainingConfig): number {
  return fitConfigs(training).length + (comparesOneInterest(spec) ? 1 : 0);
}

function comparesOneInterest({ config: { interests, interestGainMin = 0 } }: ModelSpec): boolean {
  return interests > 1 && interestGainMin > 0;
}

/**
 * Fits the model with each of the {@link fitConfigs}. The first labels are kept unless others score higher by {@link labelsGainMin}.
 * With `interestGainMin`, it then fits one interest with the kept labels. Several interests are chosen only if their score is higher
 * than that of one by `interestGainMin`.
 *
 * @param fit Fits a model. `part` is its position among the fits.
 */
export async function compareFits<Fitted extends Fit>(
  spec: ModelSpec,
  training: TrainingConfig,
  fit: (plan: FitPlan, part: number) => Promise<Fitted>,
): Promise<{ readonly fits: readonly Fitted[]; readonly chosen: Fitted }> {
  const fits: Fitted[] = [];
  for (const each of fitConfigs(training)) fits.push(await fit({ spec, training: each }, fits.length));
  const [first] = fits;
  const several = fits.find((each) => bestScore(each) >= (1 + labelsGainMin) * bestScore(first!)) ?? first!;
  if (!comparesOneInterest(spec)) return { fits, chosen: several };
  const one = await fit({ spec: withInterests(spec, 1), training: several.training }, fits.length);
  const { interestGainMin = 0 } = spec.config;
  const gains = bestScore(several) >= (1 + interestGainMin) * bestScore(one);
  return { fits: [...fits, one], chosen: gains ? several : one };
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
