/** Reads the arguments: a folder, the seconds to run, and a seed. */
export function parseSanitizerOptions(): { readonly folder: string; readonly seconds: number; readonly seed: number } {
  const [folder = '', seconds, seed] = process.argv.slice(2);
  return { folder, seconds: Number(seconds), seed: Number(seed) };
}
