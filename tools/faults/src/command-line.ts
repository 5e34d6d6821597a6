import { parseArgs } from 'node:util';
import type { ParseArgsConfig } from 'node:util';

/**
 * Returns the options of the command line. Prints `help` and exits with 0 on `--help`; exits with 2 on an
 * unknown option.
 */
export function readOptions<const Options extends NonNullable<ParseArgsConfig['options']>>(
  help: string,
  options: Options,
): ReturnType<typeof parseArgs<{ options: Options }>> {
  if (process.argv.includes('--help')) {
    console.log(help);
    process.exit(0);
  }
  try {
    return parseArgs({ options });
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

/** Renders a table with a header row. Columns are as wide as their widest cell. */
export function formatTable(rows: readonly (readonly string[])[]): string {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  const lines = rows.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column]!))
      .join('  ')
      .trimEnd(),
  );
  lines.splice(1, 0, widths.map((width) => '-'.repeat(width)).join('  '));
  return lines.join('\n');
}
