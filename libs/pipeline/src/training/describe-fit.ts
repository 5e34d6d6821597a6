import { countOf } from '@facet/platform/quantities';

// The page of the console imports this file, so it runs in browsers too.

/** K and the labels of a model. */
interface Fit {
  readonly interests: number;
  readonly labels?: string | undefined;
}

/** Describes K and the labels of a fit. */
export function describeFit({ interests, labels }: Fit): string {
  const count = countOf(interests, 'interest');
  return labels === undefined ? count : `${count}, labels ${labels}`;
}

/** Describes K and the labels of a model, and the validation score of each compared fit. */
export function describeFitChoice({
  fitScores = [],
  ...kept
}: Fit & { readonly fitScores?: readonly (Fit & { readonly score: number })[] | undefined }): string {
  if (fitScores.length < 2) return describeFit(kept);
  const scores = fitScores.map((fit) => `${fit.score.toFixed(4)} (${describeFit(fit)})`);
  return `${describeFit(kept)}. Validation recall: ${scores.join(', ')}`;
}
