import { randomUUID } from 'node:crypto';
import {
  AppError,
  createFileAtomically,
  createFolder,
  describeError,
  isAppError,
  pathExists,
  readConfigFile,
  repeat,
  writeFileAtomically,
} from '@facet/platform';
import type { Logger } from '@facet/platform';
import { Type } from 'typebox';
import type { HomePaths } from './home-paths.ts';

/**
 * An installation is a data home with the Kafka topics and the keys in Redis that its apps use. Each of them stores the id of the
 * installation, so that an app with the wrong home, brokers or Redis notices it before it writes.
 */
export interface Installation {
  readonly id: string;
  /** Ids of the installations whose Kafka and Redis this one has adopted. */
  readonly adopted: readonly string[];
  /** The data home. */
  readonly home: string;
}

/** The id in a store that several apps share. */
export interface InstallationKey {
  /** Where the store is, with the name of the key, for messages. */
  readonly location: string;
  read(): Promise<string | undefined>;
  /** Writes the id if the store has none, and returns the id that the store has then. */
  claim(installationId: string): Promise<string | undefined>;
  write(installationId: string): Promise<void>;
}

type Home = Pick<HomePaths, 'folder' | 'installationFile'>;

const Id = Type.String({ pattern: '^[0-9a-f-]{36}$' });
const File = Type.Object({ id: Id, adopted: Type.Array(Id, { default: [] }) });

/**
 * Returns the installation of a home; undefined if the home has none yet.
 *
 * @throws AppError `INSTALLATION_DAMAGED`, and `CONFIG_UNREADABLE` for a file that cannot be read
 */
export async function readInstallation({ folder, installationFile }: Home): Promise<Installation | undefined> {
  if (!(await pathExists(installationFile))) return undefined;
  try {
    const { id, adopted } = await readConfigFile(File, installationFile);
    return { id, adopted, home: folder };
  } catch (error) {
    const isUnreadable = isAppError(error, 'CONFIG_UNREADABLE') && (error.cause as NodeJS.ErrnoException).errno;
    if (!isAppError(error) || isUnreadable) throw error;
    throw new AppError(`${installationFile} does not contain the id of an installation: ${describeError(error)}`, {
      code: 'INSTALLATION_DAMAGED',
      category: 'usage',
      remedy: `Restore the file from a backup. Or delete it, and run facet installation adopt --home ${folder}.`,
      context: { file: installationFile },
      cause: error,
    });
  }
}

/** Returns the installation of a home, and creates it if necessary. @throws AppError `HOME_UNWRITABLE`, and as `readInstallation` */
export async function ensureInstallation(home: Home): Promise<Installation> {
  const existing = await readInstallation(home);
  if (existing !== undefined) return existing;
  try {
    await createFolder(home.folder);
    await createFileAtomically(home.installationFile, [textOf(randomUUID(), [])]);
  } catch (error) {
    throw new AppError(`The data home ${home.folder} cannot be written: ${(error as Error).message}.`, {
      code: 'HOME_UNWRITABLE',
      category: 'unavailable',
      remedy: 'Mount its disk, free space, or give this user write access. Or correct FACET_HOME or --home.',
      context: { home: home.folder },
      retryable: true,
      cause: error,
    });
  }
  return (await readInstallation(home))!;
}

/**
 * Gives a home a new id that replaces the given ids of other installations. Those recognize that they have lost their Kafka and
 * Redis when an app of this home has written the new id there.
 */
export async function adoptInstallations(home: Home, ids: readonly string[]): Promise<Installation> {
  const before = await ensureInstallation(home);
  const adopted = [...new Set([...before.adopted, before.id, ...ids])];
  await writeFileAtomically(home.installationFile, [textOf(randomUUID(), adopted)]);
  return (await readInstallation(home))!;
}

function textOf(id: string, adopted: readonly string[]): string {
  return `${JSON.stringify({ id, adopted })}\n`;
}

/**
 * Refuses the id that an app has found in a store, if it is the id of another installation.
 *
 * @throws AppError `INSTALLATION_DIFFERS`
 */
export function refuseOtherInstallation(installation: Installation, location: string, found: string | undefined): void {
  const { id, adopted, home } = installation;
  if (found === undefined || found === id || adopted.includes(found)) return;
  throw new AppError(`The home ${home} belongs to the installation ${id}, but ${location} belongs to ${found}.`, {
    code: 'INSTALLATION_DIFFERS',
    category: 'usage',
    remedy:
      'Correct FACET_HOME, or the address and prefix of Kafka or Redis. To move that Kafka or Redis to this home, run ' +
      `facet installation adopt --home ${home}.`,
    context: { home, id, location, found },
  });
}

/**
 * Writes the id of an installation to a store that has none yet, or whose installation this one has adopted.
 *
 * @throws AppError `INSTALLATION_DIFFERS`, and the errors of the store
 */
export async function claimStore(installation: Installation, key: InstallationKey): Promise<void> {
  const found = await key.claim(installation.id);
  refuseOtherInstallation(installation, key.location, found);
  if (found !== installation.id) await key.write(installation.id);
}

/** Returns whether an error says that a store belongs to another installation, or that `installation.json` is damaged. */
export function isInstallationError(error: unknown): boolean {
  return isAppError(error, 'INSTALLATION_DIFFERS') || isAppError(error, 'INSTALLATION_DAMAGED');
}

/** Repeats the check of a store's installation id until it completes. */
export interface InstallationWatch {
  /** Rejects with `INSTALLATION_DIFFERS` or `INSTALLATION_DAMAGED` of a later check. Other errors do not end the checks. */
  readonly failed: Promise<never>;
  /** Ends the checks. */
  close(): Promise<void>;
}

const checkEveryMs = 1_000;

/**
 * Calls `check` now, and then every second until it returns true. Logs the first error that it retries.
 *
 * @throws AppError as the first call of `check`, except retryable errors
 */
export async function watchInstallation(check: () => Promise<boolean>, logger?: Logger): Promise<InstallationWatch> {
  let fail!: (error: unknown) => void;
  const failed = new Promise<never>((_, reject) => (fail = reject));
  failed.catch(() => undefined);
  let hasWarned = false;
  const warn = (error: unknown): void => {
    if (hasWarned) return;
    hasWarned = true;
    logger?.warn({ problem: describeError(error) }, 'cannot check the installation: trying again every second');
  };
  const isComplete = await check().catch((error: unknown) => {
    if (!isAppError(error) || !error.retryable) throw error;
    warn(error);
    return false;
  });
  if (isComplete) return { failed, close: async () => undefined };
  const close = repeat(
    checkEveryMs,
    async () => {
      if (await check()) void close();
    },
    (error) => {
      // Other errors, such as an unreadable file, may be temporary.
      if (!isInstallationError(error)) return warn(error);
      void close();
      fail(error);
    },
  );
  return { failed, close };
}
