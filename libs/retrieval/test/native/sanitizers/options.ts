/** Reads the arguments: a folder, the seconds to run, a seed, and the number of files to damage. */
export function parseSanitizerOptions(): {
  readonly folder: string;
  readonly seconds: number;
  readonly seed: number;
  /** Infinite by default. */
  readonly filesMax: number;
} {
  const [folder = '', seconds, seed, filesMax = Infinity] = process.argv.slice(2);
  return { folder, seconds: Number(seconds), seed: Number(seed), filesMax: Number(filesMax) };
}
