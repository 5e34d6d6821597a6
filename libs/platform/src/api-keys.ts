import { createHash, createHmac, randomBytes, timingSafeEqual } from 'node:crypto';

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
  /** The hashes before rotations, each accepted until a time (ISO 8601). */
  readonly previous?: readonly { readonly sha256: string; readonly acceptedUntil: string }[];
  /** Web origins. A key with origins works in browsers only, where it is public. */
  readonly origins?: readonly string[];
  /** Undefined limits are unlimited. */
  readonly eventsPerSecondMax?: number;
  readonly requestsPerSecondMax?: number;
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
  const digest = hashApiKey(presented);
  let found: ApiKey | undefined;
  for (const key of keys) {
    if (acceptedHashes(key, now).filter((hash) => isEqualHex(hash, digest)).length > 0) found ??= key;
  }
  return found;
}

/**
 * Returns a proof that its maker knows a key or its hash. The proof reveals neither.
 *
 * @param challenge random text of the caller
 */
export function proveApiKey(sha256: string, by: 'caller' | 'server', challenge: string): string {
  return createHmac('sha256', Buffer.from(sha256, 'hex')).update(`${by} ${challenge}`).digest('hex');
}

/**
 * Returns the proof of a server that it knows the key of a caller, so that the caller can send the key to it. Returns undefined if
 * no key matches the proof of the caller.
 *
 * @param now epoch milliseconds
 */
export function answerChallenge(
  { challenge, proof }: { readonly challenge: string; readonly proof: string },
  keys: readonly ApiKey[],
  now: number,
): string | undefined {
  const hashes = keys.flatMap((key) => acceptedHashes(key, now));
  const [found] = hashes.filter((hash) => isEqualHex(proveApiKey(hash, 'caller', challenge), proof));
  return found === undefined ? undefined : proveApiKey(found, 'server', challenge);
}

function acceptedHashes({ sha256, previous = [] }: ApiKey, now: number): string[] {
  const accepted = previous.filter(({ acceptedUntil }) => now < Date.parse(acceptedUntil));
  return [sha256, ...accepted.map((entry) => entry.sha256)];
}

/** Compares in constant time. */
function isEqualHex(a: string, b: string): boolean {
  const [left, right] = [Buffer.from(a, 'hex'), Buffer.from(b, 'hex')];
  return left.length === right.length && timingSafeEqual(left, right);
}
