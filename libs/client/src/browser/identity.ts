import { randomId } from './random-id.ts';
import type { TextStorage } from './storage.ts';

const sessionName = 'session';
const userName = 'user';

/** Who acts on this site, the same in all its pages: a session, and a user once one is known. */
export interface Identity {
  /** Begins where there is none yet. */
  sessionId(): string;
  userId(): string | undefined;
  /** False when this user is known already. Another user than before begins a new session. */
  become(userId: string): boolean;
  /** Forgets the user and begins a new session. */
  reset(): void;
}

export function createIdentity(storage: TextStorage): Identity {
  const reset = () => {
    storage.remove(userName);
    storage.set(sessionName, randomId());
  };
  // Read anew every time: the user may have logged out on another page.
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
