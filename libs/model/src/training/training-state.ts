import type { Examples } from '@facet/features';
import type { ModelSpec } from '../config.ts';
import { userVectorTable } from '../weights.ts';
import type { Weights } from '../weights.ts';

/** The complete state of a training run: a run that resumes from it equals an uninterrupted run. */
export interface TrainingState {
  readonly weights: Weights;
  /** `steps` [], the number of Adam's steps, and for each trained weight two {@link moments} of the weight's shape. */
  readonly optimizer: Weights;
}

/** Adam's moments of a weight. */
export const moments = ['first', 'second'] as const;

/** Returns the name of a weight's moment in {@link TrainingState.optimizer}. */
export const momentName = (moment: (typeof moments)[number], weight: string): string => `${moment}/${weight}`;

/**
 * Returns the weights with zeros as the vectors of users without an example. The training leaves those vectors at random values, and
 * such a user must have no interests. Returns the same weights if the model has no table of user vectors.
 */
export function zeroUntrainedUsers(
  { userCount = 0 }: ModelSpec,
  weights: Weights,
  examples: Pick<Examples, 'count' | 'user'>,
): Weights {
  const table = weights[userVectorTable];
  if (table === undefined) return weights;
  const hasExample = new Uint8Array(userCount);
  for (let example = 0; example < examples.count; example++) hasExample[examples.user[example]!] = 1;
  const data = table.data.slice();
  const width = data.length / userCount;
  for (let row = 0; row < userCount; row++) if (hasExample[row] === 0) data.fill(0, row * width, (row + 1) * width);
  return { ...weights, [userVectorTable]: { ...table, data } };
}
