import { parseArgs } from 'node:util';
import type { ParseArgsConfig } from 'node:util';

/**
 * Returns the options and arguments of a bench or a fault suite. Prints `help` and exits with 0 on `--help`; exits with
 * 2 on an unknown option.
 */
export function readOptions<const Options extends NonNullable<ParseArgsConfig['options']>>(
  help: string,
  options: Options,
  { allowPositionals = false } = {},
): ReturnType<typeof parseArgs<{ options: Options; allowPositionals: boolean }>> {
  if (process.argv.includes('--help')) {
    console.log(help);
    process.exit(0);
  }
  try {
    return parseArgs({ options, allowPositionals });
  } catch (error) {
    console.error(
      `${error instanceof Error ? error.message : String(error)}\nRun the command with --help for its options.`,
    );
    process.exit(2);
  }
}

/** Writes a line to standard error, which leaves standard output to the results. */
export function logProgress(text: string): void {
  process.stderr.write(`${text}\n`);
}
