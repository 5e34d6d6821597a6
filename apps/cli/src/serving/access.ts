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
 * Chooses the access: `--insecure`, else the file of the environment, else a new key. A new key replaces the key of the previous run
 * in the keys file of the home. A server of that run may still serve, so its key works for another day.
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
