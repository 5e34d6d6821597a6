import { claimStore, ensureInstallation, watchInstallation } from '@facet/config/installation';
import type { InstallationKey, InstallationWatch } from '@facet/config/installation';
import type { HomePaths } from '@facet/config/home-paths';
import { parseRedisUrl } from '@facet/platform';
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

/**
 * Claims the queue for the installation of a home, or tries again in the background until Redis responds.
 *
 * @throws AppError `INSTALLATION_DIFFERS`, and as `ensureInstallation`
 */
export async function claimQueue(
  { home, logger }: { readonly home: HomePaths; readonly logger?: Logger },
  options: QueueOptions,
): Promise<InstallationWatch> {
  const installation = await ensureInstallation(home);
  return watchInstallation(async () => {
    await withQueueInstallation(options, (key) => claimStore(installation, key));
    return true;
  }, logger);
}
