import { countOf } from '@facet/platform/quantities';
import type { TrainedEpoch } from './run.ts';

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

/** The names of the phases in texts for users. */
export const trainingPhaseNames: Readonly<Record<TrainedEpoch['phase'], string>> = {
  fit: 'fit',
  refit: 'refit on newer data',
};

/** Returns one line about a finished epoch. @param metric the name of the validation metric */
export function describeEpoch(trained: TrainedEpoch, metric = 'recall@50'): string {
  const { epoch, loss, recall } = trained;
  const scored = recall === undefined ? '' : `, validation ${metric} ${recall.toFixed(4)}`;
  return `${describePhase(trained)}, epoch ${epoch}: loss ${loss.toFixed(3)}${scored}`;
}

/** Returns the phase of a training, with K and its labels. */
export function describePhase({ phase, ...fit }: Pick<TrainedEpoch, 'phase' | 'interests' | 'labels'>): string {
  return `${trainingPhaseNames[phase]}, ${describeFit(fit)}`;
}
