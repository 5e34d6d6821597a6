import { existsSync } from 'node:fs';
import type { CliEnvironment } from './config.ts';
import type { Progress } from './terminal/progress.ts';
import type { Terminal } from './terminal/terminal.ts';

/** How to start this command line: a prefix for commands in hints and remedies. */
export const facet = existsSync(new URL('../tsconfig.build.json', import.meta.url)) ? 'npm run facet --' : 'facet';

/** Standard output: text for people or, with `--json`, one document for programs. Warnings go to standard error. */
export interface Output {
  /** Prints a text; does nothing with `--json`. */
  show(text: string): void;
  /** Prints the document of the command, at most once; does nothing without `--json`. */
  document(value: unknown): void;
  /** Prints a warning, also with `--json`. */
  warn(text: string): void;
}

/** The services that each command receives in addition to its options. */
export interface CommandContext {
  readonly environment: CliEnvironment;
  readonly output: Output;
  /** Style and width of standard output. */
  readonly terminal: Terminal;
  /** Progress of stages, on standard error. */
  readonly progress: Progress;
  /** Aborted with an {@link Interruption} when the process receives a signal. */
  readonly signal: AbortSignal;
}

/** The options of every command. */
export interface CommonOptions {
  readonly home: string;
  /** The file of `--config`, else of `FACET_CONFIG`. Undefined: `facet.yaml` if it exists. */
  readonly config?: string;
  readonly json?: boolean;
  readonly verbose?: boolean;
}

/** The end of a command by a signal, which is not a failure. */
export class Interruption extends Error {
  readonly signal: NodeJS.Signals;

  constructor(
    signal: NodeJS.Signals,
    message = 'Stopped. Finished stages are kept. Run the same command again to continue.',
  ) {
    super(message);
    this.name = 'Interruption';
    this.signal = signal;
  }
}
