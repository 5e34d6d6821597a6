import { execFile } from 'node:child_process';
import path from 'node:path';
import { thisMachine } from './network.ts';
import type { LocalHost } from './network.ts';
import { findFreePorts, ServerProcess } from './server-process.ts';

const root = path.join(import.meta.dirname, '../../../');

export interface FacetProcessOptions {
  /** Name in messages; the app and its arguments by default. */
  readonly name?: string;
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
}

/** A Facet app in its own process, as in production. */
export interface FacetProcess extends ServerProcess {
  readonly port: number;
  /** Address of its API. */
  readonly url: string;
}

/**
 * Runs a compiled app until it ends, for at most 3 minutes. It inherits only PATH, and would listen on a free port. The exit code is
 * `null` if a signal ended it.
 */
export function runFacetProcess(
  app: string,
  args: readonly string[] = [],
  env: Readonly<Record<string, string>> = {},
): Promise<{ readonly code: number | null; readonly output: string; readonly errors: string }> {
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

/** Returns a compiled app that has not started. It keeps its port when it is started again. */
export async function createFacetProcess({
  app,
  packedIn,
  args = [],
  host = thisMachine,
  port: wantedPort,
  env,
  probe = '/readyz',
  readySeconds = 60,
  niceness,
  name = [app, ...args].join(' '),
}: FacetProcessOptions): Promise<FacetProcess> {
  const port = wantedPort ?? (await findFreePorts(1))[0]!;
  const url = `http://${host.address}:${port}`;
  const folder = packedIn ?? path.join(root, 'apps', app);
  const nice = niceness === undefined ? [] : ['nice', '-n', String(niceness)];
  const server = new ServerProcess({
    name,
    command: [...nice, ...host.enter([process.execPath, path.join(folder, 'dist', 'main.js'), ...args])],
    workingFolder: packedIn ?? root,
    uid: packedIn === undefined ? undefined : nobody,
    env: {
      PATH: process.env['PATH'] ?? '',
      HOME: process.env['HOME'] ?? '',
      ...env,
      FACET_HOST: host.address,
      FACET_PORT: String(port),
    },
    readySeconds,
    async isReady() {
      const response = await fetch(`${url}${probe}`, { signal: AbortSignal.timeout(2_000) });
      await response.body?.cancel();
      return response.ok;
    },
  });
  return Object.assign(server, { port, url });
}

/**
 * Starts a compiled app and waits until it is ready.
 *
 * @throws Error as `ServerProcess.start`.
 */
export async function startFacetProcess(options: FacetProcessOptions): Promise<FacetProcess> {
  const facet = await createFacetProcess(options);
  await facet.start();
  return facet;
}
