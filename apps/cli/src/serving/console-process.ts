import { rm } from 'node:fs/promises';
import { homePaths } from '@facet/config/home-paths';
import { AppError, writeFileAtomically } from '@facet/platform';
import type { CliEnvironment } from '../config.ts';
import type { ServingAccess } from './access.ts';
import { startAppProcess } from './app-process.ts';
import { createConsoleLink } from './console-link.ts';
import type { RunningConsole } from './console-link.ts';
import { defaultHost, whyUnusable } from './serving-process.ts';

export const defaultConsolePort = 8085;

export interface ConsoleProcess {
  /** Signs in once if there is a new key. */
  readonly link: string;
  readonly url: string;
  close(): Promise<void>;
}

/**
 * Starts a console next to a serving process, and notes it in the data home for `facet open`.
 *
 * @throws AppError with the code of the process; as `createConsoleLink`; the signal's reason when aborted.
 */
export async function startConsole(
  options: {
    readonly home: string;
    readonly servingUrl: string;
    readonly access: ServingAccess;
    readonly environment: CliEnvironment;
    /** Where the link starts. */
    readonly path?: string | undefined;
  },
  signal: AbortSignal,
): Promise<ConsoleProcess> {
  const { home, servingUrl, access, environment, path } = options;
  const isTaken = (await whyUnusable(defaultHost, defaultConsolePort)) !== undefined;
  const env = {
    ...environment.inherited,
    FACET_HOME: homePaths(home).folder,
    FACET_SERVING_URL: servingUrl,
    FACET_HOST: defaultHost,
    FACET_PORT: String(isTaken ? 0 : defaultConsolePort),
    FACET_API_KEYS_FILE: access.keysFile ?? '',
    FACET_INSECURE: String(access.keysFile === undefined),
    FACET_LOG_LEVEL: 'error',
  };
  const failure = (fatal: { code: string; problem: string } | undefined, code: number): AppError =>
    new AppError(fatal?.problem ?? `The console ended with code ${code} before it was ready.`, {
      code: fatal?.code ?? 'CONSOLE_STOPPED',
      category: 'unavailable',
      remedy: 'See its log above.',
    });
  const { ready, ended, stop } = await startAppProcess('console', { env, failure }, signal);
  const running: RunningConsole = { url: ready.url, ...(access.newKey === undefined ? {} : { apiKey: access.newKey }) };
  const { consoleFile } = homePaths(home);
  const close = async (): Promise<void> => {
    await rm(consoleFile, { force: true });
    stop('SIGTERM');
    await ended;
  };
  try {
    await writeFileAtomically(consoleFile, [JSON.stringify(running)], { mode: 0o600 });
    return { url: ready.url, link: await createConsoleLink(running, path), close };
  } catch (error) {
    await close();
    throw error;
  }
}
