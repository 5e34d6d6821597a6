import { randomBytes } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import type { DuckDBConnection } from '@duckdb/node-api';
import { isAppError } from '@facet/platform';
import { withDuckDb } from './duckdb.ts';
import type { DuckDbOptions } from './duckdb.ts';
import { lakeBusy, lakeDamaged, lakeUnwritable } from './lake-errors.ts';
import { graceMsDefault, listPlacedFiles, parseMergedPath, parsePartPath } from './lake-layout.ts';
import { openLakeLog } from './lake-log.ts';
import type { LakeLog, LakeLogOptions } from './lake-log.ts';
import type { LakeChange, MaintenanceClaim } from './lake-record.ts';
import { snapshotOf } from './lake-snapshot.ts';
import type { LakeSnapshot } from './lake-snapshot.ts';
import { openErasures } from './lake-state.ts';
import type { LakeState, LakeStateErasure } from './lake-state.ts';
import { makeTemporaryFolder, removeAbandonedFolders } from './place-files.ts';
import { isRunning } from './process-owner.ts';

/** A claim that was not renewed for this long is void. */
const claimMsMax = 3_600_000;
const renewAfterMs = claimMsMax / 6;

/** Claims of this process. One that it could not give up, on a full disk, is none. */
const heldHere = new Set<string>();

export interface MaintainOptions extends DuckDbOptions, LakeLogOptions {
  /** How long files that are no longer of the lake stay on the disk for readers that began before; an hour by default. */
  readonly graceMs?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** The right to rewrite files of the lake, beside writers that add some. */
export interface Maintenance {
  /** The lake when the work began. */
  readonly snapshot: LakeSnapshot;
  /** Erasures that it is still to be told are done. */
  readonly openErasures: readonly LakeStateErasure[];
  /** The first offset of a source that was not in the lake then. */
  committed(source: string): number;
  readonly connection: DuckDBConnection;
  /** Names this run in the files that it makes. */
  readonly token: string;
  /** For files that are being written; removed in the end. */
  readonly temporaryFolder: string;
  /** @throws AppError `EVENTS_LAKE_BUSY` when another process has taken over. */
  commit(change: LakeChange): Promise<void>;
  /** To be called now and then between commits, so that the right is not taken for abandoned. @throws as `commit` */
  renew(): Promise<void>;
}

/**
 * Runs `work` as the only one to rewrite files of the lake, and clears away what no reader can be reading any more. The right
 * of a process that has died is taken over; should it live after all, it is refused at its next commit.
 *
 * @throws AppError `EVENTS_LAKE_BUSY` while another process rewrites files, `EVENTS_LAKE_DAMAGED`, `EVENTS_LAKE_UNWRITABLE`
 */
export async function maintainLake<Result>(
  lakeFolder: string,
  options: MaintainOptions,
  work: (maintenance: Maintenance) => Promise<Result>,
): Promise<Result> {
  const now = options.now ?? Date.now;
  const { log, token, commit, release } = await claimLake(lakeFolder, { ...options, now });
  const temporary = await makeTemporaryFolder(lakeFolder).catch(async (error: unknown) => {
    await release();
    throw lakeUnwritable(lakeFolder, error);
  });
  const clear = async (): Promise<void> => {
    const before = now() - (options.graceMs ?? graceMsDefault);
    const deleted = await deleteUnused(lakeFolder, { state: log.state, token, before });
    if (deleted.length > 0) await commit({ deleted });
  };
  try {
    await clear();
    const offsets = new Map(log.state.offsets);
    const result = await withDuckDb(options, async (connection) =>
      work({
        snapshot: snapshotOf(lakeFolder, log.state),
        openErasures: openErasures(log.state),
        committed: (source) => offsets.get(source) ?? 0,
        connection,
        token,
        temporaryFolder: temporary.path,
        commit,
        renew: async () => {
          if (now() - (log.state.claim?.at ?? 0) > renewAfterMs) await commit({});
        },
      }),
    );
    await clear();
    return result;
  } catch (error) {
    throw explain(error, lakeFolder, temporary.path);
  } finally {
    await temporary.remove();
    await release();
  }
}

interface ClaimedLake {
  readonly log: LakeLog;
  readonly token: string;
  /** Every commit renews the claim. */
  commit(change: LakeChange): Promise<void>;
  release(): Promise<void>;
}

async function claimLake(lakeFolder: string, { now }: { readonly now: () => number }): Promise<ClaimedLake> {
  const log = await openLakeLog(lakeFolder, { now });
  const earlier = log.state.claim;
  if (earlier !== undefined && isHeld(earlier, now())) throw lakeBusy(lakeFolder, earlier);
  const token = randomBytes(6).toString('hex');
  const claim = (): MaintenanceClaim => ({ token, host: hostname(), pid: process.pid, at: now() });
  heldHere.add(token);
  await log.commit({ claim: claim() }, { holder: earlier?.token ?? null }).catch((error: unknown) => {
    heldHere.delete(token);
    throw error;
  });
  return {
    log,
    token,
    commit: (change) => log.commit({ claim: claim(), ...change }, { holder: token }),
    release: async () => {
      heldHere.delete(token);
      await log.commit({ claim: null }, { holder: token }).catch(() => undefined);
    },
  };
}

function isHeld({ token, host, pid, at }: MaintenanceClaim, now: number): boolean {
  if (at <= now - claimMsMax) return false;
  if (host !== hostname()) return true;
  return pid === process.pid ? heldHere.has(token) : isRunning(pid, at);
}

/** DuckDB says in words only which file it could not read or write. */
function explain(error: unknown, lakeFolder: string, temporary: string): unknown {
  if (isAppError(error) || !(error instanceof Error)) return error;
  if (error.message.includes(temporary) || error.message.includes('No space left')) {
    return lakeUnwritable(lakeFolder, error);
  }
  return error.message.includes(join(lakeFolder, 'dt=')) ? lakeDamaged(lakeFolder, error) : error;
}

/**
 * Deletes files that left the lake before the given time, and files that no record can come to name: those of rewriters
 * before this one, and those of batches that their source has gone on past.
 */
async function deleteUnused(
  lakeFolder: string,
  { state, token, before }: { readonly state: LakeState; readonly token: string; readonly before: number },
): Promise<string[]> {
  await removeAbandonedFolders(lakeFolder);
  const left = [...state.removed].filter(([, at]) => at <= before).map(([path]) => path);
  const placed = await listPlacedFiles(lakeFolder);
  const strays = placed.filter(
    (path) => !state.files.has(path) && !state.removed.has(path) && isDead(path, state, token),
  );
  for (const path of [...left, ...strays]) await rm(join(lakeFolder, path), { force: true });
  return left;
}

function isDead(path: string, { offsets }: LakeState, token: string): boolean {
  const merger = parseMergedPath(path);
  if (merger !== undefined) return merger !== token;
  const part = parsePartPath(path);
  return part !== undefined && part.from < (offsets.get(part.source) ?? 0);
}
