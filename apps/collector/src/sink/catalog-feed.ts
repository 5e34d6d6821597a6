import { changeCatalog, compactCatalog, readCatalogOffsets } from '@facet/lake';
import type { RecordVersion } from '@facet/lake';
import type { Item, User } from '@facet/schemas';
import { minuteMs } from '@facet/platform';
import type { Logger } from '@facet/platform';

/** Collects changes of the catalog and writes many at a time, because each write makes a file. */
export type CatalogFeed = ReturnType<typeof createCatalogFeed>;

/** A compaction that fails, for example on a full disk, is not tried again for this time. */
const compactionCooldownMs = 5 * minuteMs;

export function createCatalogFeed(
  catalogFolder: string,
  { logger, now }: { readonly logger: Logger; readonly now: () => number },
) {
  let items: RecordVersion<Item>[] = [];
  let users: RecordVersion<User>[] = [];
  let written: ReadonlyMap<string, number> = new Map();
  let advanced = new Map<string, number>();
  let changedSince: number | undefined;
  let compacting: Promise<void> | undefined;
  let compactionFailedAt = Number.NEGATIVE_INFINITY;
  const compact = async (): Promise<void> => {
    try {
      await compactCatalog(catalogFolder, { now });
    } catch (error) {
      compactionFailedAt = now();
      logger.warn({ err: error }, 'cannot compact the catalog');
    }
    compacting = undefined;
  };
  const clear = (): void => {
    items = [];
    users = [];
    changedSince = undefined;
  };
  return {
    /** Returns the first offset of a source that is not in the files. */
    committed: (source: string): number => written.get(source) ?? 0,
    /**
     * Adds or replaces an item; without `item`, removes it.
     *
     * @param receivedAt the receipt time in epoch milliseconds, by which the catalog orders the versions of the item
     */
    changeItem: (itemId: string, item: Item | undefined, receivedAt: number): void =>
      void items.push({ id: itemId, record: item, receivedAt }),
    /** Adds or replaces a user; without `user`, removes the user. @param receivedAt epoch milliseconds */
    changeUser: (userId: string, user: User | undefined, receivedAt: number): void =>
      void users.push({ id: userId, record: user, receivedAt }),
    /** Notes that all changes of `source` before `next` have been made. */
    advance(source: string, next: number): void {
      advanced.set(source, next);
      changedSince ??= now();
    },
    /** Number of changes that are not in the files. */
    get pending() {
      return items.length + users.length;
    },
    /** When the oldest change that is not in the files was made. */
    get changedSince() {
      return changedSince;
    },
    /**
     * Writes the changes and the offsets of their sources to the files, and compacts files in the background.
     *
     * @throws AppError `EVENTS_CATALOG_UNWRITABLE` (retryable), which keeps the changes. `EVENTS_CATALOG_SUPERSEDED` when another
     * member of the group has written the same source. `EVENTS_CATALOG_DAMAGED`. `EVENTS_CATALOG_UNREADABLE` (retryable).
     */
    async write(): Promise<void> {
      if (changedSince === undefined) return;
      const range = (source: string, to: number) => ({ from: written.get(source) ?? 0, to });
      const offsets = Object.fromEntries(Array.from(advanced, ([source, to]) => [source, range(source, to)]));
      await changeCatalog(catalogFolder, { items, users, offsets }, { now });
      written = new Map([...written, ...advanced]);
      if (now() > compactionFailedAt + compactionCooldownMs) compacting ??= compact();
      clear();
    },
    /**
     * Drops changes that are not in the files, and reads the offsets from the files.
     *
     * @throws AppError `EVENTS_CATALOG_DAMAGED`, `EVENTS_CATALOG_UNREADABLE` (retryable)
     */
    async discard(): Promise<void> {
      clear();
      written = await readCatalogOffsets(catalogFolder);
      advanced = new Map();
    },
    /** Waits for the compaction in the background. */
    close: async (): Promise<void> => compacting,
  };
}
