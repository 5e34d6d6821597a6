import { addItemVersions, changeUsers, readCatalogOffsets, writeCatalogOffset } from '@facet/lake';
import type { ItemVersion } from '@facet/lake';
import type { Item, User } from '@facet/schemas';
import { AppError } from '@facet/platform';

/** Collects changes of the catalog and writes many at a time, because each write rewrites a whole file. */
export interface CatalogFeed {
  /** Returns the first offset of a source that is not in the files. */
  committed(source: string): number;
  /**
   * Adds or replaces an item; without `item`, removes it.
   *
   * @param receivedAt epoch milliseconds, for the version history of the catalog
   */
  changeItem(itemId: string, item: Item | undefined, receivedAt: number): void;
  /** Adds or replaces a user; without `user`, removes the user. @param receivedAt epoch milliseconds */
  changeUser(userId: string, user: User | undefined, receivedAt: number): void;
  /** When the newest change of a user that this process wrote was received. */
  readonly usersReceivedTo: number | undefined;
  /** Notes that all changes of `source` before `next` have been made. */
  advance(source: string, next: number): void;
  /** Number of changes that are not in the files. */
  readonly pending: number;
  /** When the oldest change that is not in the files was made. */
  readonly changedSince: number | undefined;
  /**
   * Writes the changes to the files.
   *
   * @throws AppError `SINK_CATALOG_UNWRITABLE` (retryable), which keeps the changes. `SINK_CATALOG_SUPERSEDED` when another
   * member of the group has written the same source.
   */
  write(): Promise<void>;
  /** Drops changes that are not in the files, and reads the offsets from the files. */
  discard(): Promise<void>;
}

export function createCatalogFeed(catalogFolder: string, { now }: { readonly now: () => number }): CatalogFeed {
  let items: ItemVersion[] = [];
  const users = new Map<string, User | undefined>();
  let written: ReadonlyMap<string, number> = new Map();
  let advanced = new Map<string, number>();
  let changedSince: number | undefined;
  let usersChangedTo = 0;
  let usersReceivedTo: number | undefined;
  const clear = (): void => {
    items = [];
    users.clear();
    changedSince = undefined;
  };
  return {
    committed: (source) => written.get(source) ?? 0,
    changeItem: (itemId, item, receivedAt) => void items.push({ itemId, item, receivedAt }),
    changeUser(userId, user, receivedAt) {
      users.set(userId, user);
      usersChangedTo = Math.max(usersChangedTo, receivedAt);
    },
    get usersReceivedTo() {
      return usersReceivedTo;
    },
    advance(source, next) {
      advanced.set(source, next);
      changedSince ??= now();
    },
    get pending() {
      return items.length + users.size;
    },
    get changedSince() {
      return changedSince;
    },
    async write() {
      if (changedSince === undefined) return;
      const inFiles = await readCatalogOffsets(catalogFolder);
      for (const source of advanced.keys()) {
        if (inFiles.get(source) !== written.get(source)) throw superseded(source);
      }
      try {
        await addItemVersions(catalogFolder, items);
        await changeUsers(catalogFolder, users);
        for (const [source, next] of advanced) await writeCatalogOffset(catalogFolder, source, next);
        written = new Map([...written, ...advanced]);
      } catch (error) {
        throw unwritable(catalogFolder, error);
      }
      if (usersChangedTo > 0) usersReceivedTo = usersChangedTo;
      clear();
    },
    async discard() {
      clear();
      usersChangedTo = usersReceivedTo ?? 0;
      written = await readCatalogOffsets(catalogFolder);
      advanced = new Map();
    },
  };
}

function superseded(source: string): AppError {
  return new AppError(`Another writer has written ${source} to the catalog.`, {
    code: 'SINK_CATALOG_SUPERSEDED',
    category: 'conflict',
  });
}

function unwritable(catalogFolder: string, error: unknown): AppError {
  return new AppError(`Writing to the catalog ${catalogFolder} failed: ${(error as Error).message}.`, {
    code: 'SINK_CATALOG_UNWRITABLE',
    category: 'unavailable',
    remedy: 'Check the space, permissions and health of the disk. Until then, the changes are safe in Kafka.',
    context: { catalogFolder },
    retryable: true,
    cause: error,
  });
}
