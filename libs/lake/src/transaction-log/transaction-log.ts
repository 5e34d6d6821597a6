import { randomUUID } from 'node:crypto';
import { mkdir, readFile, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { createFileAtomically, listNames, syncPath, writeFileAtomically } from '@facet/platform';
import { graceMsDefault, logFolder } from '../layout.ts';
import { parseTransaction } from './check-records.ts';
import { ensureErasureKey, noErasureKey, readErasureKey } from './erasure-key.ts';
import { lakeBusy, lakeErrors } from './errors.ts';
import type { LogErrors } from './errors.ts';
import {
  applyTransaction,
  emptyLakeState,
  parseLakeState,
  serializeLakeState,
  setErasureKey,
  withKey,
} from './state.ts';
import type { LakeState } from './state.ts';
import type { LakeChange, Transaction } from './transaction.ts';

/**
 * The lake's transaction log: one file `_log/<version>.json` per transaction, and periodic checkpoints of the whole state.
 *
 * A commit hard-links its transaction to the next version number, and the file system lets only one writer succeed. The
 * loser reads the winner's transaction and retries with the following number, unless the two conflict. All processes thus
 * agree on one history, on any file system with atomic links.
 *
 * Facet has its own log because Delta Lake, Iceberg and DuckLake have no reliable writer for Node.js (docs/adr/0008).
 */
export interface TransactionLog {
  /** The state as of the last refresh or commit. It changes in place. */
  readonly state: LakeState;
  /** Applies the transactions of other processes. @throws AppError `EVENTS_LAKE_DAMAGED` */
  refresh(): Promise<void>;
  /**
   * Commits a transaction: makes it durable and visible.
   *
   * @throws AppError `EVENTS_LAKE_SUPERSEDED` when another writer has advanced a source, `EVENTS_LAKE_BUSY` when `holder`
   * does not have the maintenance claim, `EVENTS_LAKE_UNWRITABLE`.
   */
  commit(change: LakeChange, options?: LakeCommitOptions): Promise<void>;
}

export interface LakeCommitOptions {
  /** The token of the maintenance claim that the change requires, or `null` to require that no claim exists. */
  readonly holder?: string | null;
  /** Refuses the change with `EVENTS_LAKE_SUPERSEDED` unless the state before it satisfies the condition. */
  readonly isExpected?: (state: LakeState) => boolean;
}

export interface TransactionLogOptions {
  /** The clock in epoch milliseconds, by default the system clock. */
  readonly now?: (() => number) | undefined;
}

/**
 * Opens the transaction log of a lake, or of another folder with its own errors. A missing folder has an empty log.
 *
 * @throws AppError `EVENTS_LAKE_DAMAGED`
 */
export async function openTransactionLog(
  lakeFolder: string,
  options: TransactionLogOptions = {},
  errors = lakeErrors,
): Promise<TransactionLog> {
  const log = new FolderTransactionLog(lakeFolder, options.now ?? Date.now, errors);
  await log.refresh();
  return log;
}

/** Reads the current state of a lake. @throws AppError `EVENTS_LAKE_DAMAGED` */
export async function readLakeState(lakeFolder: string): Promise<LakeState> {
  return (await openTransactionLog(lakeFolder)).state;
}

/** A reader reads one checkpoint and about this many transactions at most. */
const transactionsPerCheckpoint = 32;
/** A reader retries when old transactions are pruned between its listing and its reads. */
const readAttemptsMax = 5;

const transactionPattern = /^(\d{20})\.json$/;
const checkpointPattern = /^(\d{20})\.checkpoint\.json$/;

class FolderTransactionLog implements TransactionLog {
  readonly #lakeFolder: string;
  readonly #folder: string;
  readonly #now: () => number;
  readonly #errors: LogErrors;
  #state = emptyLakeState();

  constructor(lakeFolder: string, now: () => number, errors: LogErrors) {
    this.#lakeFolder = lakeFolder;
    this.#folder = join(lakeFolder, logFolder);
    this.#now = now;
    this.#errors = errors;
  }

  get state(): LakeState {
    return this.#state;
  }

  async refresh(): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      try {
        await this.#readNew();
        return;
      } catch (error) {
        if (attempt === readAttemptsMax) throw this.#errors.damaged(this.#lakeFolder, error);
      }
    }
  }

  async commit(change: LakeChange, options: LakeCommitOptions = {}): Promise<void> {
    for (;;) {
      await this.refresh();
      this.#refuseConflict(change, options);
      const { erasures, erased } = change;
      if (this.#state.erasures.size + (erasures?.length ?? 0) > 0) await this.#requireErasureKey();
      const { erasureKey } = this.#state;
      const transaction: Transaction = {
        format: 1,
        version: this.#state.version + 1,
        id: randomUUID(),
        parent: this.#state.id,
        at: this.#now(),
        ...change,
        ...(erasures && { erasures: erasures.map((erasure) => withKey(erasure, erasureKey)) }),
        ...(erased && { erased: erased.map((mark) => withKey(mark, erasureKey)) }),
      };
      const isFirst = await this.#create(transaction).catch((error: unknown) => {
        throw this.#errors.unwritable(this.#lakeFolder, error);
      });
      if (!isFirst) continue;
      if (!(await this.#isInHistory(transaction))) {
        throw this.#errors.superseded(this.#lakeFolder, Object.keys(change.offsets ?? {}));
      }
      applyTransaction(this.#state, transaction);
      await this.#checkpoint();
      return;
    }
  }

  /** Loads the key of the erasures, or creates it. */
  async #requireErasureKey(): Promise<void> {
    if (this.#state.erasureKey !== noErasureKey) return;
    const key = await ensureErasureKey(this.#lakeFolder).catch((error: unknown) => {
      throw this.#errors.unwritable(this.#lakeFolder, error);
    });
    setErasureKey(this.#state, key);
  }

  async #readNew(): Promise<void> {
    if (this.#state.erasureKey === noErasureKey) {
      const key = await readErasureKey(this.#lakeFolder);
      if (key !== undefined) setErasureKey(this.#state, key);
    }
    const { transactions, checkpoints } = await this.#list();
    const newest = checkpoints.at(-1) ?? 0;
    const behind = newest - this.#state.version;
    if (behind >= transactionsPerCheckpoint || (behind > 0 && !transactions.includes(this.#state.version + 1))) {
      this.#state = parseLakeState(await this.#read(checkpointName(newest)), this.#state.erasureKey);
    }
    const fresh = transactions.filter((version) => version > this.#state.version);
    const texts = await Promise.all(fresh.map(async (version) => this.#read(transactionName(version))));
    for (const [index, text] of texts.entries()) {
      const transaction = parseTransaction(text, fresh[index] as number);
      if (transaction.parent !== this.#state.id) {
        throw new Error(`transaction ${this.#state.version + 1} is missing`);
      }
      applyTransaction(this.#state, transaction);
    }
  }

  #refuseConflict({ offsets = {} }: LakeChange, { holder, isExpected }: LakeCommitOptions): void {
    const { claim } = this.#state;
    if (holder !== undefined && holder !== (claim?.token ?? null)) throw lakeBusy(this.#lakeFolder, claim);
    const lost = Object.keys(offsets).filter(
      (source) => offsets[source]?.from !== (this.#state.offsets.get(source) ?? 0),
    );
    if (lost.length > 0 || isExpected?.(this.#state) === false) throw this.#errors.superseded(this.#lakeFolder, lost);
  }

  /** Returns whether the transaction got its version number. */
  async #create(transaction: Transaction): Promise<boolean> {
    await mkdir(this.#folder, { recursive: true });
    const temporary = join(this.#folder, `${transaction.id}.tmp`);
    const path = join(this.#folder, transactionName(transaction.version));
    const isCreated = await createFileAtomically(path, [`${JSON.stringify(transaction)}\n`], { temporary });
    if (isCreated && transaction.version === 1) await syncPath(this.#lakeFolder);
    return isCreated;
  }

  /**
   * Returns whether the new transaction follows its parent. It does not when this process was suspended for so long that
   * the real transaction with its version number has been pruned.
   */
  async #isInHistory({ version, id }: Transaction): Promise<boolean> {
    const { transactions, checkpoints } = await this.#list();
    if (transactions.includes(version + 1)) {
      return parseTransaction(await this.#read(transactionName(version + 1)), version + 1).parent === id;
    }
    const newest = checkpoints.at(-1) ?? 0;
    if (newest < version) return true;
    return (
      newest === version && parseLakeState(await this.#read(checkpointName(version)), this.#state.erasureKey).id === id
    );
  }

  async #checkpoint(): Promise<void> {
    // The transaction is committed. A later commit repeats a failed checkpoint.
    try {
      const { transactions, checkpoints } = await this.#list();
      const { version } = this.#state;
      if (version - (checkpoints.at(-1) ?? 0) < transactionsPerCheckpoint) return;
      await writeFileAtomically(join(this.#folder, checkpointName(version)), [serializeLakeState(this.#state)]);
      await this.#prune(transactions.filter((transaction) => transaction <= version).map(transactionName));
      await this.#prune(checkpoints.filter((checkpoint) => checkpoint < version).map(checkpointName));
    } catch {
      return;
    }
  }

  /** Deletes, oldest first, the files that a checkpoint covers, once no reader can be about to read them. */
  async #prune(names: readonly string[]): Promise<void> {
    for (const name of names) {
      const path = join(this.#folder, name);
      if ((await stat(path)).mtimeMs >= this.#now() - graceMsDefault) return;
      await rm(path, { force: true });
    }
  }

  async #list(): Promise<{ readonly transactions: readonly number[]; readonly checkpoints: readonly number[] }> {
    const names = (await listNames(this.#folder)).sort();
    const versions = (pattern: RegExp): number[] =>
      names.flatMap((name) => {
        const match = pattern.exec(name);
        return match === null ? [] : [Number(match[1])];
      });
    return { transactions: versions(transactionPattern), checkpoints: versions(checkpointPattern) };
  }

  async #read(name: string): Promise<string> {
    return readFile(join(this.#folder, name), 'utf8');
  }
}

function transactionName(version: number): string {
  return `${String(version).padStart(20, '0')}.json`;
}

function checkpointName(version: number): string {
  return `${String(version).padStart(20, '0')}.checkpoint.json`;
}
