/** The part of jstat in use; the package has no types. */
declare module 'jstat' {
  const jstat: {
    readonly jStat: {
      /** The complementary error function. */
      erfc(x: number): number;
      readonly chisquare: { cdf(x: number, degrees: number): number };
    };
  };
  export = jstat;
}
