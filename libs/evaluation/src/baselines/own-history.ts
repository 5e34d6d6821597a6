import { withFallback } from './with-fallback.ts';
import type { Scorer } from './scorer.ts';

/**
 * "Buy again": the user's own past items by how often they were chosen, equal counts by `fallback`, then the other items
 * of `fallback`, whose scores must not be negative. In float32, fallback scores that differ by less than a hundred
 * thousandth of the highest may tie.
 */
export function ownHistory(fallback: Scorer): Scorer {
  return withFallback((user) => {
    const fallbackScores = fallback(user);
    const highest = fallbackScores.reduce((max, score) => Math.max(max, score), 0);
    const scores = new Float32Array(fallbackScores.length);
    for (const item of user.history) scores[item]!++;
    for (const item of new Set(user.history)) scores[item]! += fallbackScores[item]! / (highest + 1);
    return scores;
  }, fallback);
}
