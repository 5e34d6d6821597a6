import { randomUUID } from 'node:crypto';
import { readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { createFileAtomically, listNames, syncPath, writeFileAtomically } from '@facet/platform';
import type { IntakeCount } from '@facet/schemas';
import { earlierLogFolder, logFolder } from '../layout.ts';
import type { Action } from '../transaction-log/delta-actions.ts';
import { folderLakeStorage } from '../storage/folder-lake-storage.ts';
import { folderLogStorage } from '../storage/folder-log-storage.ts';
import { hasLocalLog } from '../storage/moved-lake.ts';
import { makeTemporaryFolder } from '../storage/place-files.ts';
import { checkpointExtension, writeDeltaCheckpoint } from '../transaction-log/delta-checkpoint.ts';
import {
  applyActions,
  checkpointActions,
  createMetaData,
  parseTransaction,
  serializeActions,
} from '../transaction-log/delta-table.ts';
import {
  fenceEarlierLog,
  fenceFormat,
  fenceRecord,
  wasWrittenByEarlierRelease,
  readLastRecord,
} from '../transaction-log/earlier-log.ts';
import { ensureErasureKey, noErasureKey, readErasureKey } from '../transaction-log/erasure-key.ts';
import type { ErasureKey } from '../transaction-log/erasure-key.ts';
import { earlierLogContinues, lakeErrors } from '../transaction-log/errors.ts';
import { openLakeLog } from '../transaction-log/lake-log.ts';
import { updatedIntake, updatedErasures, emptyLakeState, withKey } from '../transaction-log/state.ts';
import type { LakeState, LakeStateErasure, LakeStateFile } from '../transaction-log/state.ts';
import { transactionName, transactionPattern, versionOf } from '../transaction-log/transaction-log.ts';
import type { ErasedMark, Erasure, LakeFileEntry, OffsetRanges } from '../transaction-log/transaction.ts';

interface MigrateResult {
  /** Whether this call has converted the lake. It has not if the lake was converted before, or is empty. */
  readonly isConverted: boolean;
  /** The version of the lake. Versions continue those of the earlier log. */
  readonly version: number;
  readonly files: number;
  readonly rows: number;
}

/**
 * Converts the transaction log of an earlier release into the log of a Delta Lake table. The Parquet files do not change. An
 * interrupted migration resumes when it runs again. Afterwards, processes of the earlier release cannot commit.
 *
 * @throws AppError `EVENTS_LAKE_DAMAGED`, `EVENTS_LAKE_UNREADABLE`, `EVENTS_LAKE_UNWRITABLE`
 */
export async function migrateLake(lakeFolder: string): Promise<MigrateResult> {
  const isEarlier = await wasWrittenByEarlierRelease(lakeFolder);
  const folder = join(lakeFolder, logFolder);
  const isTable = async (): Promise<boolean> =>
    (await lakeErrors.reading(folder, listNames(folder))).some((name) => transactionPattern.test(name));
  const isConverted = isEarlier && !(await isTable());
  if (isConverted) {
    await writeTable(lakeFolder).catch(async (error: unknown) => {
      // Another migration may have been faster.
      if (!(await isTable())) throw error;
    });
  }
  // With `s3.yaml`, a lake with a local log is still in the folder: `facet lake upload` follows.
  const isInFolder = await hasLocalLog(lakeFolder);
  const { state } = await openLakeLog(isInFolder ? folderLakeStorage(lakeFolder) : lakeFolder);
  if (isEarlier) await removeEarlierLog(lakeFolder, state);
  const { version, files } = state;
  const rows = [...files.values()].reduce((sum, file) => sum + file.rows, 0);
  return { isConverted, version: Math.max(0, version), files: files.size, rows };
}

/** The first transaction of the new log. */
interface NewLog {
  readonly state: LakeState;
  readonly actions: readonly Action[];
}

/** Ends the log of the earlier release. The new log begins at the version of its last record. */
async function convertEarlierLog(lakeFolder: string): Promise<NewLog> {
  for (;;) {
    const { isFenced, ...newLog } = await toNewLog(lakeFolder).catch((error: unknown) => {
      throw lakeErrors.unreadable(join(lakeFolder, earlierLogFolder), error);
    });
    if (isFenced) return newLog;
    await lakeErrors.writing(lakeFolder, fenceEarlierLog(lakeFolder, newLog.state.version));
  }
}

/** @throws Error that says what is damaged. */
async function toNewLog(lakeFolder: string): Promise<NewLog & { readonly isFenced: boolean }> {
  const { state: earlier, isFenced } = await readEarlierLog(lakeFolder);
  const now = Date.now();
  const state = { ...earlier, version: earlier.version + 1, id: randomUUID(), metaData: createMetaData(now) };
  const actions = checkpointActions(state, now);
  applyActions(emptyLakeState(), parseTransaction(serializeActions(actions), state.version));
  return { state, actions, isFenced };
}

/** Ends the earlier log, writes the new log in a temporary folder, and moves this folder into the lake. */
async function writeTable(lakeFolder: string): Promise<void> {
  const { state, actions } = await convertEarlierLog(lakeFolder);
  const { version } = state;
  try {
    const temporary = await makeTemporaryFolder(lakeFolder);
    try {
      await writeFileAtomically(join(temporary.path, transactionName(version)), [serializeActions(actions)]);
      const checkpoint = transactionName(version, checkpointExtension);
      await writeDeltaCheckpoint(folderLogStorage(temporary.path), checkpoint, state, Date.now());
      await rename(temporary.path, join(lakeFolder, logFolder));
    } finally {
      await temporary.remove();
    }
  } catch (error) {
    throw lakeErrors.unwritable(lakeFolder, error);
  }
}

/**
 * Deletes the earlier log except its last record. A checkpoint of the last version remains too: it stops processes of the earlier release
 * that are about to commit a version whose record is deleted.
 */
async function removeEarlierLog(lakeFolder: string, { version }: LakeState): Promise<void> {
  const last = await readLastRecord(lakeFolder);
  const folder = join(lakeFolder, earlierLogFolder);
  if (last?.isFence !== true || last.version > version) throw earlierLogContinues(lakeFolder);
  try {
    await syncPath(lakeFolder);
    const kept = ['json', 'checkpoint.json'].map((extension) => transactionName(last.version, extension));
    await createFileAtomically(join(folder, kept[1]!), [fenceRecord(last.version)]);
    const names = (await listNames(folder)).filter((name) => name.endsWith('.json') && !kept.includes(name));
    for (const name of names) await rm(join(folder, name), { force: true });
  } catch (error) {
    throw lakeErrors.unwritable(lakeFolder, error);
  }
}

/** A record of the earlier log. */
interface EarlierTransaction {
  readonly format: number;
  readonly version: number;
  readonly id: string;
  readonly parent: string;
  readonly at: number;
  readonly add?: readonly LakeFileEntry[];
  readonly remove?: readonly string[];
  readonly offsets?: OffsetRanges;
  readonly intake?: readonly IntakeCount[];
  readonly erasures?: readonly (Erasure & HashFormat)[];
  readonly erased?: readonly (ErasedMark & HashFormat)[];
  readonly reopened?: readonly string[];
}

interface EarlierCheckpoint {
  readonly format: number;
  readonly version: number;
  readonly id: string;
  readonly files: readonly LakeStateFile[];
  readonly offsets: Readonly<Record<string, number>>;
  readonly intake: readonly IntakeCount[];
  readonly erasures: readonly (Omit<LakeStateErasure, 'recordedVersion'> & Partial<LakeStateErasure> & HashFormat)[];
  readonly removed: Readonly<Record<string, number>>;
}

/** Whether the hashes of a record are HMACs. Records of the first releases contain SHA-256 hashes. */
interface HashFormat {
  readonly isKeyed?: boolean;
}

const checkpointPattern = /^\d{20}\.checkpoint\.json$/;

async function readEarlierLog(lakeFolder: string): Promise<{ readonly state: LakeState; readonly isFenced: boolean }> {
  const folder = join(lakeFolder, earlierLogFolder);
  const names = (await listNames(folder)).sort();
  const read = async (name: string): Promise<unknown> => JSON.parse(await readFile(join(folder, name), 'utf8'));
  const checkpoints: EarlierCheckpoint[] = [];
  for (const name of names.filter((each) => checkpointPattern.test(each))) {
    const found = (await read(name)) as EarlierCheckpoint;
    if (found.version !== versionOf(name)) throw new Error(`${name} contains version ${found.version}`);
    checkpoints.push(found);
  }
  const checkpoint = checkpoints.findLast(({ format }) => format !== fenceFormat);
  const after = names.filter((name) => transactionPattern.test(name) && versionOf(name) > (checkpoint?.version ?? 0));
  const transactions: EarlierTransaction[] = [];
  for (const name of after) transactions.push((await read(name)) as EarlierTransaction);
  const erasures = [
    checkpoint?.erasures ?? [],
    ...transactions.map((transaction) => transaction.erasures ?? []),
  ].flat();
  const key = await keyOf(lakeFolder, erasures);
  const state = checkpoint === undefined ? { ...emptyLakeState(), version: 0 } : parseCheckpoint(checkpoint, key);
  for (const transaction of transactions) {
    const isFence = transaction.format === fenceFormat;
    const isNext = transaction.version === state.version + 1 && (isFence || transaction.parent === state.id);
    if (!isNext) throw new Error(`transaction ${state.version + 1} is missing`);
    if (isFence) return { state, isFenced: true };
    applyEarlier(state, transaction, key);
  }
  return { state, isFenced: false };
}

async function keyOf(lakeFolder: string, erasures: readonly HashFormat[]): Promise<ErasureKey> {
  const key = await readErasureKey(lakeFolder);
  if (key !== undefined || erasures.length === 0) return key ?? noErasureKey;
  if (erasures.some(({ isKeyed }) => isKeyed)) throw new Error('_erasures.key is missing');
  return ensureErasureKey(lakeFolder);
}

function parseCheckpoint(checkpoint: EarlierCheckpoint, key: ErasureKey): LakeState {
  const { version, id, files, offsets, intake, erasures, removed } = checkpoint;
  return {
    ...emptyLakeState(),
    version,
    id,
    files: new Map(files.map((file) => [file.path, { ...file, addedAt: file.receivedTo }])),
    offsets: new Map(Object.entries(offsets)),
    intake: new Map(updatedIntake(new Map(), intake)),
    erasures: new Map(
      erasures.map((erasure) => [
        erasure.erasureId,
        { ...toKeyed(erasure, key), recordedVersion: erasure.recordedVersion ?? erasure.version },
      ]),
    ),
    removed: new Map(Object.entries(removed)),
  };
}

function applyEarlier(state: LakeState, transaction: EarlierTransaction, key: ErasureKey): void {
  const { version, id, at, add = [], remove = [], offsets = {}, intake = [], erasures, erased } = transaction;
  for (const path of remove) {
    state.files.delete(path);
    state.removed.set(path, at);
  }
  for (const file of add) state.files.set(file.path, { ...file, version, addedAt: at });
  for (const [source, { to }] of Object.entries(offsets)) state.offsets.set(source, to);
  for (const [day, counts] of updatedIntake(state.intake, intake)) state.intake.set(day, counts);
  const keyed = {
    ...transaction,
    erasures: erasures?.map((erasure) => toKeyed(erasure, key)) ?? [],
    erased: (erased ?? []).map((mark) => ({
      ...mark,
      sessionHashes: mark.isKeyed === true ? mark.sessionHashes : mark.sessionHashes.map((hash) => key.of(hash)),
    })),
  };
  for (const [erasureId, erasure] of updatedErasures(state.erasures, keyed, { version, erasureKey: noErasureKey })) {
    state.erasures.set(erasureId, erasure);
  }
  Object.assign(state, { version, id });
}

function toKeyed<Record extends Pick<Erasure, 'userHash' | 'sessionHashes'> & HashFormat>(
  { isKeyed, ...record }: Record,
  key: ErasureKey,
): Omit<Record, 'isKeyed'> {
  return isKeyed === true ? record : withKey(record, key);
}
