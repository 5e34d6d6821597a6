import { parseEnvironment, parseRedisUrl, redisUrlForms } from '@facet/platform';
import type { RedisAddress, RedisFiles } from '@facet/platform';
import { Type } from 'typebox';
import { readableFile, readTlsFiles, wrongVariable } from './setting-files.ts';

const file = Type.Optional(Type.String());
const urlPattern = '^rediss?([+](cluster|sentinel))?://';

export const profileStoreVariables = {
  /** Unset: no profile store. */
  FACET_REDIS_URL: Type.Optional(Type.String({ pattern: urlPattern })),
  FACET_REDIS_PASSWORD_FILE: file,
  FACET_REDIS_CA_FILE: file,
  FACET_REDIS_CERT_FILE: file,
  FACET_REDIS_KEY_FILE: file,
  FACET_REDIS_SENTINEL_PASSWORD_FILE: file,
};

export const queueVariables = {
  /** The Redis server of the job queue: persistent, without eviction. */
  FACET_QUEUE_URL: Type.String({ pattern: urlPattern, default: 'redis://127.0.0.1:6379' }),
  FACET_QUEUE_PASSWORD_FILE: file,
  FACET_QUEUE_CA_FILE: file,
  FACET_QUEUE_CERT_FILE: file,
  FACET_QUEUE_KEY_FILE: file,
  FACET_QUEUE_SENTINEL_PASSWORD_FILE: file,
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
  const url = values[`${prefix}_URL`];
  const address = url === undefined ? undefined : addressOf(`${prefix}_URL`, String(url));
  const howToEnable = `begin ${prefix}_URL with rediss`;
  const tls = readTlsFiles(values, prefix, { hasTls: address?.hasTls ?? false, howToEnable });
  const [password, sentinelPassword] = [`${prefix}_PASSWORD_FILE`, `${prefix}_SENTINEL_PASSWORD_FILE`] as const;
  const passwordFile = readableFile(values, password);
  if (passwordFile !== undefined && address?.password !== undefined) {
    const problem = `is set, but ${prefix}_URL contains a password`;
    throw wrongVariable(password, problem, 'Remove the password from the URL.');
  }
  const sentinelPasswordFile = readableFile(values, sentinelPassword);
  if (sentinelPasswordFile !== undefined && address?.kind !== 'sentinel') {
    const problem = `is set, but ${prefix}_URL names no Sentinels`;
    throw wrongVariable(sentinelPassword, problem, `Unset it, or begin ${prefix}_URL with redis+sentinel://.`);
  }
  return { ...tls, passwordFile, sentinelPasswordFile };
}

function addressOf(name: string, url: string): RedisAddress {
  try {
    return parseRedisUrl(url);
  } catch (error) {
    throw wrongVariable(name, (error as Error).message, `Set it to ${redisUrlForms}.`, error);
  }
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
