import type { FitChoice } from '@facet/pipeline/lineage';
import { countOf } from './text.ts';

/** Returns the number of interests and the labels of a model, and the validation scores that chose them. */
export function describeFitChoice({ interests, labels, fitScores = [] }: FitChoice): string {
  const kept = describeFit(interests, labels);
  if (fitScores.length < 2) return kept;
  const scores = fitScores.map((fit) => `${describeFit(fit.interests, fit.labels)}: ${fit.score.toFixed(4)}`);
  return `${kept}. Validation recall: ${scores.join('; ')}`;
}

function describeFit(interests: number, labels: string): string {
  return `${countOf(interests, 'interest')}, labels ${labels}`;
}
