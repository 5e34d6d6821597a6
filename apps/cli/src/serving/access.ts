import { homePaths } from '@facet/config/home-paths';
import { createApiKey, dayMs, hashApiKey, replaceApiKey } from '@facet/platform';

/** The keys that a serving process accepts. */
export interface ServingAccess {
  /** Undefined: requests need no key. */
  readonly keysFile: string | undefined;
  /** A new key, to be shown once. */
  readonly newKey?: string;
}

/** The name of the key that `facet serve` and the demo replace at each start. */
const keyName = 'facet-serve';

/**
 * Returns which keys serving accepts. With `--insecure`, requests need no key. Otherwise, serving accepts the keys of
 * `FACET_API_KEYS_FILE`, else a new key in the keys file of the home. The new key replaces the key of the previous run. The previous
 * key works for another day, because a server of that run may still be running.
 *
 * @throws AppError those of `replaceApiKey`.
 */
export async function prepareAccess(
  options: {
    readonly insecure?: boolean | undefined;
    /** `FACET_API_KEYS_FILE`. */
    readonly apiKeysFile?: string | undefined;
  },
  home: string,
): Promise<ServingAccess> {
  const { keysFile } = homePaths(home);
  if (options.insecure === true) return { keysFile: undefined };
  if (options.apiKeysFile !== undefined) return { keysFile: options.apiKeysFile };
  const newKey = createApiKey();
  const entry = { name: keyName, scopes: ['serve', 'admin'], sha256: hashApiKey(newKey) } as const;
  await replaceApiKey(keysFile, entry, Date.now() + dayMs);
  return { keysFile, newKey };
}
