import type { Examples } from '@facet/features';
import type { ModelSpec } from '../config.ts';
import { userVectorTable } from '../weights.ts';
import type { Weights } from '../weights.ts';

/**
 * The weights with the vectors of users without an example at zero, where a training leaves them: a user of whom nothing was
 * learned has no interest, instead of random ones. Without a table of user vectors, the weights themselves.
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
