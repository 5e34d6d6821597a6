import { createApiKey, hashApiKey, replaceApiKey } from '@facet/platform';
import type { Home } from '../home.ts';

/** Whom the API answers. */
export interface ServingAccess {
  /** The keys that are accepted; undefined answers anybody. */
  readonly keysFile: string | undefined;
  /** A key that was made just now and is to be shown once. */
  readonly newKey?: string;
}

/** The entry of the home's keys that belongs to `facet serve` and the demo. */
const keyName = 'facet-serve';

/**
 * `--insecure`, else the key of `--api-key`, else the file of the environment, else a new key. A key that is given or
 * made stands in the home's keys from then on, in the place of the one of the run before.
 *
 * @throws AppError those of `replaceApiKey`.
 */
export async function prepareAccess(
  options: {
    readonly insecure?: boolean | undefined;
    readonly apiKey?: string | undefined;
    /** `FACET_API_KEYS_FILE`. */
    readonly apiKeysFile?: string | undefined;
  },
  { keysFile }: Pick<Home, 'keysFile'>,
): Promise<ServingAccess> {
  if (options.insecure === true) return { keysFile: undefined };
  if (options.apiKey === undefined && options.apiKeysFile !== undefined) return { keysFile: options.apiKeysFile };
  const key = options.apiKey ?? createApiKey();
  await replaceApiKey(keysFile, { name: keyName, scopes: ['serve', 'admin'], sha256: hashApiKey(key) });
  return options.apiKey === undefined ? { keysFile, newKey: key } : { keysFile };
}
