import { fork } from 'node:child_process';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createInterface } from 'node:readline';
import { AppError, isErrorCategory } from '@facet/platform';
import type { ErrorCategory } from '@facet/platform';
import type { CliEnvironment } from '../config.ts';
import { noCurrentBundle } from '../home.ts';
import type { Home } from '../home.ts';
import type { ServingAccess } from './access.ts';
import { addressUnusable } from './port.ts';

export interface ServingOptions {
  readonly home: Home;
  readonly host: string;
  readonly port: number;
  /** As `FACET_PROCESSES`, which is read where this is absent. */
  readonly processes?: string | undefined;
  readonly access: ServingAccess;
  /** `facet.yaml`. */
  readonly configFile: string;
  readonly logLevel: string;
  readonly environment: CliEnvironment;
  /** Log lines of the process, one JSON object each. */
  readonly onLog: (line: string) => void;
}

/** The API in a process of its own. */
export interface ServingProcess {
  readonly url: string;
  readonly bundleId: string;
  /** Its exit code, once it has ended; a signal that killed it counts as 1. */
  readonly ended: Promise<number>;
  /** Passes a signal on; the process finishes the requests under way, then ends. */
  stop(signal: NodeJS.Signals): void;
}

interface Announcement {
  readonly type: 'listening' | 'ready';
  readonly url: string;
  readonly bundleId?: string;
}

/** Apps do not import each other: this one is known by its entry, as source beside source and built beside built. */
const entry = fileURLToPath(
  import.meta.url.endsWith('.ts')
    ? new URL('../../../serving/src/main.ts', import.meta.url)
    : new URL('../../../serving/dist/main.js', import.meta.url),
);

/**
 * Starts the API and waits until it answers.
 *
 * @throws AppError with the code that the process ended with: `HTTP_ADDRESS_UNUSABLE`, `SERVING_NO_BUNDLE`,
 * `ARTIFACT_CORRUPT` …; `SERVING_STOPPED` when it ended without one; the signal's reason when aborted.
 */
export async function startServing(options: ServingOptions, signal: AbortSignal): Promise<ServingProcess> {
  signal.throwIfAborted();
  const child = fork(entry, {
    env: environmentOf(options),
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    // In a group of its own, Ctrl-C in the terminal reaches only this process, which passes it on once.
    detached: true,
  });
  let fatal: FatalLine | undefined;
  const logLines = createInterface({ input: child.stderr! });
  logLines.on('line', (line) => {
    const isFatal = readFatal(line);
    if (isFatal === undefined) options.onLog(line);
    else fatal = isFatal;
  });
  const ended = new Promise<number>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => resolve(code ?? 1));
  });
  const stop = (name: NodeJS.Signals): void => void child.kill(name);
  const onAbort = (): void => stop('SIGTERM');
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    const ready = await new Promise<Announcement>((resolve, reject) => {
      child.on('message', (message) => {
        const announcement = message as Announcement;
        if (announcement.type === 'ready') resolve(announcement);
      });
      ended.then(async (code) => reject(await failureOf(fatal, code, options)), reject);
    });
    return { url: ready.url, bundleId: ready.bundleId ?? '', ended, stop };
  } catch (error) {
    signal.throwIfAborted();
    throw error;
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}

function environmentOf({
  home,
  host,
  port,
  processes,
  access,
  configFile,
  logLevel,
  environment,
}: ServingOptions): NodeJS.ProcessEnv {
  return {
    ...environment.inherited,
    FACET_HOME: home.folder,
    FACET_LAKE: home.lakeFolder,
    FACET_CATALOG: home.catalogFolder,
    FACET_ARTIFACTS: home.artifactsFolder,
    FACET_CONFIG: resolve(configFile),
    FACET_HOST: host,
    FACET_PORT: String(port),
    ...(processes === undefined ? {} : { FACET_PROCESSES: processes }),
    FACET_API_KEYS_FILE: access.keysFile ?? '',
    FACET_INSECURE: String(access.keysFile === undefined),
    FACET_LOG_LEVEL: logLevel,
  };
}

/** The last words of a serving process: one log line of the level `fatal`. */
interface FatalLine {
  readonly code: string;
  readonly category: ErrorCategory;
  readonly problem: string;
}

function readFatal(line: string): FatalLine | undefined {
  if (!line.startsWith('{')) return undefined;
  try {
    const { level, code, category, problem } = JSON.parse(line) as Record<string, unknown>;
    if (level !== 60 || typeof problem !== 'string') return undefined;
    return {
      code: typeof code === 'string' ? code : 'SERVING_STOPPED',
      category: isErrorCategory(category) ? category : 'unavailable',
      problem,
    };
  } catch {
    return undefined;
  }
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
      remedy: 'Its log above may say why; run the same command again.',
    });
  }
  if (fatal.code === 'HTTP_ADDRESS_UNUSABLE') {
    const reason = /EADDRINUSE|EACCES|EADDRNOTAVAIL|ENOTFOUND/.exec(fatal.problem)?.[0];
    return addressUnusable(host, port, reason ?? fatal.problem);
  }
  if (fatal.code === 'SERVING_NO_BUNDLE') return noCurrentBundle(home);
  return new AppError(fatal.problem, fatal);
}
