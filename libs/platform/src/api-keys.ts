import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';

/** A new random key to hand to a caller once. Only its hash is kept. */
export function createApiKey(): string {
  return `facet_${randomBytes(24).toString('base64url')}`;
}

/** The SHA-256 of a key in hex. Keys are random, so no salt or slow hash is needed. */
export function hashApiKey(key: string): string {
  return createHash('sha256').update(key).digest('hex');
}

/** Whether `key` is one of the keys behind `hashes`; every hash is compared, each in constant time. */
export function isKnownApiKey(key: string, hashes: readonly string[]): boolean {
  const digest = createHash('sha256').update(key).digest();
  let known = false;
  for (const hash of hashes) {
    const expected = Buffer.from(hash, 'hex');
    if (expected.length === digest.length && timingSafeEqual(expected, digest)) known = true;
  }
  return known;
}
