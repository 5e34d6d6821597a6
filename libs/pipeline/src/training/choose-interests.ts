import type { ModelSpec } from '@facet/model';
import type { LoopProgress } from '@facet/model/training';

/** A fitted model. */
export interface Fit {
  readonly spec: ModelSpec;
  readonly progress: LoopProgress;
}

/** The validation score of a number of interests. */
export interface InterestScore {
  readonly interests: number;
  readonly score: number;
}

/** Returns the models that a training fits: the given one and, with `interestGainMin`, the same with one interest. */
export function comparedSpecs(spec: ModelSpec): readonly ModelSpec[] {
  const { interests, interestGainMin = 0 } = spec.config;
  return interests === 1 || interestGainMin === 0 ? [spec] : [spec, withInterests(spec, 1)];
}

export function withInterests(spec: ModelSpec, interests: number): ModelSpec {
  return { ...spec, config: { ...spec.config, interests } };
}

/** Returns the fit of several interests if its score is higher than that of one interest by `interestGainMin`, otherwise the latter. */
export function chooseFit<Chosen extends Fit>([several, one]: readonly Chosen[]): Chosen {
  if (one === undefined) return several!;
  const { interestGainMin = 0 } = several!.spec.config;
  return bestScore(several!) >= (1 + interestGainMin) * bestScore(one) ? several! : one;
}

export function scoreOf(fit: Fit): InterestScore {
  return { interests: fit.spec.config.interests, score: bestScore(fit) };
}

/** Returns the validation score of the best epoch, 0 without validation. */
export function bestScore({ progress: { curve, bestEpoch } }: Pick<Fit, 'progress'>): number {
  return curve[bestEpoch - 1]?.score ?? 0;
}
