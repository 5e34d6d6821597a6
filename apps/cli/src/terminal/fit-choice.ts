import type { FitChoice } from '@facet/pipeline/lineage';
import { countOf } from './text.ts';

/** Describes K and the labels of a model, and the validation score of each compared fit. */
export function describeFitChoice({ interests, labels, fitScores = [] }: FitChoice): string {
  const kept = describeFit(interests, labels);
  if (fitScores.length < 2) return kept;
  const scores = fitScores.map((fit) => `${fit.score.toFixed(4)} (${describeFit(fit.interests, fit.labels)})`);
  return `${kept}. Validation recall: ${scores.join(', ')}`;
}

function describeFit(interests: number, labels: string): string {
  return `${countOf(interests, 'interest')}, labels ${labels}`;
}
