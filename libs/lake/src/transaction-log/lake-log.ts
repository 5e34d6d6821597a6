import { dirname, join } from 'node:path';
import { AppError } from '@facet/platform';
import { earlierLogFolder } from '../layout.ts';
import type { LakeStorage } from '../storage/lake-storage.ts';
import { openLakeStorage } from '../storage/open-lake-storage.ts';
import { checkpointExtension, readDeltaCheckpoint, writeDeltaCheckpoint } from './delta-checkpoint.ts';
import {
  applyActions,
  createTable,
  encodeChange,
  parseTransaction,
  serializeActions,
  transactionOf,
} from './delta-table.ts';
import type { LakeTransaction } from './delta-table.ts';
import { fenceEarlierLog, hasEarlierRecords, restoreFence, wasWrittenByEarlierRelease } from './earlier-log.ts';
import { ensureErasureKey, noErasureKey, readErasureKey } from './erasure-key.ts';
import { earlierLogContinues, lakeErrors } from './errors.ts';
import { emptyLakeState } from './state.ts';
import type { LakeState } from './state.ts';
import { openTransactionLog } from './transaction-log.ts';
import type { LogFormat, TransactionLog, TransactionLogOptions } from './transaction-log.ts';
import type { LakeChange } from './transaction.ts';

/** The transaction log of a lake, which makes the lake a Delta Lake table. */
export type LakeLog = TransactionLog<LakeState, LakeChange>;

/** A lake: its folder on this machine, or its storage. */
export type Lake = string | LakeStorage;

function storageOf(lake: Lake): Promise<LakeStorage> | LakeStorage {
  return typeof lake === 'string' ? openLakeStorage(lake) : lake;
}

/**
 * Opens the transaction log of a lake for writing. A missing lake has an empty log.
 *
 * @throws AppError `EVENTS_LAKE_DAMAGED`, `EVENTS_LAKE_UNREADABLE`, `EVENTS_LAKE_UNWRITABLE`, `EVENTS_LAKE_OUTDATED` for a lake that
 * `facet lake migrate` must convert, `S3_REFUSED`, `S3_UNREACHABLE`; as `openLakeStorage` and `LakeStorage.prepareWrites`
 */
export async function openLakeLog(lake: Lake, options: TransactionLogOptions = {}): Promise<LakeLog> {
  const storage = await storageOf(lake);
  const log = await readLakeLog(storage, options);
  await lakeErrors.writing(storage.place, storage.prepareWrites());
  if (log.state.version >= 0) {
    const isFenced = await lakeErrors.writing(storage.folder, restoreFence(storage.folder));
    if (!isFenced) throw earlierLogContinues(storage.folder);
  }
  return log;
}

async function readLakeLog(storage: LakeStorage, options: TransactionLogOptions): Promise<LakeLog> {
  const log = await openTransactionLog(storage.log, lakeFormat(storage), options);
  if (log.state.version < 0) await refuseOutdated(storage);
  const isCurrent = (path: string): boolean => log.state.files.has(path);
  await lakeErrors.writing(storage.folder, storage.dropCopies(isCurrent));
  return log;
}

/** @throws AppError `EVENTS_LAKE_OUTDATED` if the lake without a table is one of an earlier release. */
export async function refuseOutdated({ folder, place }: LakeStorage): Promise<void> {
  // In a lake that was migrated and then moved to S3, fences end the earlier log in the folder.
  if (!(await (place === folder ? wasWrittenByEarlierRelease(folder) : hasEarlierRecords(folder)))) return;
  throw new AppError(`The lake ${folder} has the format of an earlier release.`, {
    code: 'EVENTS_LAKE_OUTDATED',
    category: 'input',
    remedy: `Stop all processes that use the data home, copy ${join(folder, earlierLogFolder)}, and run: facet lake migrate --home ${dirname(folder)}`,
    context: { lakeFolder: folder },
  });
}

/**
 * Reads the current state of a lake without writing.
 *
 * @throws AppError `EVENTS_LAKE_DAMAGED`, `EVENTS_LAKE_UNREADABLE`, `EVENTS_LAKE_OUTDATED`, `S3_REFUSED`, `S3_UNREACHABLE`; as
 * `openLakeStorage`
 */
export async function readLakeState(lake: Lake): Promise<LakeState> {
  return (await readLakeLog(await storageOf(lake), {})).state;
}

function lakeFormat(storage: LakeStorage): LogFormat<LakeState, LakeChange, LakeTransaction> {
  const lakeFolder = storage.folder;
  return {
    checkpointExtension,
    errors: lakeErrors,
    emptyState: emptyLakeState,
    createInitial: async (info) => {
      // Without this record, an earlier release would start another log, and delete all files of the table as unused.
      await fenceEarlierLog(lakeFolder, 1);
      await refuseOutdated(storage);
      return createTable(info);
    },
    prepare: async (state, { erasures = [] } = {}) => {
      if (state.erasureKey !== noErasureKey || state.erasures.size + erasures.length === 0) return;
      const key = erasures.length > 0 ? await ensureErasureKey(lakeFolder) : await readErasureKey(lakeFolder);
      if (key === undefined) throw new Error('_erasures.key is missing');
      state.erasureKey = key;
    },
    encode: encodeChange,
    apply: applyActions,
    serialize: ({ actions }) => serializeActions(actions),
    parse: parseTransaction,
    readCheckpoint: async (log, name, version) => {
      const state = emptyLakeState();
      applyActions(state, transactionOf(await log.readFile(name, readDeltaCheckpoint), version));
      return state;
    },
    writeCheckpoint: async (log, name, state, now) => {
      await dropDeletedFiles(storage, state);
      await writeDeltaCheckpoint(log, name, state, now);
    },
  };
}

/** Forgets the replaced files that compactions have deleted. */
async function dropDeletedFiles(storage: LakeStorage, { removed }: LakeState): Promise<void> {
  if (removed.size === 0) return;
  const placed = new Set(await storage.list());
  for (const path of removed.keys()) if (!placed.has(path)) removed.delete(path);
}
