import jstat from 'jstat';

/** The two-sided 95 % quantile of the standard normal distribution. */
export const z95 = 1.959963984540054;

/** How likely a standard normal value is to be at least as far from 0. */
export function normalTails(z: number): number {
  return jstat.jStat.erfc(Math.abs(z) / Math.SQRT2);
}

/** How likely a chi-square value of so many degrees of freedom is to be at least as large. */
export function chiSquareTail(statistic: number, degrees: number): number {
  return Math.max(0, 1 - jstat.jStat.chisquare.cdf(statistic, degrees));
}
