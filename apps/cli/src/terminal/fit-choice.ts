import { describeFit } from '@facet/pipeline/lineage';
import type { FitChoice } from '@facet/pipeline/lineage';

/** Describes K and the labels of a model, and the validation score of each compared fit. */
export function describeFitChoice({ interests, labels, fitScores = [] }: FitChoice): string {
  const kept = describeFit(interests, labels);
  if (fitScores.length < 2) return kept;
  const scores = fitScores.map((fit) => `${fit.score.toFixed(4)} (${describeFit(fit.interests, fit.labels)})`);
  return `${kept}. Validation recall: ${scores.join(', ')}`;
}
