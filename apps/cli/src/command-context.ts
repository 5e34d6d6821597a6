import type { CliEnvironment } from './config.ts';
import type { Progress } from './terminal/progress.ts';
import type { Terminal } from './terminal/terminal.ts';

/** What a command says on standard output: text for people, or with `--json` one document for programs. */
export interface Output {
  readonly isJson: boolean;
  /** For people; nothing with `--json`. */
  show(text: string): void;
  /** For programs, once a command; nothing without `--json`. */
  document(value: unknown): void;
}

/** What every command is given beside its options. */
export interface CommandContext {
  readonly environment: CliEnvironment;
  readonly output: Output;
  /** How standard output may be drawn on. */
  readonly terminal: Terminal;
  /** Standard error: how far a stage is. */
  readonly progress: Progress;
  /** Aborted with an `Interruption` when the command is asked to stop. */
  readonly signal: AbortSignal;
}

/** The options that every command has. */
export interface CommonOptions {
  readonly home: string;
  /** Undefined: `facet.yaml`, where there is one. */
  readonly config?: string;
  readonly json?: boolean;
  readonly verbose?: boolean;
}
