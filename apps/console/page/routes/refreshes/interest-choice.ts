import type { Training } from '@facet/client/trainer-api';

const countOf = (interests: number): string => (interests === 1 ? '1 interest' : `${interests} interests`);

/** Returns the number of interests of a model, and the validation scores that decided it. */
export function describeInterestChoice(choice: Pick<Training, 'interests' | 'interestScores'>): string {
  const { interests, interestScores = [] } = choice;
  if (interestScores.length < 2) return countOf(interests);
  const scores = interestScores.map(
    (each) =>
      `${countOf(each.interests)} ${each.interests === 1 ? 'validates' : 'validate'} at ${each.score.toFixed(4)}`,
  );
  return `${scores.join(', ')}: ${interests === 1 ? '1 is kept' : `${interests} are kept`}`;
}
