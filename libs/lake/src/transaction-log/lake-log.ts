import { join } from 'node:path';
import { listNames } from '@facet/platform';
import { logFolder } from '../layout.ts';
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
import { ensureErasureKey, noErasureKey, readErasureKey } from './erasure-key.ts';
import { lakeLogErrors, otherFormat } from './errors.ts';
import { emptyLakeState } from './state.ts';
import type { LakeState, LakeChange } from './state.ts';
import { openTransactionLog } from './transaction-log.ts';
import type { LogFormat, TransactionLog, TransactionLogOptions } from './transaction-log.ts';

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
 * @throws AppError `EVENTS_LAKE_DAMAGED`, `EVENTS_LAKE_UNREADABLE`, `EVENTS_LAKE_UNWRITABLE`, `S3_REFUSED`, `S3_UNREACHABLE`; as
 * `openLakeStorage` and `LakeStorage.prepareWrites`
 */
export async function openLakeLog(lake: Lake, options: TransactionLogOptions = {}): Promise<LakeLog> {
  const storage = await storageOf(lake);
  const log = await readLakeLog(storage, options);
  await lakeLogErrors.writing(storage.location, storage.prepareWrites());
  return log;
}

async function readLakeLog(storage: LakeStorage, options: TransactionLogOptions): Promise<LakeLog> {
  const log = await openTransactionLog(storage.log, lakeFormat(storage), options);
  if (log.state.version < 0) await refuseOtherLog(storage.folder);
  const isCurrent = (path: string): boolean => log.state.files.has(path);
  await lakeLogErrors.writing(storage.folder, storage.dropCopies(isCurrent));
  return log;
}

/** Refuses a lake without a table that has a log of another format. A new table would delete its data files as unused. */
async function refuseOtherLog(lakeFolder: string): Promise<void> {
  const folder = join(lakeFolder, '_log');
  if ((await lakeLogErrors.reading(folder, listNames(folder))).length === 0) return;
  const format = `it has log format 1, but this version of Facet reads only Delta Lake tables, with a log in ${logFolder}`;
  throw lakeLogErrors.unreadable(folder, otherFormat(format));
}

/**
 * Reads the current state of a lake without writing.
 *
 * @throws AppError `EVENTS_LAKE_DAMAGED`, `EVENTS_LAKE_UNREADABLE`, `S3_REFUSED`, `S3_UNREACHABLE`; as `openLakeStorage`
 */
export async function readLakeState(lake: Lake): Promise<LakeState> {
  return (await readLakeLog(await storageOf(lake), {})).state;
}

function lakeFormat(storage: LakeStorage): LogFormat<LakeState, LakeChange, LakeTransaction> {
  const lakeFolder = storage.folder;
  return {
    checkpointExtension,
    errors: lakeLogErrors,
    emptyState: emptyLakeState,
    createInitial: createTable,
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
