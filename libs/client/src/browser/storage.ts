/** Text by name, shared by the pages of a site where the browser allows that. */
export interface TextStorage {
  get(name: string): string | undefined;
  set(name: string, text: string): void;
  remove(name: string): void;
  names(): string[];
}

/** The browser's storage below a prefix; what it does not take, for it is blocked or full, is kept until the page ends. */
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
