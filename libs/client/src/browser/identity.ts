const sessionName = 'session';
const userName = 'user';

/** Creates the session and, after login, the user on this site. All pages of the site share them. */
export function createIdentity(storage: TextStorage) {
  /** Forgets the user and starts a new session. */
  const reset = () => {
    storage.remove(userName);
    storage.set(sessionName, randomId());
  };
  // Not cached: the user may have logged out on another page.
  const userId = () => storage.get(userName);
  return {
    /** Starts a session if there is none. */
    sessionId(): string {
      if (storage.get(sessionName) === undefined) storage.set(sessionName, randomId());
      return storage.get(sessionName) as string;
    },
    userId,
    /** Returns false for the current user. A different user starts a new session. */
    become(newUserId: string): boolean {
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

/** Stores text by name. The pages of a site share it if the browser permits. */
export interface TextStorage {
  get(name: string): string | undefined;
  set(name: string, text: string): void;
  remove(name: string): void;
  names(): string[];
}

/** Opens the browser's storage below a prefix. Text that a blocked or full storage rejects is kept until the page ends. */
export function openStorage(prefix: string): TextStorage {
  const memory = new Map<string, string>();
  const inBrowser = <T>(use: (storage: Storage) => T): T | undefined => {
    try {
      return use(localStorage);
    } catch {
      return undefined;
    }
  };
  return {
    get: (name) => memory.get(name) ?? inBrowser((storage) => storage.getItem(prefix + name)) ?? undefined,
    set(name, text) {
      const isStored = inBrowser((storage) => {
        storage.setItem(prefix + name, text);
        return true;
      });
      if (isStored) memory.delete(name);
      else memory.set(name, text);
    },
    remove(name) {
      memory.delete(name);
      inBrowser((storage) => storage.removeItem(prefix + name));
    },
    names: () =>
      (inBrowser(Object.keys) ?? []).filter((name) => name.startsWith(prefix)).map((name) => name.slice(prefix.length)),
  };
}
