import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import type { DuckDBConnection } from '@duckdb/node-api';
import { hourMs, isAppError, minuteMs } from '@facet/platform';
import { OpenDuckDbError, withDuckDb } from '../duckdb.ts';
import type { DuckDbOptions } from '../duckdb.ts';
import { graceMsDefault, parseMergedPath, parsePartPath } from '../layout.ts';
import type { LakeStorage } from '../storage/lake-storage.ts';
import { openLakeStorage } from '../storage/open-lake-storage.ts';
import { isSameProcessRunning, makeTemporaryFolder } from '../storage/place-files.ts';
import { lakeBusy, lakeLogErrors } from '../transaction-log/errors.ts';
import { snapshotOf } from '../transaction-log/snapshot.ts';
import type { LakeSnapshot } from '../transaction-log/snapshot.ts';
import { pendingErasures } from '../transaction-log/state.ts';
import type { LakeState, LakeStateErasure, LakeChange, MaintenanceClaim } from '../transaction-log/state.ts';
import { openLakeLog } from '../transaction-log/lake-log.ts';
import type { LakeLog } from '../transaction-log/lake-log.ts';
import type { TransactionLogOptions } from '../transaction-log/transaction-log.ts';

/** A claim that has not been renewed for this long is void. */
const claimMsMax = hourMs;
const renewMsDefault = 10 * minuteMs;

/** Tokens of the claims that this process holds. A claim whose release failed, for example on a full disk, is not among them. */
const heldTokens = new Set<string>();

export interface MaintainOptions extends DuckDbOptions, TransactionLogOptions {
  /** How long replaced files stay on the disk for readers that started earlier. One hour by default. */
  readonly graceMs?: number | undefined;
  /** Milliseconds between two renewals of the claim. Default: ten minutes. */
  readonly renewMs?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** The exclusive right to rewrite files of the lake. Writers may add files meanwhile. */
export interface Maintenance {
  readonly storage: LakeStorage;
  /** The lake at the start of the work. */
  readonly snapshot: LakeSnapshot;
  /** Erasures that have not been applied to every file. */
  readonly pendingErasures: readonly LakeStateErasure[];
  /** Returns the first offset of a source that the lake did not contain at the start of the work. */
  committed(source: string): number;
  readonly connection: DuckDBConnection;
  /** Identifies this run in the names of its files. */
  readonly token: string;
  /** For unfinished files. Removed after the work. */
  readonly temporaryFolder: string;
  /** @throws AppError `EVENTS_LAKE_BUSY` when another process has taken over. */
  commit(change: LakeChange): Promise<void>;
}

/**
 * Runs `work` with the exclusive right to rewrite files of the lake, and deletes files whose grace period has ended. The claim
 * of a dead process is taken over. If that process is alive after all, its next commit is refused.
 *
 * @throws AppError `EVENTS_LAKE_BUSY` while another process rewrites files, `EVENTS_LAKE_DAMAGED`, `EVENTS_LAKE_UNREADABLE`,
 * `EVENTS_LAKE_UNWRITABLE`
 */
export async function maintainLake<Result>(
  lakeFolder: string,
  options: MaintainOptions,
  work: (maintenance: Maintenance) => Promise<Result>,
): Promise<Result> {
  const now = options.now ?? Date.now;
  const storage = await openLakeStorage(lakeFolder);
  const { log, token, commit, release } = await claimLake(storage, { ...options, now });
  const temporary = await makeTemporaryFolder(lakeFolder).catch(async (error: unknown) => {
    await release();
    throw lakeLogErrors.unwritable(lakeFolder, error);
  });
  const deleteExpired = async (): Promise<void> => {
    const before = now() - (options.graceMs ?? graceMsDefault);
    await lakeLogErrors.writing(storage.location, storage.removeLeftovers());
    const placed = await lakeLogErrors.writing(storage.location, storage.list());
    const findUnused = (): string[] => placed.filter((path) => isUnused(path, log.state, { token, before }));
    if (findUnused().length === 0) return;
    // After a pause of this process, another one may have taken over and committed some of these files. Then this commit fails.
    await commit({});
    await lakeLogErrors.writing(storage.location, storage.remove(findUnused()));
  };
  // A query of a large lake can take longer than the claim is valid. If a renewal fails, the next commit throws the reason.
  const renewal = setInterval(() => void commit({}).catch(() => undefined), options.renewMs ?? renewMsDefault);
  try {
    await deleteExpired();
    const offsets = new Map(log.state.offsets);
    const result = await withDuckDb(options, async (connection) =>
      work({
        storage,
        snapshot: snapshotOf(lakeFolder, log.state),
        pendingErasures: pendingErasures(log.state),
        committed: (source) => offsets.get(source) ?? 0,
        connection,
        token,
        temporaryFolder: temporary.path,
        commit,
      }),
    );
    await deleteExpired();
    return result;
  } catch (error) {
    throw toLakeError(error, lakeFolder, temporary.path);
  } finally {
    clearInterval(renewal);
    await release();
    await temporary.remove();
  }
}

interface ClaimedLake {
  readonly log: LakeLog;
  readonly token: string;
  /** Commits a change after all earlier commits, and renews the claim. */
  commit(change: LakeChange): Promise<void>;
  release(): Promise<void>;
}

async function claimLake(storage: LakeStorage, { now }: { readonly now: () => number }): Promise<ClaimedLake> {
  const log = await openLakeLog(storage, { now });
  const earlier = log.state.claim;
  if (earlier !== undefined && isHeld(earlier, now())) throw lakeBusy(storage.location, earlier);
  const token = randomBytes(6).toString('hex');
  const claim = (): MaintenanceClaim => ({ token, host: hostname(), pid: process.pid, at: now() });
  heldTokens.add(token);
  let earlierCommits = Promise.resolve();
  const commit = async (change: LakeChange, holder: string | undefined): Promise<void> => {
    const committed = earlierCommits.then(async () =>
      log.commit((state) => {
        if (state.claim?.token !== holder) throw lakeBusy(storage.location, state.claim);
        return change;
      }),
    );
    earlierCommits = committed.catch(() => undefined);
    return committed;
  };
  const release = async (): Promise<void> => {
    heldTokens.delete(token);
    await commit({ claim: null }, token).catch(() => undefined);
  };
  await commit({ claim: claim() }, earlier?.token).catch(async (error: unknown) => {
    // The lake contains the claim if only the response of the storage was lost.
    await release();
    throw error;
  });
  return { log, token, commit: async (change) => commit({ claim: claim(), ...change }, token), release };
}

function isHeld({ token, host, pid, at }: MaintenanceClaim, now: number): boolean {
  if (at <= now - claimMsMax) return false;
  if (host !== hostname()) return true;
  return pid === process.pid ? heldTokens.has(token) : isSameProcessRunning(pid, at);
}

/** Maps DuckDB errors to lake errors. Only the message of a DuckDB error names the file. */
function toLakeError(error: unknown, lakeFolder: string, temporary: string): unknown {
  if (isAppError(error) || !(error instanceof Error)) return error;
  if (error instanceof OpenDuckDbError) return lakeLogErrors.unreadable(lakeFolder, error);
  if (error.message.includes(temporary) || error.message.includes('No space left')) {
    return lakeLogErrors.unwritable(lakeFolder, error);
  }
  const isOfDataFile = error.message.includes(lakeFolder) && error.message.includes('/dt=');
  return isOfDataFile ? lakeLogErrors.unreadable(lakeFolder, error) : error;
}

/**
 * Returns whether a file was replaced before the given time, or no later transaction can name it. The latter are files of earlier
 * maintenance runs, and of batches that their source has advanced past.
 */
function isUnused(
  path: string,
  state: LakeState,
  { token, before }: { readonly token: string; readonly before: number },
): boolean {
  if (state.files.has(path)) return false;
  const replacedAt = state.removed.get(path);
  return replacedAt === undefined ? isOrphan(path, state, token) : replacedAt <= before;
}

function isOrphan(path: string, { offsets }: LakeState, token: string): boolean {
  const merger = parseMergedPath(path);
  if (merger !== undefined) return merger !== token;
  const part = parsePartPath(path);
  return part !== undefined && part.from < (offsets.get(part.source) ?? 0);
}
