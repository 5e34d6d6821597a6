import { refuseUnknownVariables } from '@facet/config/environment';
import { readFacetVersion } from '@facet/platform/app-arguments';
import { AppError, describeError, exitCodeOf, isAppError } from '@facet/platform/errors';
import { CommanderError } from 'commander';
import { Interruption } from './command.ts';
import type { CommandContext, CommonOptions, Output } from './command.ts';
import type { CliEnvironment } from './config.ts';
import { createProgram } from './program.ts';
import { createProgress } from './terminal/progress.ts';
import { createTerminal } from './terminal/terminal.ts';
import { renderTable } from './terminal/text.ts';

export interface CliDeps {
  readonly environment: CliEnvironment;
  readonly stdout: NodeJS.WritableStream;
  readonly stderr: NodeJS.WritableStream;
  /** Aborted with an {@link Interruption} when the process receives a signal. */
  readonly signal: AbortSignal;
  /** The clock in epoch milliseconds. */
  readonly now: () => number;
}

/** 128 plus the number of the signal, as shells report it. */
export const exitCodeOfSignal = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const;
const usageExitCode = 2;

/** Runs one command line and returns its exit code. Never throws: errors go to standard error. */
export async function runCli(args: readonly string[], deps: CliDeps): Promise<number> {
  const { environment, stdout, stderr, signal } = deps;
  const isVerbose = args.includes('--verbose');
  const isJson = args.includes('--json');
  /** A command prints one document: after its report, the error goes to standard error only. */
  let hasDocument = false;
  const fail = (error: unknown): number => {
    const interruption =
      error instanceof Interruption ? error : signal.reason instanceof Interruption ? signal.reason : undefined;
    if (interruption !== undefined) {
      stderr.write(`\n${interruption.message}\n`);
      return exitCodeOfSignal[interruption.signal as keyof typeof exitCodeOfSignal] ?? 130;
    }
    const explained = explainSystemError(error);
    const { style } = createTerminal(stderr);
    stderr.write(`${style(['bold', 'red'], 'error:')} ${describeError(explained)}\n`);
    if (isVerbose) stderr.write(`${stackOf(explained)}\n`);
    else if (!isAppError(explained)) {
      stderr.write('This error is unexpected. Run the command again with --verbose for its stack trace.\n');
    }
    if (isJson && !hasDocument) stdout.write(`${JSON.stringify({ error: errorDocument(explained) })}\n`);
    return exitCodeOf(explained);
  };

  try {
    const program = await createProgram(args, {
      version: readFacetVersion(),
      home: environment.home,
      write: { out: (text) => stdout.write(text), err: (text) => stderr.write(text) },
      action:
        (body, { reportsVariables } = { reportsVariables: false }) =>
        async (...given) => {
          // Commander calls an action with the arguments, the options and the command.
          const options = given.at(-2) as CommonOptions;
          const withConfig = [...given.slice(0, -2), { ...options, config: options.config ?? environment.configFile }];
          if (!reportsVariables) refuseUnknownVariables(environment.inherited);
          const context = createContext(deps, options.json === true, () => (hasDocument = true));
          await body(...([...withConfig, context] as Parameters<typeof body>));
        },
    });
    await program.parseAsync(args, { from: 'user' });
    return 0;
  } catch (error) {
    if (!(error instanceof CommanderError)) return fail(error);
    if (error.exitCode === 0) return 0;
    // Commander has written the text to standard error.
    const message = error.message.replace(/^error: /, '');
    if (isJson) stdout.write(`${JSON.stringify({ error: { code: 'CLI_USAGE', message, remedy: 'See --help.' } })}\n`);
    return usageExitCode;
  }
}

function createContext(
  { environment, stdout, stderr, signal, now }: CliDeps,
  isJson: boolean,
  onDocument: () => void,
): CommandContext {
  const terminal = createTerminal(stdout);
  const show = (text: string): void => void (isJson || stdout.write(`${text}\n`));
  const output: Output = {
    show,
    table(head, rows, { right, empty, isSeparate = false } = {}) {
      if (rows.length === 0 && empty !== undefined) return show(empty);
      show(`${isSeparate ? '\n' : ''}${renderTable(head, rows, { style: terminal.style, right })}`);
    },
    document: (value) => {
      if (!isJson) return;
      onDocument();
      stdout.write(`${JSON.stringify(value)}\n`);
    },
    warn: (text) => void stderr.write(`${createTerminal(stderr).style(['bold', 'yellow'], 'warning:')} ${text}\n`),
  };
  return {
    environment,
    output,
    terminal,
    progress: createProgress(createTerminal(stderr), now),
    signal,
  };
}

function errorDocument(error: unknown): Record<string, unknown> {
  if (!isAppError(error)) return { code: 'UNEXPECTED', message: describeError(error) };
  const { code, message, remedy, retryable } = error;
  return { code, message, remedy, retryable };
}

/** Returns the stack of an error and of its causes. */
function stackOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const context = error instanceof AppError ? `\n${JSON.stringify({ code: error.code, ...error.context })}` : '';
  const cause = error.cause === undefined ? '' : `\ncaused by ${stackOf(error.cause)}`;
  return `${error.stack ?? error.message}${context}${cause}`;
}

const remedyOfSystemError: Readonly<Record<string, string>> = {
  ENOSPC: 'The disk is full. Free some space and run the same command again. Finished stages are kept.',
  EDQUOT: 'The disk quota is exhausted. Free some space and run the same command again. Finished stages are kept.',
  EACCES: 'Change the permissions, or choose another folder with --home or FACET_CACHE_DIR.',
  EPERM: 'Change the permissions, or choose another folder with --home.',
  ENOTDIR: 'The path leads through a file. Choose another folder with --home or FACET_CACHE_DIR.',
  EROFS: 'The file system is read-only. Choose another folder with --home.',
  EMFILE: 'Too many files are open. Raise the limit: ulimit -n 4096.',
};

/** Adds a remedy to an error whose chain of causes contains an error of the operating system. Returns other errors unchanged. */
export function explainSystemError(error: unknown): unknown {
  for (let cause = error, depth = 0; cause instanceof Error && depth < 5; cause = cause.cause, depth++) {
    const { code, path } = cause as NodeJS.ErrnoException;
    const remedy = code === undefined ? undefined : remedyOfSystemError[code];
    if (remedy === undefined) continue;
    // The remedy of an AppError is more specific, except for a full disk.
    if (isAppError(error) && error.remedy !== undefined && code !== 'ENOSPC') return error;
    const what = isAppError(error) ? error.message : `${path ?? 'A file'} cannot be used: ${cause.message}.`;
    return new AppError(what, { code: `SYSTEM_${code}`, category: 'internal', remedy, retryable: true, cause: error });
  }
  return error;
}
