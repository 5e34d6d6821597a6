import { createHmac, randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { createFileAtomically, createFolder, readTextIfExists } from '@facet/platform';

/**
 * The random key of a lake for the hashes of erased users. The lake keeps these hashes after an erasure. They do not tell
 * anyone without the key whether a given user was erased.
 */
export interface ErasureKey {
  /** Returns the HMAC-SHA256 of the SHA-256 of an id, both in hex. */
  of(hash: string): string;
  /** Returns SQL for the same HMAC of an id. */
  sql(expression: string): string;
}

/** The hashes of a lake without erasures, which has no key. */
export const noErasureKey: ErasureKey = { of: (hash) => hash, sql: (expression) => `sha256(${expression})` };

const keyFile = '_erasures.key';
const keyBytes = 32;
/** The block size of SHA-256. */
const blockBytes = 64;

/** Keys by their hex, so that states with the same key are equal. */
const keys = new Map<string, ErasureKey>();

/** Returns the key of a lake; undefined if it has none yet. */
export async function readErasureKey(lakeFolder: string): Promise<ErasureKey | undefined> {
  const hex = (await readTextIfExists(join(lakeFolder, keyFile)))?.trim();
  if (hex === undefined) return undefined;
  if (!/^[0-9a-f]{64}$/.test(hex)) throw new Error(`${keyFile} is damaged`);
  const key = keys.get(hex) ?? createErasureKey(Buffer.from(hex, 'hex'));
  keys.set(hex, key);
  return key;
}

/** Returns the key of a lake, and creates it if necessary. Only the owner of the file can read it. */
export async function ensureErasureKey(lakeFolder: string): Promise<ErasureKey> {
  await createFolder(lakeFolder);
  const text = `${randomBytes(keyBytes).toString('hex')}\n`;
  await createFileAtomically(join(lakeFolder, keyFile), [text], { mode: 0o600 });
  return (await readErasureKey(lakeFolder))!;
}

function createErasureKey(key: Buffer): ErasureKey {
  // DuckDB has no HMAC: RFC 2104 with SHA-256.
  const padded = (byte: number): string => {
    const bytes = Array.from({ length: blockBytes }, (_, index) => byte ^ (key[index] ?? 0));
    return `unhex('${Buffer.from(bytes).toString('hex')}')`;
  };
  const [inner, outer] = [padded(0x36), padded(0x5c)];
  return {
    of: (hash) => createHmac('sha256', key).update(hash).digest('hex'),
    sql: (expression) => `sha256(${outer} || unhex(sha256(${inner} || encode(sha256(${expression})))))`,
  };
}
