import { randomUUID } from 'node:crypto';
import { isAppError } from '@facet/platform';
import { Type } from 'typebox';
import type { Static } from 'typebox';
import { graceMsDefault } from '../layout.ts';
import type { LogStorage } from '../storage/lake-storage.ts';
import { UnreadableLogError } from './errors.ts';
import type { LogErrors } from './errors.ts';

/** The state of a lake or catalog at a version: the result of all transactions up to that version. */
export interface LogState {
  /** -1 for a lake without a table, 0 for one without changes. 0 for an empty catalog. */
  version: number;
  /** The id of that version's transaction. Empty without transactions. */
  id: string;
  /** By source, the first offset that the lake or catalog does not contain. */
  readonly offsets: Map<string, number>;
}

/** Half-open offset ranges, by source. */
export const OffsetRanges = Type.Record(Type.String(), Type.Object({ from: Type.Integer(), to: Type.Integer() }));
export type OffsetRanges = Readonly<Static<typeof OffsetRanges>>;

export interface LogChange {
  /** The offset range that each source advances by. */
  readonly offsets?: OffsetRanges;
}

/** The version of a transaction, its ids and its time. */
export interface TransactionInfo {
  readonly version: number;
  readonly id: string;
  /** The id of the previous transaction. */
  readonly parent: string;
  /** Epoch milliseconds. */
  readonly at: number;
}

/** How a log records its transactions and checkpoints. */
export interface LogFormat<State extends LogState, Change extends LogChange, Transaction extends TransactionInfo> {
  readonly checkpointExtension: string;
  readonly errors: LogErrors;
  /** Returns the state before the first transaction. */
  emptyState(): State;
  /** Returns a transaction that precedes the first change. Absent if a log needs none. */
  readonly createInitial?: (info: TransactionInfo) => Transaction;
  /** Adds data to the state that the log does not contain, such as the key of the erasures. */
  readonly prepare?: (state: State, change?: Change) => Promise<void>;
  /** Returns the transaction that applies the change to the state. */
  encode(state: State, change: Change, info: TransactionInfo): Transaction;
  apply(state: State, transaction: Transaction): void;
  serialize(transaction: Transaction): string;
  /** @throws Error that says what is damaged. */
  parse(text: string, version: number): Transaction;
  /** @throws Error that says what is damaged. */
  readCheckpoint(storage: LogStorage, name: string, version: number): Promise<State>;
  /** Writes the file atomically: readers see the whole file or none. */
  writeCheckpoint(storage: LogStorage, name: string, state: State, now: number): Promise<void>;
}

/**
 * A transaction log: one file `<version>.json` per transaction, and periodic checkpoints of the whole state.
 *
 * A commit creates the file of the next version number, and the storage lets only one writer succeed. The loser reads the
 * winner's transaction and retries with the following number, unless the two conflict. All processes thus agree on one history.
 */
export interface TransactionLog<State extends LogState, Change extends LogChange> {
  /** The state as of the last refresh or commit. It changes in place. */
  readonly state: State;
  /** Applies the transactions of other processes. @throws AppError of `LogErrors.unreadable` */
  refresh(): Promise<void>;
  /**
   * Commits a transaction: makes it durable and visible.
   *
   * @param change Returns the change of the given state. Called again if another process commits first. May throw to cancel the commit.
   * @throws AppError of `LogErrors.superseded` if another writer has advanced a source, of `LogErrors.unreadable` and
   * `LogErrors.unwritable`, and the errors of `change`. After `unreadable`, `S3_REFUSED` and `S3_UNREACHABLE`, the log may contain the
   * transaction.
   */
  commit(change: (state: State) => Change): Promise<void>;
}

export interface TransactionLogOptions {
  /** The clock in epoch milliseconds, by default the system clock. */
  readonly now?: (() => number) | undefined;
}

/** Opens a transaction log. A missing log is empty. @throws AppError of `LogErrors.unreadable` */
export async function openTransactionLog<
  State extends LogState,
  Change extends LogChange,
  Transaction extends TransactionInfo,
>(
  storage: LogStorage,
  format: LogFormat<State, Change, Transaction>,
  options: TransactionLogOptions = {},
): Promise<TransactionLog<State, Change>> {
  const log = new StoredTransactionLog(storage, format, options.now ?? Date.now);
  await log.refresh();
  return log;
}

/** The number of transactions after which a commit writes a checkpoint. */
export const transactionsPerCheckpoint = 32;
/** A reader retries when old transactions are pruned between its listing and its reads. */
const readAttemptsMax = 5;

class StoredTransactionLog<
  State extends LogState,
  Change extends LogChange,
  Transaction extends TransactionInfo,
> implements TransactionLog<State, Change> {
  readonly #storage: LogStorage;
  readonly #format: LogFormat<State, Change, Transaction>;
  readonly #now: () => number;
  #state: State;

  constructor(storage: LogStorage, format: LogFormat<State, Change, Transaction>, now: () => number) {
    this.#storage = storage;
    this.#format = format;
    this.#now = now;
    this.#state = format.emptyState();
  }

  get state(): State {
    return this.#state;
  }

  async refresh(): Promise<void> {
    await this.#repeatRead(() => this.#readNew());
  }

  async commit(changeOf: (state: State) => Change): Promise<void> {
    const { errors, createInitial, prepare } = this.#format;
    const write = <Result>(written: Promise<Result>): Promise<Result> =>
      errors.writing(this.#storage.location, written);
    for (;;) {
      await this.refresh();
      const info = { version: this.#state.version + 1, id: randomUUID(), parent: this.#state.id, at: this.#now() };
      if (createInitial !== undefined && info.parent === '') {
        await write(this.#create(createInitial(info)));
        continue;
      }
      const change = changeOf(this.#state);
      this.#refuseSuperseded(change);
      if (prepare !== undefined) await write(prepare(this.#state, change));
      const transaction = this.#format.encode(this.#state, change, info);
      if (!(await write(this.#create(transaction)))) continue;
      if (!(await this.#repeatRead(() => this.#isInHistory(transaction)))) {
        await write(this.#storage.remove(transactionName(info.version)));
        throw errors.superseded(this.#storage.location, Object.keys(change.offsets ?? {}));
      }
      this.#format.apply(this.#state, transaction);
      await this.#checkpoint();
      return;
    }
  }

  /** Repeats a read that failed, because another process may have pruned its files. */
  async #repeatRead<Result>(read: () => Promise<Result>): Promise<Result> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await read();
      } catch (error) {
        if (attempt === readAttemptsMax || isAppError(error)) {
          throw this.#format.errors.unreadable(this.#storage.location, error);
        }
      }
    }
  }

  async #readNew(): Promise<void> {
    const { transactions, checkpoints } = await this.#list();
    const newest = checkpoints.at(-1) ?? -1;
    const behind = newest - this.#state.version;
    if (behind >= transactionsPerCheckpoint || (behind > 0 && !transactions.includes(this.#state.version + 1))) {
      this.#state = await this.#readCheckpoint(newest);
    }
    const fresh = transactions.filter((version) => version > this.#state.version);
    const texts = await Promise.all(fresh.map(async (version) => this.#read(version)));
    for (const [index, text] of texts.entries()) {
      const transaction = this.#parse(text, fresh[index]!);
      if (transaction.parent !== this.#state.id) {
        throw new Error(`transaction ${this.#state.version + 1} is missing`);
      }
      this.#format.apply(this.#state, transaction);
    }
    await this.#format.prepare?.(this.#state);
  }

  #refuseSuperseded({ offsets = {} }: Change): void {
    const lost = Object.keys(offsets).filter(
      (source) => offsets[source]?.from !== (this.#state.offsets.get(source) ?? 0),
    );
    if (lost.length > 0) throw this.#format.errors.superseded(this.#storage.location, lost);
  }

  /** Creates the file of the transaction. Returns false if the version exists. */
  async #create(transaction: Transaction): Promise<boolean> {
    return this.#storage.create(transactionName(transaction.version), this.#format.serialize(transaction));
  }

  /**
   * Returns whether the new transaction is part of the history. It is not if another process had committed this version before, and
   * that transaction was pruned while this process was suspended.
   */
  async #isInHistory({ version, id }: Transaction): Promise<boolean> {
    const { transactions, checkpoints } = await this.#list();
    if (transactions.includes(version + 1)) {
      return this.#parse(await this.#read(version + 1), version + 1).parent === id;
    }
    const newest = checkpoints.at(-1) ?? -1;
    if (newest !== version) return newest < version;
    // Another program may checkpoint a transaction as soon as it exists.
    return (await this.#readCheckpoint(version)).id === id;
  }

  async #checkpoint(): Promise<void> {
    // The commit has succeeded, so errors are ignored. A later commit writes the checkpoint.
    try {
      const { checkpoints } = await this.#list();
      const { version } = this.#state;
      if (version - (checkpoints.at(-1) ?? 0) < transactionsPerCheckpoint) return;
      await this.#format.writeCheckpoint(this.#storage, this.#checkpointName(version), this.#state, this.#now());
      await this.#prune();
    } catch {
      return;
    }
  }

  /**
   * Deletes the temporary files of killed processes. Deletes the transactions and checkpoints before the newest checkpoint that is older
   * than the grace period, the oldest first.
   */
  async #prune(): Promise<void> {
    const { transactions, checkpoints } = await this.#list();
    const before = this.#now() - graceMsDefault;
    await this.#storage.removeLeftovers(before);
    for (const checkpoint of checkpoints.toReversed()) {
      if (!(await this.#storage.isOlder(this.#checkpointName(checkpoint), before))) continue;
      const names = [
        ...transactions.filter((version) => version < checkpoint).map((version) => transactionName(version)),
        ...checkpoints.filter((version) => version < checkpoint).map((version) => this.#checkpointName(version)),
      ];
      for (const name of names) await this.#storage.remove(name);
      return;
    }
  }

  async #list(): Promise<{ readonly transactions: readonly number[]; readonly checkpoints: readonly number[] }> {
    const names = [...(await this.#storage.names())].sort();
    const versions = (nameOf: (version: number) => string): number[] =>
      names.map(versionOf).filter((version, index) => nameOf(version) === names[index]);
    return {
      transactions: versions((version) => transactionName(version)),
      checkpoints: versions((version) => this.#checkpointName(version)),
    };
  }

  async #read(version: number): Promise<string> {
    return this.#storage.read(transactionName(version));
  }

  #parse(text: string, version: number): Transaction {
    try {
      return this.#format.parse(text, version);
    } catch (error) {
      if (error instanceof UnreadableLogError || isAppError(error)) throw error;
      throw new Error(`${transactionName(version)}: ${(error as Error).message}`, { cause: error });
    }
  }

  async #readCheckpoint(version: number): Promise<State> {
    return this.#format.readCheckpoint(this.#storage, this.#checkpointName(version), version);
  }

  #checkpointName(version: number): string {
    return transactionName(version, this.#format.checkpointExtension);
  }
}

const versionDigits = 20;

/** The names of the files of transactions. */
export const transactionPattern = new RegExp(`^\\d{${versionDigits}}\\.json$`);

/** Returns the version in the name of a transaction or checkpoint. NaN for other names. */
export function versionOf(name: string): number {
  return Number(name.slice(0, versionDigits));
}

/** Returns the name of the file of a transaction, or that of a checkpoint with its extension. */
export function transactionName(version: number, extension = 'json'): string {
  return `${String(version).padStart(versionDigits, '0')}.${extension}`;
}
