import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';

/** The scopes of keys. `admin` implies `read`; no other scope implies another. */
export const scopes = ['ingest', 'serve', 'read', 'admin'] as const;
export type Scope = (typeof scopes)[number];

/** The stored data of a key, without the key. */
export interface ApiKey {
  /** The name in logs and reports. */
  readonly name: string;
  readonly scopes: readonly Scope[];
  /** {@link hashApiKey} of the key. */
  readonly sha256: string;
  /** The hash before the last rotation, accepted until this time (ISO 8601). */
  readonly previous?: { readonly sha256: string; readonly acceptedUntil: string };
  /** Web origins. A key with origins works in browsers only, where it is public. */
  readonly origins?: readonly string[];
  /** Undefined limits are unlimited. */
  readonly eventsPerSecondMax?: number;
  readonly bodyBytesMax?: number;
}

/** Returns whether a key may call a route with this scope. */
export function hasScope({ scopes: held }: Pick<ApiKey, 'scopes'>, scope: Scope): boolean {
  return held.includes(scope) || (scope === 'read' && held.includes('admin'));
}

/** Creates a random key. Only its hash is stored. */
export function createApiKey(): string {
  return `facet_${randomBytes(24).toString('base64url')}`;
}

/** Returns the SHA-256 of a key in hex. Keys are random, so they need no salt or slow hash. */
export function hashApiKey(key: string): string {
  return createHash('sha256').update(key).digest('hex');
}

/**
 * Returns the entry of a presented key. Compares all entries, each in constant time.
 *
 * @param now epoch milliseconds
 */
export function findApiKey(presented: string, keys: readonly ApiKey[], now: number): ApiKey | undefined {
  const digest = createHash('sha256').update(presented).digest();
  const isHash = (hash: string): boolean => {
    const expected = Buffer.from(hash, 'hex');
    return expected.length === digest.length && timingSafeEqual(expected, digest);
  };
  let found: ApiKey | undefined;
  for (const key of keys) {
    const { previous } = key;
    const isPrevious = previous !== undefined && isHash(previous.sha256) && now < Date.parse(previous.acceptedUntil);
    if (isHash(key.sha256) || isPrevious) found ??= key;
  }
  return found;
}
