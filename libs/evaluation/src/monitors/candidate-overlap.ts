/**
 * How much the candidate lists of one user's interests repeat each other: the mean over pairs of lists of
 * |A and B| / min(|A|, |B|). 1 if all interests find the same items; undefined with fewer than two non-empty lists.
 */
export function candidateOverlap(lists: readonly Int32Array[]): number | undefined {
  const sets = lists.filter((list) => list.length > 0).map((list) => new Set(list));
  let pairs = 0;
  let total = 0;
  for (const [position, first] of sets.entries()) {
    for (const second of sets.slice(position + 1)) {
      let shared = 0;
      for (const item of first) if (second.has(item)) shared++;
      total += shared / Math.min(first.size, second.size);
      pairs++;
    }
  }
  return pairs === 0 ? undefined : total / pairs;
}
