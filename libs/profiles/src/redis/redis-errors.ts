import { AppError, isAppError } from '@facet/platform';

/** What a failed command becomes. `host` has no password in it. */
export function profilesError(host: string, cause: unknown): AppError {
  if (isAppError(cause)) return cause;
  const { name, message } = cause as Error;
  // While it starts, or follows another server, it answers that it cannot answer.
  const refused = name === 'ReplyError' && !/^(LOADING|MASTERDOWN|CLUSTERDOWN|TRYAGAIN)/.test(message);
  return refused ? profilesRefused(host, cause as Error) : profilesUnreachable(host, cause as Error);
}

export function profilesUnreachable(host: string, cause: Error): AppError {
  return new AppError(`The profile store at ${host} cannot be reached: ${cause.message}.`, {
    code: 'PROFILES_UNREACHABLE',
    category: 'unavailable',
    remedy: 'Check that Redis runs there, and FACET_REDIS_URL. Applying the same changes again is safe.',
    context: { host },
    retryable: true,
    cause,
  });
}

/** Redis answered with an error: its memory is full, the password is wrong, the disk is. */
function profilesRefused(host: string, cause: Error): AppError {
  return new AppError(`The profile store at ${host} refused a command: ${cause.message}.`, {
    code: 'PROFILES_REFUSED',
    category: 'unavailable',
    remedy: 'Check the memory, the disk and the rights of the user in FACET_REDIS_URL. Applying again is safe.',
    context: { host },
    retryable: true,
    cause,
  });
}
