import { withFallback } from './with-fallback.ts';
import type { Scorer } from './scorer.ts';

/** "Buy again": the user's own past items by how often they were chosen, then the items of `fallback`. */
export function ownHistory(fallback: Scorer): Scorer {
  return withFallback((user) => {
    const counts = new Float32Array(fallback(user).length);
    for (const item of user.history) counts[item]!++;
    return counts;
  }, fallback);
}
