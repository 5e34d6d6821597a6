import type { Item, User } from '@facet/schemas';
import type { TransactionLogOptions } from '../transaction-log/transaction-log.ts';
import type { OffsetRanges } from '../transaction-log/transaction-log.ts';
import type { CatalogKind, SegmentEntry } from './catalog-log.ts';
import { compactCatalog } from './compact-catalog.ts';
import { openCatalogLog, removeUncommitted } from './catalog-log.ts';
import { catalogErrors } from '../transaction-log/errors.ts';
import { sortedBatches, writeSegment } from './segments.ts';
import type { RecordVersion } from './segments.ts';

/** A state of an item and the time when the catalog received it. */
export interface ItemVersion {
  readonly itemId: string;
  /** Absent when the item was removed. */
  readonly item?: Item | undefined;
  /** Epoch milliseconds. */
  readonly receivedAt: number;
}

/** A state of a user and the time when the catalog received it. */
export interface UserVersion {
  /** Absent when the user was removed. */
  readonly user?: User | undefined;
  /** Epoch milliseconds. */
  readonly receivedAt: number;
}

/** Changes of the catalog. Readers see all of them or none. The version of an id with the latest `receivedAt` is current. */
export interface CatalogChange {
  /** In the order of the log: of versions with the same `receivedAt`, the last one is current. */
  readonly items?: readonly ItemVersion[];
  /** By id. */
  readonly users?: ReadonlyMap<string, UserVersion>;
  /** The offset range that each source advances by. */
  readonly offsets?: OffsetRanges;
}

/**
 * Writes changes to the catalog, together with the offsets of their sources. The cost depends on the changes, not on the size of the
 * catalog. Several processes may write. Call {@link compactCatalog} from time to time.
 *
 * @throws AppError `EVENTS_CATALOG_SUPERSEDED` when another writer has advanced a source, `EVENTS_CATALOG_UNWRITABLE` (retryable),
 * `EVENTS_CATALOG_DAMAGED`, `EVENTS_CATALOG_UNREADABLE`.
 */
export async function changeCatalog(
  catalogFolder: string,
  { items = [], users = new Map(), offsets }: CatalogChange,
  options: TransactionLogOptions = {},
): Promise<void> {
  const versionsOf = {
    items: items.map(({ itemId, item, receivedAt }) => ({ id: itemId, receivedAt, record: item })),
    users: Array.from(users, ([id, { user, receivedAt }]) => ({ id, receivedAt, record: user })),
  };
  const add: SegmentEntry[] = [];
  try {
    const log = await openCatalogLog(catalogFolder, options);
    for (const [kind, versions] of Object.entries(versionsOf) as [CatalogKind, RecordVersion[]][]) {
      if (versions.length === 0) continue;
      const entry = await writeSegment(catalogFolder, kind, sortedBatches(versions));
      add.push(entry!);
    }
    if (add.length > 0 || offsets !== undefined) {
      await log.commit(() => ({ add, ...(offsets === undefined ? {} : { offsets }) }));
    }
  } catch (error) {
    await removeUncommitted(catalogFolder, add);
    throw catalogErrors.unwritable(catalogFolder, error);
  }
}

/** Adds or replaces items. The last record of an id counts. */
export async function upsertItems(
  catalogFolder: string,
  items: Iterable<Item>,
  receivedAt = Date.now(),
): Promise<void> {
  await changeItems(catalogFolder, new Map(Array.from(items, (item) => [item.itemId, item])), receivedAt);
}

/** Adds or replaces users. The last record of an id counts. */
export async function upsertUsers(catalogFolder: string, users: Iterable<User>): Promise<void> {
  await changeUsers(catalogFolder, new Map(Array.from(users, (user) => [user.userId, user])));
}

/**
 * Adds or replaces items, or removes those without a record.
 *
 * @param receivedAt the time of the changes, epoch milliseconds; now by default
 */
export async function changeItems(
  catalogFolder: string,
  changes: ReadonlyMap<string, Item | undefined>,
  receivedAt = Date.now(),
): Promise<void> {
  await changeCatalog(catalogFolder, {
    items: Array.from(changes, ([itemId, item]) => ({ itemId, item, receivedAt })),
  });
  await compactCatalog(catalogFolder);
}

/**
 * Adds or replaces users, or removes those without a record.
 *
 * @param receivedAt the time of the changes, epoch milliseconds; now by default
 */
export async function changeUsers(
  catalogFolder: string,
  changes: ReadonlyMap<string, User | undefined>,
  receivedAt = Date.now(),
): Promise<void> {
  const users = new Map(Array.from(changes, ([userId, user]) => [userId, { user, receivedAt }]));
  await changeCatalog(catalogFolder, { users });
  await compactCatalog(catalogFolder);
}
