import { AppError, describeError, exitCodeOf, isAppError } from '@facet/platform/errors';
import { CommanderError } from 'commander';
import type { CommandContext, Output } from './command-context.ts';
import type { CliEnvironment } from './config.ts';
import { Interruption } from './interruption.ts';
import { createProgram } from './program.ts';
import { explainSystemError } from './system-errors.ts';
import { createProgress } from './terminal/progress.ts';
import { createTerminal } from './terminal/terminal.ts';

export interface CliDeps {
  readonly environment: CliEnvironment;
  readonly stdout: NodeJS.WritableStream;
  readonly stderr: NodeJS.WritableStream;
  /** Aborted with an {@link Interruption} when the process is asked to stop. */
  readonly signal: AbortSignal;
  /** The clock in epoch milliseconds. */
  readonly now: () => number;
}

const version = '0.1.0';
const exitCodeOfSignal: Readonly<Partial<Record<NodeJS.Signals, number>>> = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 };
const usageExitCode = 2;

/** Runs one command line and gives its exit code. Never throws: what went wrong is said on standard error. */
export async function runCli(args: readonly string[], deps: CliDeps): Promise<number> {
  const { environment, stdout, stderr, signal } = deps;
  const isVerbose = environment.isDebug || args.includes('--verbose');
  const isJson = args.includes('--json');
  /** One document a command: a report that was given is not followed by the error that it shows. */
  let hasDocument = false;
  const fail = (error: unknown): number => {
    const interruption =
      error instanceof Interruption ? error : signal.reason instanceof Interruption ? signal.reason : undefined;
    if (interruption !== undefined) {
      stderr.write(`\n${interruption.message}\n`);
      return exitCodeOfSignal[interruption.signal] ?? 130;
    }
    const explained = explainSystemError(error);
    const { style } = createTerminal(stderr);
    stderr.write(`${style(['bold', 'red'], 'error:')} ${describeError(explained)}\n`);
    if (isVerbose) stderr.write(`${stackOf(explained)}\n`);
    else if (!isAppError(explained)) {
      stderr.write('This was not expected. Run it again with --verbose to see where it happened.\n');
    }
    if (isJson && !hasDocument) stdout.write(`${JSON.stringify({ error: errorDocument(explained) })}\n`);
    return exitCodeOf(explained);
  };

  const program = createProgram({
    version,
    home: environment.home,
    write: { out: (text) => stdout.write(text), err: (text) => stderr.write(text) },
    run: async (options, command) => command(createContext(deps, options.json === true, () => (hasDocument = true))),
  });
  try {
    await program.parseAsync(args, { from: 'user' });
    return 0;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : usageExitCode;
    return fail(error);
  }
}

function createContext(
  { environment, stdout, stderr, signal, now }: CliDeps,
  isJson: boolean,
  onDocument: () => void,
): CommandContext {
  const output: Output = {
    isJson,
    show: (text) => void (isJson || stdout.write(`${text}\n`)),
    document: (value) => {
      if (!isJson) return;
      onDocument();
      stdout.write(`${JSON.stringify(value)}\n`);
    },
  };
  return {
    environment,
    output,
    terminal: createTerminal(stdout),
    progress: createProgress(createTerminal(stderr), now),
    signal,
  };
}

function errorDocument(error: unknown): Record<string, unknown> {
  if (!isAppError(error)) return { code: 'UNEXPECTED', message: describeError(error) };
  const { code, message, remedy, retryable } = error;
  return { code, message, ...(remedy === undefined ? {} : { remedy }), retryable };
}

/** The error with its causes. */
function stackOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const context = error instanceof AppError ? `\n${JSON.stringify({ code: error.code, ...error.context })}` : '';
  const cause = error.cause === undefined ? '' : `\ncaused by ${stackOf(error.cause)}`;
  return `${error.stack ?? error.message}${context}${cause}`;
}
