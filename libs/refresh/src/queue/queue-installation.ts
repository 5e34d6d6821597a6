import { claimStore, ensureInstallation } from '@facet/config/installation';
import type { InstallationKey } from '@facet/config/installation';
import type { HomePaths } from '@facet/config/home-paths';
import { describeError, isAppError, parseRedisUrl, repeat } from '@facet/platform';
import type { Logger } from '@facet/platform';
import { callQueue, connectClient, prefixOf } from './connection.ts';
import type { QueueOptions } from './connection.ts';

/** Connects to the queue, calls `use` with the key of its installation, and closes the connection. */
export async function withQueueInstallation<Result>(
  options: QueueOptions,
  use: (key: InstallationKey) => Promise<Result>,
): Promise<Result> {
  const connection = connectClient(options);
  const name = `${prefixOf(options)}:installation`;
  try {
    const read = async (): Promise<string | undefined> =>
      (await callQueue(connection, () => connection.get(name))) ?? undefined;
    return await use({
      place: `the queue in Redis at ${parseRedisUrl(options.redisUrl).text} (key ${name})`,
      read,
      async claim(installationId) {
        await callQueue(connection, () => connection.set(name, installationId, 'NX'));
        return read();
      },
      write: async (installationId) => void (await callQueue(connection, () => connection.set(name, installationId))),
    });
  } finally {
    connection.disconnect();
  }
}

/** How often a worker tries to claim its queue while Redis does not respond. */
const claimEveryMs = 1_000;

interface ClaimDeps {
  readonly home: HomePaths;
  readonly logger?: Logger;
}

/**
 * Claims the queue for the installation of a home. If Redis does not respond, logs a warning.
 *
 * @throws AppError `INSTALLATION_DIFFERS`
 * @returns whether Redis has responded
 */
export async function claimQueue({ home, logger }: ClaimDeps, options: QueueOptions): Promise<boolean> {
  const installation = await ensureInstallation(home);
  try {
    await withQueueInstallation(options, (key) => claimStore(installation, key));
    return true;
  } catch (error) {
    if (!isAppError(error) || !error.retryable) throw error;
    logger?.warn({ problem: describeError(error) }, 'cannot check which installation the queue belongs to');
    return false;
  }
}

/** The claim of a worker to its queue. */
export interface QueueClaim {
  /** Rejects with `INSTALLATION_DIFFERS` if Redis responds only later, and the queue belongs to another installation. */
  readonly failed: Promise<never>;
  /** Stops waiting for Redis. */
  close(): Promise<void>;
}

/** Claims the queue, or tries again in the background until Redis responds. @throws AppError as `claimQueue` */
export async function claimQueueOfWorker(deps: ClaimDeps, options: QueueOptions): Promise<QueueClaim> {
  let reject!: (error: unknown) => void;
  const failed = new Promise<never>((_, fail) => (reject = fail));
  failed.catch(() => undefined);
  if (await claimQueue(deps, options)) return { failed, close: async () => undefined };
  const close = repeat(
    claimEveryMs,
    async () => {
      if (await claimQueue({ home: deps.home }, options)) void close();
    },
    (error) => {
      void close();
      reject(error);
    },
  );
  return { failed, close };
}
