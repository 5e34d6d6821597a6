import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { isAppError, listNames } from '@facet/platform';
import type { LakeState, LakeStateFile } from '../transaction-log/state.ts';
import { openTransactionLog } from '../transaction-log/transaction-log.ts';
import type { TransactionLog, TransactionLogOptions } from '../transaction-log/transaction-log.ts';
import type { LakeChange, LakeFileEntry } from '../transaction-log/transaction.ts';
import { listLegacyFiles, readLegacyOffsets, readLegacyVersions } from './legacy-catalog.ts';
import { sortedBatches, writeSegment } from './segments.ts';
import type { CatalogKind } from './segments.ts';

export const catalogKinds = ['items', 'users'] as const;

/** Returns the segments of a kind, the oldest first. */
export function segmentsOf({ files }: LakeState, kind: CatalogKind): LakeStateFile[] {
  return [...files.values()].filter(({ path }) => path.startsWith(`${kind}/`)).sort((a, b) => orderOf(a) - orderOf(b));
}

/** Returns the version of the newest change that a segment contains. */
export function orderOf({ order, version }: LakeStateFile): number {
  return order ?? version;
}

/** Opens the transaction log of a catalog for writing, after turning the files of earlier releases into segments. */
export async function openCatalogLog(catalogFolder: string, options: TransactionLogOptions): Promise<TransactionLog> {
  const log = await openTransactionLog(catalogFolder, options);
  if (log.state.version > 0) return log;
  const legacy = await listLegacyFiles(catalogFolder);
  const offsets = await readLegacyOffsets(catalogFolder);
  if (legacy.length + offsets.size === 0) return log;
  const add: LakeFileEntry[] = [];
  for (const kind of catalogKinds) {
    const { versions, foldedBefore } = await readLegacyVersions(catalogFolder, kind);
    const entry = await writeSegment(catalogFolder, kind, sortedBatches(versions));
    if (entry !== undefined) add.push({ ...entry, foldedBefore });
  }
  const isEmpty = (state: LakeState): boolean => state.version === 0;
  await commitSegments(
    catalogFolder,
    log,
    {
      add,
      remove: [...legacy, ...Array.from(offsets.keys(), (source) => `_offsets/${source}.json`)],
      offsets: Object.fromEntries(Array.from(offsets, ([source, to]) => [source, { from: 0, to }])),
    },
    isEmpty,
  );
  return log;
}

/** Commits a change, or deletes its segments when another process has changed the catalog. */
export async function commitSegments(
  catalogFolder: string,
  log: TransactionLog,
  change: LakeChange,
  isExpected: (state: LakeState) => boolean,
): Promise<void> {
  try {
    await log.commit(change, { isExpected });
  } catch (error) {
    await removeUncommitted(catalogFolder, change.add ?? []);
    if (!isAppError(error, 'EVENTS_LAKE_SUPERSEDED')) throw error;
  }
}

/** Deletes the segments of a failed commit. A commit can fail after it has become visible: then they stay. */
export async function removeUncommitted(catalogFolder: string, entries: readonly LakeFileEntry[]): Promise<void> {
  const log = await openTransactionLog(catalogFolder).catch(() => undefined);
  for (const { path } of entries) {
    if (log?.state.files.has(path) === false) {
      await rm(join(catalogFolder, path), { force: true }).catch(() => undefined);
    }
  }
}

/** Lists every segment on the disk, whether or not the transaction log names it. */
export async function listSegmentFiles(catalogFolder: string, kind?: CatalogKind): Promise<string[]> {
  const paths = await Promise.all(
    catalogKinds
      .filter((one) => kind === undefined || one === kind)
      .map(async (one) => (await listNames(join(catalogFolder, one))).map((name) => `${one}/${name}`)),
  );
  return paths.flat();
}
