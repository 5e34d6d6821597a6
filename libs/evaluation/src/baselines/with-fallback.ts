import type { ScoredUser, Scorer } from './scorer.ts';

/**
 * Ranks by `primary` where it has something to say (a score above 0), then the rest by `fallback`. A sparse scorer
 * (neighbors, own history) otherwise fills a long list with ties.
 *
 * Fallback scores are shifted below 0, which is exact in float32 for counts below 2^24.
 */
export function withFallback<User extends ScoredUser>(primary: Scorer<User>, fallback: Scorer<User>): Scorer<User> {
  return (user) => {
    const scores = primary(user).slice();
    const fallbackScores = fallback(user);
    let highest = 0;
    for (let item = 1; item < scores.length; item++) highest = Math.max(highest, fallbackScores[item]!);
    for (let item = 1; item < scores.length; item++) {
      if (!(scores[item]! > 0)) scores[item] = fallbackScores[item]! - highest - 1;
    }
    return scores;
  };
}
