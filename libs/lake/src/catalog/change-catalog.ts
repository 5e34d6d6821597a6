import type { Item, User } from '@facet/schemas';
import type { TransactionLogOptions } from '../transaction-log/transaction-log.ts';
import type { OffsetRanges } from '../transaction-log/transaction-log.ts';
import type { CatalogKind, SegmentEntry } from './catalog-log.ts';
import { compactCatalog } from './compact-catalog.ts';
import { openCatalogLog, removeUncommitted } from './catalog-log.ts';
import { catalogLogErrors } from '../transaction-log/errors.ts';
import { sortedBatches, writeSegment } from './segments.ts';
import type { RecordVersion } from './segments.ts';

/** Changes of the catalog. Readers see all of them or none. The version of an id with the latest `receivedAt` is current. */
export interface CatalogChange {
  /** In the order of the log: of versions with the same `receivedAt`, the last one is current. */
  readonly items?: readonly RecordVersion<Item>[];
  /** In the same order. */
  readonly users?: readonly RecordVersion<User>[];
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
  { items = [], users = [], offsets }: CatalogChange,
  options: TransactionLogOptions = {},
): Promise<void> {
  const add: SegmentEntry[] = [];
  try {
    const log = await openCatalogLog(catalogFolder, options);
    for (const [kind, versions] of Object.entries({ items, users }) as [CatalogKind, readonly RecordVersion[]][]) {
      if (versions.length > 0) add.push((await writeSegment(catalogFolder, kind, sortedBatches(versions)))!);
    }
    if (add.length > 0 || offsets !== undefined) {
      await log.commit(() => ({ add, ...(offsets === undefined ? {} : { offsets }) }));
    }
  } catch (error) {
    await removeUncommitted(catalogFolder, add);
    throw catalogLogErrors.unwritable(catalogFolder, error);
  }
}

/** Adds or replaces items. The last record of an id counts. @param receivedAt as of {@link changeRecords} */
export async function upsertItems(catalogFolder: string, items: Iterable<Item>, receivedAt?: number): Promise<void> {
  await changeRecords('items', catalogFolder, new Map(Array.from(items, (item) => [item.itemId, item])), receivedAt);
}

/** Adds or replaces users. The last record of an id counts. */
export async function upsertUsers(catalogFolder: string, users: Iterable<User>): Promise<void> {
  await changeRecords('users', catalogFolder, new Map(Array.from(users, (user) => [user.userId, user])));
}

/**
 * Adds or replaces records by id, or removes those that are undefined.
 *
 * @param receivedAt the time of the changes, epoch milliseconds; now by default
 */
export async function changeRecords<Kind extends CatalogKind>(
  kind: Kind,
  catalogFolder: string,
  changes: ReadonlyMap<string, (Kind extends 'items' ? Item : User) | undefined>,
  receivedAt = Date.now(),
): Promise<void> {
  const versions = Array.from(changes, ([id, record]) => ({ id, record, receivedAt }));
  await changeCatalog(catalogFolder, { [kind]: versions });
  await compactCatalog(catalogFolder);
}
