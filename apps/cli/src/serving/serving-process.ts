import { createServer } from 'node:net';
import { resolve } from 'node:path';
import { defaultConfigFile } from '@facet/config/environment';
import { AppError } from '@facet/platform';
import { Interruption } from '../command-context.ts';
import type { CliEnvironment } from '../config.ts';
import { noCurrentBundle } from '../home.ts';
import type { ServingAccess } from './access.ts';
import { startAppProcess } from './app-process.ts';
import type { FatalLine } from './app-process.ts';

export const defaultHost = '127.0.0.1';
export const defaultPort = 8080;

export interface ServingOptions {
  readonly home: string;
  readonly host: string;
  readonly port: number;
  /** Default: `FACET_PROCESSES`. */
  readonly processes?: string | undefined;
  readonly access: ServingAccess;
  readonly configFile: string;
  readonly logLevel: string;
  readonly environment: CliEnvironment;
}

/** A serving process. */
export interface ServingProcess {
  readonly url: string;
  readonly bundleId: string;
  /** Resolves with the exit code; 1 if a signal killed the process. */
  readonly ended: Promise<number>;
  /** Sends a signal. The process drains its requests and ends. */
  stop(signal: NodeJS.Signals): void;
}

/**
 * Starts a serving process and waits until it is ready. Its log goes to standard error.
 *
 * @throws AppError with the code of the process: `HTTP_ADDRESS_UNUSABLE`, `SERVING_NO_BUNDLE`, `ARTIFACT_CORRUPT` …;
 * `SERVING_STOPPED` for an exit without a code; the signal's reason when aborted.
 */
export async function startServing(options: ServingOptions, signal: AbortSignal): Promise<ServingProcess> {
  const failure = (fatal: FatalLine | undefined, code: number) => failureOf(fatal, code, options);
  const { ready, ended, stop } = await startAppProcess('serving', { env: environmentOf(options), failure }, signal);
  return { url: ready.url, bundleId: ready.bundleId ?? '', ended, stop };
}

function environmentOf(options: ServingOptions): NodeJS.ProcessEnv {
  const { host, port, processes, access, configFile, logLevel, environment } = options;
  return {
    ...environment.inherited,
    FACET_HOME: resolve(options.home),
    // Unset, so that the default file may be missing.
    FACET_CONFIG: configFile === defaultConfigFile ? '' : resolve(configFile),
    FACET_HOST: host,
    FACET_PORT: String(port),
    ...(processes === undefined ? {} : { FACET_PROCESSES: processes }),
    FACET_API_KEYS_FILE: access.keysFile ?? '',
    FACET_INSECURE: String(access.keysFile === undefined),
    FACET_LOG_LEVEL: logLevel,
  };
}

async function failureOf(
  fatal: FatalLine | undefined,
  exitCode: number,
  { host, port, home }: ServingOptions,
): Promise<AppError> {
  if (fatal === undefined) {
    return new AppError(`The API process ended with code ${exitCode} before it was ready.`, {
      code: 'SERVING_STOPPED',
      category: 'unavailable',
      remedy: 'See its log above, then run the command again.',
    });
  }
  if (fatal.code === 'HTTP_ADDRESS_UNUSABLE') {
    const reason = /EADDRINUSE|EACCES|EADDRNOTAVAIL|ENOTFOUND/.exec(fatal.problem)?.[0];
    return addressUnusable(host, port, reason ?? fatal.problem);
  }
  if (fatal.code === 'SERVING_NO_BUNDLE') return noCurrentBundle(home);
  return new AppError(fatal.problem, fatal);
}

/**
 * Waits until the serving process ends, and passes signals of this process on. An orderly end after SIGTERM is a success.
 *
 * @throws AppError `SERVING_STOPPED` when the process ended without a signal or with an error; {@link Interruption} for Ctrl-C.
 */
export async function keepServing(server: ServingProcess, signal: AbortSignal): Promise<void> {
  const pass = (): void => server.stop(signal.reason instanceof Interruption ? signal.reason.signal : 'SIGTERM');
  if (signal.aborted) pass();
  else signal.addEventListener('abort', pass, { once: true });
  const code = await server.ended;
  if (!signal.aborted || code !== 0) {
    throw new AppError(`The API process ended with code ${code}.`, {
      code: 'SERVING_STOPPED',
      category: 'unavailable',
      remedy: 'See its log above, then start it again.',
    });
  }
  const { reason } = signal as { reason: unknown };
  if (reason instanceof Interruption && reason.signal !== 'SIGTERM') throw new Interruption(reason.signal, 'Stopped.');
}

/** Returns why an address cannot be used (`EADDRINUSE`, `EACCES`, …), or undefined for a free address. */
export async function whyUnusable(host: string, port: number): Promise<string | undefined> {
  const server = createServer();
  return new Promise((resolve) => {
    server.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    server.listen({ host, port, exclusive: true }, () => server.close(() => resolve(undefined)));
  });
}

export function addressUnusable(host: string, port: number, reason: string): AppError {
  const isTaken = reason === 'EADDRINUSE';
  const what = isTaken
    ? `Port ${port} of ${host} is in use by another program.`
    : `The address ${host}:${port} cannot be used: ${reason}.`;
  return new AppError(what, {
    code: 'HTTP_ADDRESS_UNUSABLE',
    category: 'unavailable',
    remedy: isTaken
      ? 'Stop that program, or choose another port with --port (0: any free port).'
      : 'Choose an address of this machine with --host, and a port above 1023 with --port.',
  });
}
