/**
 * exp(entropy) of how each active interest spreads over the behaviors: 1 if one behavior makes the interest (the other
 * failure than collapse, when it holds for all), n if all weigh alike. An interest without weight gives 0.
 *
 * @param weights routing weights `[K, T]` row by row, 0 at padded behaviors.
 */
export function effectiveBehaviors(weights: Float32Array, active: number, behaviors: number): Float64Array {
  const effective = new Float64Array(active);
  for (let interest = 0; interest < active; interest++) {
    const row = weights.subarray(interest * behaviors, (interest + 1) * behaviors);
    const total = row.reduce((sum, weight) => sum + weight, 0);
    if (total === 0) continue;
    let entropy = 0;
    for (const weight of row) if (weight > 0) entropy -= (weight / total) * Math.log(weight / total);
    effective[interest] = Math.exp(entropy);
  }
  return effective;
}
