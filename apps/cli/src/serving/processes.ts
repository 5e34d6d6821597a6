import { fork } from 'node:child_process';
import { rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { defaultConfigFile, defaultHost, ports } from '@facet/config/variables';
import type { VariableName } from '@facet/config/variables';
import { homePaths } from '@facet/config/home-paths';
import {
  AppError,
  createApiKey,
  dayMs,
  hashApiKey,
  parseAnnouncement,
  parseFatalLine,
  replaceApiKey,
  writeFileAtomically,
} from '@facet/platform';
import type { Announcement, FatalLine } from '@facet/platform';
import { Interruption } from '../command.ts';
import type { CliEnvironment } from '../config.ts';
import { noCurrentBundle } from '../home.ts';
import { createConsoleLink } from './console-link.ts';
import type { RunningConsole } from './console-link.ts';

/** The keys that serving and console accept. */
interface ServingAccess {
  /** Undefined: requests need no key. */
  readonly keysFile: string | undefined;
  /** A new key, to be shown once. */
  readonly newKey?: string;
}

/** The name of the key that `facet serve` and the demo replace at each start. */
const keyName = 'facet-serve';

/**
 * Returns which keys serving accepts. With `--insecure`, requests need no key. Otherwise, serving accepts the keys of
 * `FACET_API_KEYS_FILE`, else a new key in the keys file of the home. The new key replaces the key of the previous run. The previous
 * key works for another day, because a server of that run may still be running.
 *
 * @throws AppError those of `replaceApiKey`.
 */
export async function prepareAccess(
  { insecure, apiKeysFile }: { readonly insecure?: boolean | undefined } & Partial<Pick<CliEnvironment, 'apiKeysFile'>>,
  home: string,
): Promise<ServingAccess> {
  const { keysFile } = homePaths(home);
  if (insecure === true) return { keysFile: undefined };
  if (apiKeysFile !== undefined) return { keysFile: apiKeysFile };
  const newKey = createApiKey();
  const entry = { name: keyName, scopes: ['serve', 'admin'], sha256: hashApiKey(newKey) } as const;
  await replaceApiKey(keysFile, entry, Date.now() + dayMs);
  return { keysFile, newKey };
}

/** A compiled app that this command line started. Apps do not import each other. */
interface AppProcess {
  readonly url: string;
  /** The bundle of a serving process. */
  readonly bundleId?: string | undefined;
  /** Resolves with the exit code; 1 if a signal killed the process. */
  readonly ended: Promise<number>;
  /** Sends a signal. The process drains its requests and ends. */
  stop(signal: NodeJS.Signals): void;
}

/** Variables that an app reads. */
type Variables = Partial<Record<VariableName, string>>;

type Ready = Extract<Announcement, { readonly type: 'ready' }>;

interface AppOptions {
  readonly home: string;
  readonly host: string;
  readonly port: number;
  readonly access: ServingAccess;
  readonly logLevel: string;
  readonly environment: CliEnvironment;
}

/**
 * Starts an app and waits until it is ready. Its log goes to standard error.
 *
 * @param variables Environment of the app in addition to `options`.
 * @throws AppError of `failure` if the process ends before; the signal's reason when aborted.
 */
async function startApp(
  app: 'serving' | 'console',
  { home, host, port, access, logLevel, environment }: AppOptions,
  variables: Variables,
  failure: (fatal: FatalLine | undefined, exitCode: number) => Promise<AppError> | AppError,
  signal: AbortSignal,
): Promise<AppProcess> {
  signal.throwIfAborted();
  const own: Variables = {
    FACET_HOME: resolve(home),
    FACET_HOST: host,
    FACET_PORT: String(port),
    FACET_API_KEYS_FILE: access.keysFile ?? '',
    FACET_INSECURE: String(access.keysFile === undefined),
    FACET_LOG_LEVEL: logLevel,
    ...variables,
  };
  const child = fork(fileURLToPath(new URL(`../../../${app}/dist/main.js`, import.meta.url)), {
    env: { ...environment.inherited, ...own },
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    // A separate process group: Ctrl-C reaches only this process, which passes it on once.
    detached: true,
  });
  let fatal: FatalLine | undefined;
  createInterface({ input: child.stderr! }).on('line', (line) => {
    const parsed = parseFatalLine(line);
    if (parsed === undefined) process.stderr.write(`${line}\n`);
    else fatal = parsed;
  });
  const ended = new Promise<number>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => resolve(code ?? 1));
  });
  const stop = (name: NodeJS.Signals): void => void child.kill(name);
  const onAbort = (): void => stop('SIGTERM');
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    const { url, bundleId } = await new Promise<Ready>((resolve, reject) => {
      child.on('message', (message: unknown) => {
        const announcement = parseAnnouncement(message);
        if (announcement?.type === 'ready') resolve(announcement);
      });
      ended.then(async (code) => reject(await failure(fatal, code)), reject);
    });
    return { url, bundleId, ended, stop };
  } catch (error) {
    signal.throwIfAborted();
    throw error;
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}

/**
 * Starts a serving process.
 *
 * @param options `processes`: default `FACET_PROCESSES`.
 * @throws AppError with the code of the process: `HTTP_ADDRESS_UNUSABLE`, `SERVING_NO_BUNDLE`, `ARTIFACT_CORRUPT` …;
 * `SERVING_STOPPED` for an exit without a code; the signal's reason when aborted.
 */
export async function startServingProcess(
  options: AppOptions & { readonly processes?: string | undefined; readonly configFile: string },
  signal: AbortSignal,
): Promise<AppProcess> {
  const { home, host, port, processes, configFile } = options;
  const failure = async (fatal: FatalLine | undefined, exitCode: number): Promise<AppError> => {
    if (fatal === undefined) {
      return servingStopped(`The API process ended with code ${exitCode} before it was ready.`);
    }
    if (fatal.code === 'HTTP_ADDRESS_UNUSABLE') {
      const reason = /EADDRINUSE|EACCES|EADDRNOTAVAIL|ENOTFOUND/.exec(fatal.problem)?.[0];
      return addressUnusable(host, port, reason ?? fatal.problem);
    }
    const { problem, code = 'APP_STOPPED', category = 'unavailable' } = fatal;
    return code === 'SERVING_NO_BUNDLE' ? noCurrentBundle(home) : new AppError(problem, { code, category });
  };
  const variables = {
    // Unset, so that the default file may be missing.
    FACET_CONFIG: configFile === defaultConfigFile ? '' : resolve(configFile),
    ...(processes === undefined ? {} : { FACET_PROCESSES: processes }),
  };
  return startApp('serving', options, variables, failure, signal);
}

function servingStopped(message: string): AppError {
  return new AppError(message, {
    code: 'SERVING_STOPPED',
    category: 'unavailable',
    remedy: 'See its log above, then start it again.',
  });
}

/**
 * Waits until the serving process ends, and passes signals of this process on. An orderly end after SIGTERM is a success.
 *
 * @throws AppError `SERVING_STOPPED` when the process ended without a signal or with an error; {@link Interruption} for Ctrl-C.
 */
export async function keepServing(server: AppProcess, signal: AbortSignal): Promise<void> {
  const pass = (): void => server.stop(signal.reason instanceof Interruption ? signal.reason.signal : 'SIGTERM');
  if (signal.aborted) pass();
  else signal.addEventListener('abort', pass, { once: true });
  const code = await server.ended;
  if (!signal.aborted || code !== 0) throw servingStopped(`The API process ended with code ${code}.`);
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

export interface ConsoleProcess {
  /** Signs in once if there is a new key. */
  readonly link: string;
  readonly url: string;
  close(): Promise<void>;
}

/**
 * Starts a console next to a serving process, and notes it in the data home for `facet open`.
 *
 * @param options `path`: where the link starts.
 * @throws AppError with the code of the process; as `createConsoleLink`; the signal's reason when aborted.
 */
export async function startConsole(
  options: Pick<AppOptions, 'home' | 'access' | 'environment'> & {
    readonly servingUrl: string;
    readonly path?: string | undefined;
  },
  signal: AbortSignal,
): Promise<ConsoleProcess> {
  const { home, servingUrl, access, path } = options;
  const isTaken = (await whyUnusable(defaultHost, ports.console)) !== undefined;
  const port = isTaken ? 0 : ports.console;
  const failure = (fatal: FatalLine | undefined, exitCode: number): AppError =>
    new AppError(fatal?.problem ?? `The console ended with code ${exitCode} before it was ready.`, {
      code: fatal?.code ?? 'CONSOLE_STOPPED',
      category: 'unavailable',
      remedy: 'See its log above.',
    });
  const { url, ended, stop } = await startApp(
    'console',
    { ...options, host: defaultHost, port, logLevel: 'error' },
    { FACET_SERVING_URL: servingUrl },
    failure,
    signal,
  );
  const running: RunningConsole = { url, ...(access.newKey === undefined ? {} : { apiKey: access.newKey }) };
  const { consoleFile } = homePaths(home);
  const close = async (): Promise<void> => {
    await rm(consoleFile, { force: true });
    stop('SIGTERM');
    await ended;
  };
  try {
    await writeFileAtomically(consoleFile, [JSON.stringify(running)], { mode: 0o600 });
    return { url, link: await createConsoleLink(running, path), close };
  } catch (error) {
    await close();
    throw error;
  }
}
