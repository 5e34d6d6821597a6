import { dirname, join } from 'node:path';
import { AppError } from '@facet/platform';
import { earlierLogFolder, logFolder } from '../layout.ts';
import { listPlacedFiles } from '../write/place-files.ts';
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
import { fenceEarlierLog, restoreFence, wasWrittenByEarlierRelease } from './earlier-log.ts';
import { ensureErasureKey, noErasureKey, readErasureKey } from './erasure-key.ts';
import { earlierLogContinues, lakeErrors } from './errors.ts';
import { emptyLakeState } from './state.ts';
import type { LakeState } from './state.ts';
import { openTransactionLog } from './transaction-log.ts';
import type { LogFormat, TransactionLog, TransactionLogOptions } from './transaction-log.ts';
import type { LakeChange } from './transaction.ts';

/** The transaction log of a lake, which makes the lake a Delta Lake table. */
export type LakeLog = TransactionLog<LakeState, LakeChange>;

/**
 * Opens the transaction log of a lake for writing. A missing lake has an empty log.
 *
 * @throws AppError `EVENTS_LAKE_DAMAGED`, `EVENTS_LAKE_UNREADABLE`, `EVENTS_LAKE_UNWRITABLE`, `EVENTS_LAKE_OUTDATED` for a lake that
 * `facet lake migrate` must convert
 */
export async function openLakeLog(lakeFolder: string, options: TransactionLogOptions = {}): Promise<LakeLog> {
  const log = await readLakeLog(lakeFolder, options);
  if (log.state.version >= 0) {
    const isFenced = await lakeErrors.writing(lakeFolder, restoreFence(lakeFolder));
    if (!isFenced) throw earlierLogContinues(lakeFolder);
  }
  return log;
}

async function readLakeLog(lakeFolder: string, options: TransactionLogOptions): Promise<LakeLog> {
  const log = await openTransactionLog(lakeFolder, lakeFormat(lakeFolder), options);
  if (log.state.version >= 0 || !(await wasWrittenByEarlierRelease(lakeFolder))) return log;
  throw outdated(lakeFolder);
}

function outdated(lakeFolder: string): AppError {
  return new AppError(`The lake ${lakeFolder} has the format of an earlier release.`, {
    code: 'EVENTS_LAKE_OUTDATED',
    category: 'input',
    remedy: `Stop all processes that use the data home, copy ${join(lakeFolder, earlierLogFolder)}, and run: facet lake migrate --home ${dirname(lakeFolder)}`,
    context: { lakeFolder },
  });
}

/**
 * Reads the current state of a lake without writing.
 *
 * @throws AppError `EVENTS_LAKE_DAMAGED`, `EVENTS_LAKE_UNREADABLE`, `EVENTS_LAKE_OUTDATED`
 */
export async function readLakeState(lakeFolder: string): Promise<LakeState> {
  return (await readLakeLog(lakeFolder, {})).state;
}

function lakeFormat(lakeFolder: string): LogFormat<LakeState, LakeChange, LakeTransaction> {
  return {
    logFolder,
    checkpointExtension,
    errors: lakeErrors,
    emptyState: emptyLakeState,
    createInitial: async (info) => {
      // Without this record, an earlier release would start another log, and delete all files of the table as unused.
      await fenceEarlierLog(lakeFolder, 1);
      if (await wasWrittenByEarlierRelease(lakeFolder)) throw outdated(lakeFolder);
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
    readCheckpoint: async (path, version) => {
      const state = emptyLakeState();
      applyActions(state, transactionOf(await readDeltaCheckpoint(path), version));
      return state;
    },
    writeCheckpoint: async (path, state, now) => {
      await dropDeletedFiles(lakeFolder, state);
      await writeDeltaCheckpoint(path, state, now);
    },
  };
}

/** Forgets the replaced files that compactions have deleted. */
async function dropDeletedFiles(lakeFolder: string, { removed }: LakeState): Promise<void> {
  if (removed.size === 0) return;
  const placed = new Set(await listPlacedFiles(lakeFolder));
  for (const path of removed.keys()) if (!placed.has(path)) removed.delete(path);
}
