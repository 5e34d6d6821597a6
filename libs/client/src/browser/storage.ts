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
