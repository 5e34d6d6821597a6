import { rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { dayMs, hourMs } from '@facet/platform';
import { graceMsDefault } from '../layout.ts';
import type { LakeStateFile } from '../transaction-log/state.ts';
import type { TransactionLog, TransactionLogOptions } from '../transaction-log/transaction-log.ts';
import { catalogKinds, commitSegments, listSegmentFiles, openCatalogLog, orderOf, segmentsOf } from './catalog-log.ts';
import { distinctVersions, mergeSegments, writeSegment } from './segments.ts';
import type { CatalogKind, RecordVersion } from './segments.ts';

/** A file that no transaction names and that is older was left by a killed writer. */
const abandonedMs = 6 * hourMs;
/** Versions of items that are newer than this, relative to the newest, are kept separately. */
const keptMs = 90 * dayMs;
/** A segment is merged with newer ones when it is smaller than this many times their size. */
const growth = 2;

export interface CompactCatalogOptions extends TransactionLogOptions {
  /** Merges all segments, which deletes removed users and replaced versions of users. */
  readonly isFull?: boolean | undefined;
  /** How long replaced segments stay on the disk, for readers on other hosts and backups. One hour by default. */
  readonly graceMs?: number | undefined;
}

/**
 * Merges segments of similar size, so that their number stays logarithmic and each version is copied a logarithmic number of times.
 * Writers and other compactions may run meanwhile: the first one to replace a segment wins. Deletes segments that were replaced
 * before the grace period.
 *
 * Of an item's versions received more than 90 days before the newest version of all, a merge with the oldest segment keeps the last.
 */
export async function compactCatalog(catalogFolder: string, options: CompactCatalogOptions = {}): Promise<void> {
  const { isFull = false, graceMs = graceMsDefault, now = Date.now } = options;
  const log = await openCatalogLog(catalogFolder, options);
  for (const kind of catalogKinds) {
    const segments = segmentsOf(log.state, kind);
    const run = isFull ? fullRun(segments) : dueRun(segments);
    if (run.length === 0) continue;
    const isOldest = run[0] === segments[0];
    const bound = isOldest && kind === 'items' ? Math.max(...segments.map(({ receivedTo }) => receivedTo)) - keptMs : 0;
    const folded = { count: 0 };
    const merged = await writeSegment(
      catalogFolder,
      kind,
      mergedBatches(catalogFolder, run, { kind, isOldest, bound, folded }),
    );
    const foldedBefore = Math.max(folded.count > 0 ? bound : 0, ...run.map((file) => file.foldedBefore ?? 0));
    await commitSegments(
      catalogFolder,
      log,
      {
        add: merged === undefined ? [] : [{ ...merged, order: orderOf(run.at(-1)!), foldedBefore }],
        remove: run.map(({ path }) => path),
      },
      ({ files }) => run.every(({ path }) => files.has(path)),
    );
  }
  await deleteReplaced(catalogFolder, log, { now: now(), graceMs });
}

/** Returns the newest segments that are not larger than a multiple of the even newer ones. */
function dueRun(segments: readonly LakeStateFile[]): readonly LakeStateFile[] {
  let start = segments.length;
  let newer = 0;
  for (let index = segments.length - 1; index >= 0; index--) {
    const { bytes } = segments[index]!;
    if (bytes < growth * newer) start = index;
    newer += bytes;
  }
  return segments.slice(start);
}

/** Returns all segments, or none if the only one has no removed records. */
function fullRun(segments: readonly LakeStateFile[]): readonly LakeStateFile[] {
  return segments.length > 1 || segments.some(({ anonymous }) => anonymous > 0) ? segments : [];
}

async function* mergedBatches(
  catalogFolder: string,
  run: readonly LakeStateFile[],
  rules: {
    readonly kind: CatalogKind;
    readonly isOldest: boolean;
    readonly bound: number;
    readonly folded: { count: number };
  },
): AsyncGenerator<readonly RecordVersion[]> {
  for await (const batch of mergeSegments(run.map(({ path }) => join(catalogFolder, path)))) {
    yield batch.flatMap((versions) => {
      if (rules.kind === 'items') return foldVersions(distinctVersions(versions), rules);
      const last = versions.at(-1)!;
      return rules.isOldest && last.record === undefined ? [] : [last];
    });
  }
}

/** Drops all except the last of the versions older than the bound, and the last, too, if it is a removal. */
function foldVersions(
  versions: readonly RecordVersion[],
  {
    isOldest,
    bound,
    folded,
  }: { readonly isOldest: boolean; readonly bound: number; readonly folded: { count: number } },
): readonly RecordVersion[] {
  if (!isOldest) return versions;
  // Clocks may differ, so every version after a kept one is kept, regardless of its time.
  const kept = versions.findIndex(({ receivedAt = 0 }) => receivedAt >= bound);
  const old = kept === -1 ? versions.length : kept;
  const isRemoved = versions[old - 1]?.record === undefined;
  const dropped = isRemoved ? old : old - 1;
  if (dropped > 0) folded.count += dropped;
  return versions.slice(Math.max(0, dropped));
}

/** Deletes the segments that were replaced before the grace period, and those of killed writers. */
async function deleteReplaced(
  catalogFolder: string,
  log: TransactionLog,
  { now, graceMs }: { readonly now: number; readonly graceMs: number },
): Promise<void> {
  const { files, removed } = log.state;
  const deleted = [...removed].filter(([, at]) => at <= now - graceMs).map(([path]) => path);
  for (const path of deleted) await rm(join(catalogFolder, path), { force: true });
  if (deleted.length > 0) await log.commit({ deleted });
  for (const path of await listSegmentFiles(catalogFolder)) {
    if (files.has(path) || removed.has(path)) continue;
    const written = await stat(join(catalogFolder, path)).catch(() => undefined);
    if (written !== undefined && written.mtimeMs < now - abandonedMs) {
      await rm(join(catalogFolder, path), { force: true });
    }
  }
}
