import { execFile, spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { thisMachine } from './network.ts';
import type { LocalHost } from './network.ts';
import { findFreePorts } from './free-ports.ts';
import { endWithUs, until } from './server-process.ts';

const root = fileURLToPath(new URL('../../../', import.meta.url));

/** Characters of output kept to explain a failure. */
const outputCharactersMax = 20_000;

export interface FacetProcessOptions {
  /** Folder below apps/. */
  readonly app: string;
  /** Folder of the packed and installed app. It then runs from there, and not as root. */
  readonly packedIn?: string;
  readonly args?: readonly string[];
  /** Where it runs and listens; this machine by default. */
  readonly host?: LocalHost;
  /** Port of its API; a free one by default. */
  readonly port?: number | undefined;
  /** Environment variables. Only PATH and HOME are inherited in addition. */
  readonly env: Readonly<Record<string, string>>;
  /** The path that responds with 200 when the app has started; `/readyz` by default. */
  readonly probe?: '/healthz' | '/readyz';
  readonly readySeconds?: number;
  /** Priority from -20 to 19, lower runs first; 0 by default. Only root may set a negative one; others get 0. */
  readonly niceness?: number;
  /** Heap limit of V8, so that leaks show early. */
  readonly heapMegabytes?: number;
  /** Receives each line on standard error. */
  readonly onErrorLine?: (line: string) => void;
}

/** A Facet app in its own process, as in production. */
export interface FacetProcess {
  readonly pid: number;
  readonly port: number;
  /** Address of its API. */
  readonly url: string;
  readonly running: boolean;
  /** Returns the last output on standard error. */
  errorOutput(): string;
  /** SIGKILL; resolves when the process has ended. */
  kill(): Promise<void>;
  /** SIGTERM; resolves with the exit code. */
  stop(): Promise<number | null>;
}

export interface EndedProcess {
  /** `null` if a signal killed it. */
  readonly code: number | null;
  readonly output: string;
  readonly errors: string;
}

/** Runs a compiled app until it ends, for at most 3 minutes. It inherits only PATH, and would listen on a free port. */
export function runFacetProcess(
  app: string,
  args: readonly string[] = [],
  env: Readonly<Record<string, string>> = {},
): Promise<EndedProcess> {
  return new Promise((resolve) => {
    execFile(
      process.execPath,
      [path.join(root, 'apps', app, 'dist', 'main.js'), ...args],
      { env: { PATH: process.env['PATH'] ?? '', FACET_PORT: '0', ...env }, timeout: 180_000, killSignal: 'SIGKILL' },
      (error, output, errors) => {
        resolve({ code: error === null ? 0 : typeof error.code === 'number' ? error.code : null, output, errors });
      },
    );
  });
}

/** A user who can write only to world-writable folders. */
const nobody = 65_534;

/**
 * Starts a compiled app and waits until it is ready. The kernel kills it when this process
 * ends for any reason.
 *
 * @throws Error with the output of the process, if it exits or is not ready in time.
 */
export async function startFacetProcess(options: FacetProcessOptions): Promise<FacetProcess> {
  const {
    app,
    packedIn,
    args = [],
    host = thisMachine,
    port = (await findFreePorts(1))[0]!,
    env,
    probe = '/readyz',
    readySeconds = 60,
    niceness,
    heapMegabytes,
    onErrorLine,
  } = options;
  const heap = heapMegabytes === undefined ? [] : [`--max-old-space-size=${heapMegabytes}`];
  const nice = niceness === undefined ? [] : ['nice', '-n', String(niceness)];
  const folder = packedIn ?? path.join(root, 'apps', app);
  const user = packedIn === undefined ? undefined : nobody;
  const [file, ...nodeArgs] = endWithUs(
    [...nice, ...host.enter([process.execPath, ...heap, path.join(folder, 'dist', 'main.js'), ...args])],
    user,
  );
  const child = spawn(file, nodeArgs, {
    cwd: packedIn ?? root,
    stdio: ['ignore', 'ignore', 'pipe'],
    env: {
      PATH: process.env['PATH'] ?? '',
      HOME: process.env['HOME'] ?? '',
      ...env,
      FACET_HOST: host.address,
      FACET_PORT: String(port),
    },
  });
  let output = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (output = (output + text).slice(-outputCharactersMax)));
  if (onErrorLine !== undefined) createInterface({ input: child.stderr }).on('line', onErrorLine);

  const isRunning = (): boolean => child.exitCode === null && child.signalCode === null;
  const end = async (signal: NodeJS.Signals): Promise<number | null> => {
    if (!isRunning()) return child.exitCode;
    const ended = once(child, 'exit');
    child.kill(signal);
    await ended;
    return child.exitCode;
  };
  const facet: FacetProcess = {
    pid: child.pid ?? 0,
    port,
    url: `http://${host.address}:${port}`,
    get running() {
      return isRunning();
    },
    errorOutput: () => output,
    kill: async () => void (await end('SIGKILL')),
    stop: () => end('SIGTERM'),
  };
  await waitUntilReady(`${facet.url}${probe}`, child, readySeconds).catch(async (error: Error) => {
    await facet.kill();
    throw new Error(`${app} ${args.join(' ')} ${error.message}; output:\n${output}`);
  });
  return facet;
}

async function waitUntilReady(url: string, child: ChildProcess, seconds: number): Promise<void> {
  const isReady = async (): Promise<boolean> => {
    if (child.exitCode !== null || child.signalCode !== null) throw new Error(`exited with ${child.exitCode}`);
    const response = await fetch(url, { signal: AbortSignal.timeout(2_000) }).catch(() => undefined);
    await response?.body?.cancel();
    return response?.ok === true;
  };
  await until(`${url} is not ready`, isReady, seconds);
}
