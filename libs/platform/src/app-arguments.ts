import { readFileSync } from 'node:fs';

/** Returns the version of Facet, which all its packages share. The version of a packed app contains the commit: `0.1.0+1f4e2ab`. */
export function readFacetVersion(): string {
  const manifest = readFileSync(new URL('../package.json', import.meta.url), 'utf8');
  return (JSON.parse(manifest) as { readonly version: string }).version;
}

export interface AppArguments {
  /** The name of the app in messages. */
  readonly name: string;
  /** The text of `--help`. */
  readonly help: string;
  /** The commands, of which one is required. Default: the app takes no arguments. */
  readonly commands?: readonly string[];
}

/**
 * Handles the command line of an app that environment variables configure: prints `--help` and `--version`, and refuses unknown
 * arguments. Prints to
 * the standard streams. For entry points only.
 *
 * @returns the exit code if the process should end; undefined if the app should start.
 */
export function respondToArguments(
  argv: readonly string[],
  { name, help, commands = [] }: AppArguments,
): number | undefined {
  if (argv.some((argument) => ['help', '--help', '-h'].includes(argument))) {
    process.stdout.write(help);
    return 0;
  }
  if (argv.includes('--version') || argv.includes('-V')) {
    process.stdout.write(`${readFacetVersion()}\n`);
    return 0;
  }
  const isKnown = commands.length === 0 ? argv.length === 0 : argv.length === 1 && commands.includes(argv[0]!);
  if (isKnown) return undefined;
  const expected = commands.length === 0 ? 'no arguments; set environment variables' : commands.join(' or ');
  process.stderr.write(`${name} does not understand "${argv.join(' ')}". It takes ${expected}. See ${name} --help.\n`);
  return 2;
}
