import { AppError, isAppError, parseRedisUrl, redisProblemOf, redisUrlForms } from '@facet/platform';

/** Returns the addresses in a URL. @throws AppError `PROFILES_URL_INVALID`. */
export function hostOf(url: string): string {
  try {
    return parseRedisUrl(url).text;
  } catch (error) {
    throw new AppError(`The URL of the profile store ${(error as Error).message}.`, {
      code: 'PROFILES_URL_INVALID',
      category: 'usage',
      remedy: `Set FACET_REDIS_URL to ${redisUrlForms}.`,
    });
  }
}

/** Converts a failed command to an AppError. `host` contains no password. */
export function toAppError(host: string, cause: unknown): AppError {
  if (isAppError(cause)) return cause;
  const { name, message } = cause as Error;
  // While Redis loads its data or follows another server, it responds with these errors.
  const refused = name === 'ReplyError' && !/^(LOADING|MASTERDOWN|CLUSTERDOWN|TRYAGAIN)/.test(message);
  return refused ? profilesRefused(host, cause as Error) : profilesUnreachable(host, cause as Error);
}

const prefix = 'FACET_REDIS';

export function profilesUnreachable(host: string, cause = new Error('not connected')): AppError {
  const problem = redisProblemOf(cause, { host, prefix });
  return new AppError(`Redis at ${host} is unreachable: ${withoutPeriod(problem?.reason ?? cause.message)}.`, {
    code: 'PROFILES_UNREACHABLE',
    category: 'unavailable',
    remedy: `${problem?.remedy ?? 'Start Redis or correct FACET_REDIS_URL: rediss:// with TLS, redis:// without.'} Applying the same changes again is safe.`,
    context: { host },
    retryable: true,
    cause,
  });
}

/** Redis responded with an error, such as full memory, a missing permission or a disk failure. */
function profilesRefused(host: string, cause: Error): AppError {
  const problem = redisProblemOf(cause, { host, prefix });
  return new AppError(`Redis at ${host} refused a command: ${withoutPeriod(cause.message)}.`, {
    code: 'PROFILES_REFUSED',
    category: 'unavailable',
    remedy: `${problem?.remedy ?? 'Check the memory and disk of Redis.'} Applying the same changes again is safe.`,
    context: { host },
    retryable: true,
    cause,
  });
}

const withoutPeriod = (text: string): string => text.replace(/\.$/, '');
