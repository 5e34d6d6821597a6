import { randomBytes } from 'node:crypto';
import { minuteMs } from '@facet/platform';
import { defaults, seal, unseal } from 'iron-webcrypto';

/**
 * Converts API keys to the text of session cookies and back. The server stores no sessions. It remembers the sessions that ended before
 * their time, in memory.
 */
export interface Sessions {
  /** Encrypts and signs an API key. */
  seal(apiKey: string): Promise<string>;
  /** Returns the API key, or undefined if the text is damaged, expired, ended or sealed with another secret. */
  open(text: string): Promise<string | undefined>;
  /** Ends the session of this text before its time. */
  end(text: string): Promise<void>;
}

/** The earliest end is forgotten above this number. */
const endedMax = 10_000;

export interface SessionOptions {
  readonly secret: string;
  readonly ttlMs: number;
  /** The clock in epoch milliseconds. */
  readonly now: () => number;
}

export function createSessions({ secret, ttlMs, now }: SessionOptions): Sessions {
  const options = { ...defaults, ttl: ttlMs, timestampSkewSec: 0 };
  /** By session id, until when its text would open. Oldest first. */
  const ended = new Map<string, number>();
  const read = async (text: string) =>
    (await unseal(globalThis.crypto, text, secret, options).catch(() => undefined)) as
      { readonly apiKey?: string; readonly id?: string } | undefined;
  return {
    seal: (apiKey) => seal(globalThis.crypto, { apiKey, id: randomBytes(12).toString('base64url') }, secret, options),
    async open(text) {
      const { apiKey, id = '' } = (await read(text)) ?? {};
      return ended.has(id) ? undefined : apiKey;
    },
    async end(text) {
      const { id } = (await read(text)) ?? {};
      if (id === undefined) return;
      ended.set(id, now() + ttlMs);
      for (const [oldest, until] of ended) {
        if (until > now() && ended.size <= endedMax) return;
        ended.delete(oldest);
      }
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
/** Codes expire, so that a link in the history of a terminal cannot sign in later. */
const codeMs = 10 * minuteMs;

export function createLinkCodes({ now }: { readonly now: () => number }): LinkCodes {
  const codes = new Map<string, { readonly apiKey: string; readonly until: number }>();
  return {
    create(apiKey) {
      const [oldest] = codes.keys();
      if (codes.size >= codesMax && oldest !== undefined) codes.delete(oldest);
      const code = randomBytes(18).toString('base64url');
      codes.set(code, { apiKey, until: now() + codeMs });
      return code;
    },
    redeem(code) {
      const found = codes.get(code);
      codes.delete(code);
      return found !== undefined && found.until > now() ? found.apiKey : undefined;
    },
  };
}
