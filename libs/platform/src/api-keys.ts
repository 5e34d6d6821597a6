import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';

/** What a key may be good for; none implies another. */
export const scopes = ['ingest', 'serve', 'admin'] as const;
export type Scope = (typeof scopes)[number];

/** What is kept of a key: everything but the key. */
export interface ApiKey {
  /** Who has it, as logs and reports say. */
  readonly name: string;
  readonly scopes: readonly Scope[];
  /** {@link hashApiKey} of the key. */
  readonly sha256: string;
  /** Web origins that may use the key; it is then good for nothing else. A key that is sent to browsers is public. */
  readonly origins?: readonly string[];
  /** Unlimited where absent, as the one below. */
  readonly eventsPerSecondMax?: number;
  readonly bodyBytesMax?: number;
}

/** A new random key to hand to a caller once. Only its hash is kept. */
export function createApiKey(): string {
  return `facet_${randomBytes(24).toString('base64url')}`;
}

/** The SHA-256 of a key in hex. Keys are random, so no salt or slow hash is needed. */
export function hashApiKey(key: string): string {
  return createHash('sha256').update(key).digest('hex');
}

/** The entry of a key that somebody presents; every entry is compared, each in constant time. */
export function findApiKey(presented: string, keys: readonly ApiKey[]): ApiKey | undefined {
  const digest = createHash('sha256').update(presented).digest();
  let found: ApiKey | undefined;
  for (const key of keys) {
    const expected = Buffer.from(key.sha256, 'hex');
    if (expected.length === digest.length && timingSafeEqual(expected, digest)) found ??= key;
  }
  return found;
}
