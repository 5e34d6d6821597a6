/**
 * Divides a whole number of places by shares, so that the parts add up to it and each differs from the exact one by less
 * than 1: the largest remainders get what rounding down leaves (Hamilton's method), of equal ones the first.
 *
 * @param shares not negative, in any unit; where all are 0 nobody gets a place.
 */
export function divideByShares(places: number, shares: readonly number[]): number[] {
  const total = shares.reduce((sum, share) => sum + share, 0);
  if (total === 0) return shares.map(() => 0);
  const exact = shares.map((share) => (places * share) / total);
  const parts = exact.map(Math.floor);
  const left = places - parts.reduce((sum, part) => sum + part, 0);
  const byRemainder = [...shares.keys()].sort((a, b) => exact[b]! - parts[b]! - (exact[a]! - parts[a]!) || a - b);
  for (const position of byRemainder.slice(0, left)) parts[position]!++;
  return parts;
}
