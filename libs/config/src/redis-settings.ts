import { parseEnvironment } from '@facet/platform';
import type { RedisFiles } from '@facet/platform';
import { Type } from 'typebox';
import { readableFile, readTlsFiles, wrongVariable } from './setting-files.ts';

const file = Type.Optional(Type.String());

export const profileStoreVariables = {
  /** Unset: no profile store. */
  FACET_REDIS_URL: Type.Optional(Type.String({ pattern: '^rediss?://' })),
  FACET_REDIS_PASSWORD_FILE: file,
  FACET_REDIS_CA_FILE: file,
  FACET_REDIS_CERT_FILE: file,
  FACET_REDIS_KEY_FILE: file,
};

export const queueVariables = {
  /** The Redis server of the job queue: persistent, without eviction. */
  FACET_QUEUE_URL: Type.String({ pattern: '^rediss?://', default: 'redis://127.0.0.1:6379' }),
  FACET_QUEUE_PASSWORD_FILE: file,
  FACET_QUEUE_CA_FILE: file,
  FACET_QUEUE_CERT_FILE: file,
  FACET_QUEUE_KEY_FILE: file,
  FACET_QUEUE_PREFIX: Type.String({ pattern: '^[A-Za-z0-9._{}-]{1,100}$', default: 'facet' }),
};

/**
 * Returns the files of the connections to a Redis.
 *
 * @param prefix the beginning of its variables
 * @throws AppError `CONFIG_INVALID` for contradictory variables, and for files that are not usable.
 */
export function readRedisFiles(
  values: Readonly<Record<string, unknown>>,
  prefix: 'FACET_REDIS' | 'FACET_QUEUE',
): RedisFiles {
  const url = String(values[`${prefix}_URL`]);
  const hasTls = url.startsWith('rediss:');
  const tls = readTlsFiles(values, prefix, { hasTls, howToEnable: `begin ${prefix}_URL with rediss://` });
  const passwordFile = readableFile(values, `${prefix}_PASSWORD_FILE`);
  if (passwordFile !== undefined && URL.canParse(url) && new URL(url).password !== '') {
    const problem = `is set, but ${prefix}_URL contains a password`;
    throw wrongVariable(`${prefix}_PASSWORD_FILE`, problem, 'Remove the password from the URL.');
  }
  return { ...tls, passwordFile };
}

/** Returns the files in an environment for the profile store at `url`. @throws AppError as {@link readRedisFiles}. */
export function parseProfileStoreFiles(environment: NodeJS.ProcessEnv, url: string): RedisFiles {
  const variables = { ...environment, FACET_REDIS_URL: url };
  return readRedisFiles(parseEnvironment(Type.Object(profileStoreVariables), variables), 'FACET_REDIS');
}

/** Returns the files in an environment for the queue at `url`. @throws AppError as {@link readRedisFiles}. */
export function parseQueueFiles(environment: NodeJS.ProcessEnv, url: string): RedisFiles {
  const variables = { ...environment, FACET_QUEUE_URL: url };
  return readRedisFiles(parseEnvironment(Type.Object(queueVariables), variables), 'FACET_QUEUE');
}
