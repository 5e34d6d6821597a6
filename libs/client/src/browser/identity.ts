import type { TextStorage } from './storage.ts';

const sessionName = 'session';
const userName = 'user';

/** The session and, after login, the user on this site. All pages of the site share them. */
export interface Identity {
  /** Starts a session if there is none. */
  sessionId(): string;
  userId(): string | undefined;
  /** Returns false for the current user. A different user starts a new session. */
  become(userId: string): boolean;
  /** Forgets the user and starts a new session. */
  reset(): void;
}

export function createIdentity(storage: TextStorage): Identity {
  const reset = () => {
    storage.remove(userName);
    storage.set(sessionName, randomId());
  };
  // Not cached: the user may have logged out on another page.
  const userId = () => storage.get(userName);
  return {
    sessionId() {
      if (storage.get(sessionName) === undefined) storage.set(sessionName, randomId());
      return storage.get(sessionName) as string;
    },
    userId,
    become(newUserId) {
      const known = userId();
      if (known === newUserId) return false;
      if (known !== undefined) reset();
      storage.set(userName, newUserId);
      return true;
    },
    reset,
  };
}

/** Returns 128 random bits as text. `crypto.randomUUID` is missing on pages without TLS. */
export function randomId(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, '0')).join('');
}
