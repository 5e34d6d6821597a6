/** K'u = max(1, min(K, log2 n)) (paper, Eq. 8), the logarithm's integer part; 0 interests without behaviors. */
export function activeInterestCount(behaviorCount: number, maxInterests: number, adaptive = true): number {
  if (behaviorCount === 0) return 0;
  if (!adaptive) return maxInterests;
  return Math.max(1, Math.min(maxInterests, 31 - Math.clz32(behaviorCount)));
}
