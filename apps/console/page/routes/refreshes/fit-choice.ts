import type { Training } from '@facet/client/trainer-api';

/** Returns the number of interests and the labels of a model, and the validation scores that chose them. */
export function describeFitChoice({
  interests,
  labels,
  fitScores = [],
}: Pick<Training, 'interests' | 'labels' | 'fitScores'>): string {
  const kept = describeFit(interests, labels);
  if (fitScores.length < 2) return kept;
  const scores = fitScores.map((fit) => `${describeFit(fit.interests, fit.labels)}: ${fit.score.toFixed(4)}`);
  return `${kept}. Validation recall: ${scores.join('; ')}`;
}

export function describeFit(interests: number, labels: string): string {
  return `${interests === 1 ? '1 interest' : `${interests} interests`}, labels ${labels}`;
}
