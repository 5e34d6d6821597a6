import type { ModelConfig } from '../config.ts';

/** K'u = max(1, min(K, log2 n)) (paper, Eq. 8), the logarithm's integer part; 0 interests without behaviors. */
export function activeInterestCount(behaviorCount: number, maxInterests: number, adaptive = true): number {
  if (behaviorCount === 0) return 0;
  if (!adaptive) return maxInterests;
  return Math.max(1, Math.min(maxInterests, 31 - Math.clz32(behaviorCount)));
}

/** The row of whoever has no vectors of their own: everybody, but in models with a table of them. */
export const unknownUser = -1;

/** K'u of a user with n behaviors; in a model with vectors of users K of whoever has some. */
export function interestCountOf(
  { extractor, interests: K, adaptiveInterests }: ModelConfig,
  behaviorCount: number,
  userRow: number,
): number {
  if (extractor.kind === 'user-vectors') return userRow === unknownUser ? 0 : K;
  return activeInterestCount(behaviorCount, K, adaptiveInterests);
}

/**
 * The K of a model for users of these numbers of behaviors: the most that `interestUsersMin` of them have by Eq. 8. An interest that
 * few users have is learned of few, and wins few of the labels.
 *
 * @param behaviorCounts of each user; of one with fewer than two nothing is learned, and they do not count
 */
export function interestsFor(
  { interests, adaptiveInterests, interestUsersMin = 0 }: ModelConfig,
  behaviorCounts: Iterable<number>,
): number {
  if (!adaptiveInterests || interestUsersMin === 0) return interests;
  /** Users by how many interests they have. */
  const users = new Array<number>(interests + 1).fill(0);
  for (const count of behaviorCounts) if (count >= 2) users[activeInterestCount(count, interests)]!++;
  const all = users.reduce((sum, each) => sum + each, 0);
  let having = 0;
  for (let k = interests; k > 1; k--) {
    having += users[k]!;
    if (having >= interestUsersMin * all) return k;
  }
  return 1;
}
