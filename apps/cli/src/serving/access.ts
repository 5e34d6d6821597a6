import { createApiKey, hashApiKey } from '@facet/platform';

/** Whom the API answers. */
export interface ServingAccess {
  readonly isInsecure: boolean;
  /** What the serving process is told: hashes, separated by commas. */
  readonly keyHashes: string;
  /** A key that was made just now and is to be shown once. */
  readonly newKey?: string;
}

/** `--insecure`, else the key of `--api-key`, else the hashes of the environment, else a new key. */
export function chooseAccess(options: {
  readonly insecure?: boolean | undefined;
  readonly apiKey?: string | undefined;
  readonly apiKeyHashes?: string | undefined;
}): ServingAccess {
  if (options.insecure === true) return { isInsecure: true, keyHashes: '' };
  if (options.apiKey !== undefined) return { isInsecure: false, keyHashes: hashApiKey(options.apiKey) };
  if (options.apiKeyHashes !== undefined) return { isInsecure: false, keyHashes: options.apiKeyHashes };
  const newKey = createApiKey();
  return { isInsecure: false, keyHashes: hashApiKey(newKey), newKey };
}
