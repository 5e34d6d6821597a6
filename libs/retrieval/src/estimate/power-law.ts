/**
 * Fits a power law y = a·x^b to measured points by least squares of the logarithms, to extrapolate a cost. The curve
 * passes through the last point, so nearby predictions match the measurement. A single point gives a constant.
 *
 * @param points Positive x and y.
 * @param bounds Known limits of the exponent, which protect against noise in few points.
 */
export function fitPowerLaw(
  points: readonly (readonly [x: number, y: number])[],
  bounds: { readonly min: number; readonly max: number } = { min: -Infinity, max: Infinity },
): {
  readonly exponent: number;
  at(x: number): number;
} {
  const logs = points.map(([x, y]) => [Math.log(x), Math.log(y)] as const);
  const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;
  const [meanX, meanY] = [mean(logs.map(([x]) => x)), mean(logs.map(([, y]) => y))];
  const covariance = mean(logs.map(([x, y]) => (x - meanX) * (y - meanY)));
  const variance = mean(logs.map(([x]) => (x - meanX) ** 2));
  const exponent = variance === 0 ? 0 : Math.min(bounds.max, Math.max(bounds.min, covariance / variance));
  const [lastX, lastY] = points.at(-1)!;
  return { exponent, at: (x) => lastY * (x / lastX) ** exponent };
}
