import { addItemVersions, changeUsers, readCatalogOffsets, writeCatalogOffset } from '@facet/lake';
import type { ItemVersion } from '@facet/lake';
import type { Item, User } from '@facet/schemas';
import { AppError } from '@facet/platform';

/** Changes of the catalog on their way into its files, which are rewritten as a whole: many changes at a time. */
export interface CatalogFeed {
  /** The first offset of a source that is not in the files. */
  committed(source: string): number;
  /**
   * Without a record, the item is removed.
   *
   * @param receivedAt epoch milliseconds; the catalog keeps what it knew when.
   */
  changeItem(itemId: string, item: Item | undefined, receivedAt: number): void;
  /** @param receivedAt epoch milliseconds. */
  changeUser(userId: string, user: User | undefined, receivedAt: number): void;
  /** When the newest change of a user was received that this process has put into the files. */
  readonly usersReceivedTo: number | undefined;
  /** Everything of `source` below `next` was given. */
  advance(source: string, next: number): void;
  /** Changes that are not in the files. */
  readonly pending: number;
  /** When the oldest change was made that is not in the files. */
  readonly changedSince: number | undefined;
  /**
   * Puts the changes into the files.
   *
   * @throws AppError `SINK_CATALOG_UNWRITABLE` (retryable); the changes are kept then. `SINK_CATALOG_SUPERSEDED` when
   * another member of the group has taken over what they come from.
   */
  write(): Promise<void>;
  /** Forgets what is not in the files, and reads how far those are. */
  discard(): Promise<void>;
}

export function createCatalogFeed(catalogFolder: string, { now }: { readonly now: () => number }): CatalogFeed {
  let items: ItemVersion[] = [];
  const users = new Map<string, User | undefined>();
  let written: ReadonlyMap<string, number> = new Map();
  let taken = new Map<string, number>();
  let changedSince: number | undefined;
  let usersTakenTo = 0;
  let usersReceivedTo: number | undefined;
  const forget = (): void => {
    items = [];
    users.clear();
    changedSince = undefined;
  };
  return {
    committed: (source) => written.get(source) ?? 0,
    changeItem: (itemId, item, receivedAt) => void items.push({ itemId, item, receivedAt }),
    changeUser(userId, user, receivedAt) {
      users.set(userId, user);
      usersTakenTo = Math.max(usersTakenTo, receivedAt);
    },
    get usersReceivedTo() {
      return usersReceivedTo;
    },
    advance(source, next) {
      taken.set(source, next);
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
      for (const source of taken.keys()) {
        if (inFiles.get(source) !== written.get(source)) throw superseded(source);
      }
      try {
        await addItemVersions(catalogFolder, items);
        await changeUsers(catalogFolder, users);
        for (const [source, next] of taken) await writeCatalogOffset(catalogFolder, source, next);
        written = new Map([...written, ...taken]);
      } catch (error) {
        throw unwritable(catalogFolder, error);
      }
      if (usersTakenTo > 0) usersReceivedTo = usersTakenTo;
      forget();
    },
    async discard() {
      forget();
      usersTakenTo = usersReceivedTo ?? 0;
      written = await readCatalogOffsets(catalogFolder);
      taken = new Map();
    },
  };
}

function superseded(source: string): AppError {
  return new AppError(`Another writer has put ${source} into the catalog.`, {
    code: 'SINK_CATALOG_SUPERSEDED',
    category: 'conflict',
  });
}

function unwritable(catalogFolder: string, error: unknown): AppError {
  return new AppError(`The catalog ${catalogFolder} cannot be written: ${(error as Error).message}.`, {
    code: 'SINK_CATALOG_UNWRITABLE',
    category: 'unavailable',
    remedy: 'Check the disk: space, permissions, health. The changes are safe in the log until then.',
    context: { catalogFolder },
    retryable: true,
    cause: error,
  });
}
