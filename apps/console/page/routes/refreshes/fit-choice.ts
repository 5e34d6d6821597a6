import type { Training } from '@facet/client/trainer-api';

/** Describes K and the labels of a model, and the validation score of each compared fit. */
export function describeFitChoice({
  interests,
  labels,
  fitScores = [],
}: Pick<Training, 'interests' | 'fitScores'> & Partial<Pick<Training, 'labels'>>): string {
  const kept = describeFit(interests, labels);
  if (fitScores.length < 2) return kept;
  const scores = fitScores.map((fit) => `${fit.score.toFixed(4)} (${describeFit(fit.interests, fit.labels)})`);
  return `${kept}. Validation recall: ${scores.join(', ')}`;
}

export function describeFit(interests: number, labels: string | undefined): string {
  const count = interests === 1 ? '1 interest' : `${interests} interests`;
  return labels === undefined ? count : `${count}, labels ${labels}`;
}
