import { randomBytes } from 'node:crypto';
import { defaults, seal, unseal } from 'iron-webcrypto';

/** Converts API keys to the text of session cookies and back. The server stores no sessions. */
export interface Sessions {
  /** Encrypts and signs an API key. */
  seal(apiKey: string): Promise<string>;
  /** Returns the API key, or undefined if the text is damaged, expired or sealed with another secret. */
  open(text: string): Promise<string | undefined>;
}

export function createSessions({ secret, ttlMs }: { readonly secret: string; readonly ttlMs: number }): Sessions {
  const options = { ...defaults, ttl: ttlMs, timestampSkewSec: 0 };
  return {
    seal: (apiKey) => seal(globalThis.crypto, { apiKey }, secret, options),
    async open(text) {
      const content = await unseal(globalThis.crypto, text, secret, options).catch(() => undefined);
      return (content as { readonly apiKey?: string } | undefined)?.apiKey;
    },
  };
}

/** One-time codes that map to API keys, for links. They are kept in memory. */
export interface LinkCodes {
  create(apiKey: string): string;
  /** Returns the API key of a code once. */
  redeem(code: string): string | undefined;
}

/** The oldest code is dropped at this number. */
const codesMax = 100;

export function createLinkCodes({ ttlMs, now }: { readonly ttlMs: number; readonly now: () => number }): LinkCodes {
  const codes = new Map<string, { readonly apiKey: string; readonly until: number }>();
  return {
    create(apiKey) {
      const [oldest] = codes.keys();
      if (codes.size >= codesMax && oldest !== undefined) codes.delete(oldest);
      const code = randomBytes(18).toString('base64url');
      codes.set(code, { apiKey, until: now() + ttlMs });
      return code;
    },
    redeem(code) {
      const found = codes.get(code);
      codes.delete(code);
      return found !== undefined && found.until > now() ? found.apiKey : undefined;
    },
  };
}
