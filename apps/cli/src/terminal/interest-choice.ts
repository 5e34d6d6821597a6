import type { InterestChoice } from '@facet/pipeline/lineage';
import { countOf } from './text.ts';

/** Returns the number of interests of a model, and the validation scores that decided it. */
export function describeInterestChoice({ interests, interestScores = [] }: InterestChoice): string {
  if (interestScores.length < 2) return countOf(interests, 'interest');
  const scores = interestScores.map(
    (each) =>
      `${countOf(each.interests, 'interest')} ${each.interests === 1 ? 'validates' : 'validate'} at ${each.score.toFixed(4)}`,
  );
  return `${scores.join(', ')}: ${interests === 1 ? '1 is kept' : `${interests} are kept`}`;
}
