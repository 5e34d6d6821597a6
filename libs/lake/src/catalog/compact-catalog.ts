import { rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { dayMs, hourMs } from '@facet/platform';
import { graceMsDefault } from '../layout.ts';
import { catalogLogErrors } from '../transaction-log/errors.ts';
import type { TransactionLogOptions } from '../transaction-log/transaction-log.ts';
import { catalogKinds, commitSegments, listSegmentFiles, openCatalogLog, segmentsOf } from './catalog-log.ts';
import type { CatalogKind, CatalogLog, CatalogState, Segment } from './catalog-log.ts';
import { isMissingSegment, joinRepeated, readSegments, wasLeftUnfinished, writeSegment } from './segments.ts';
import type { RecordVersion } from './segments.ts';

/** An older file that no transaction names is from a killed writer, possibly on another host. */
const abandonedAfterMs = 6 * hourMs;
/** Versions of items that are newer than this, relative to the newest, are kept separately. */
const versionHistoryMs = 90 * dayMs;
/** A segment is compacted with newer ones when it is smaller than this many times their size. */
const sizeRatioMax = 2;
/** Ids of changes to keep for each segment. A reader of changes that is further behind reads all items. */
const changeIdsMax = 100;

export interface CompactCatalogOptions extends TransactionLogOptions {
  /** Compacts all segments, which deletes removed users and replaced versions of users. */
  readonly isFull?: boolean | undefined;
  /** How long replaced segments stay on the disk, for readers on other hosts and backups. One hour by default. */
  readonly graceMs?: number | undefined;
}

/**
 * Replaces segments of similar size by one, so that their number stays logarithmic and each version is copied a logarithmic number of
 * times. Writers and other compactions may run meanwhile: the first one to replace a segment wins. Deletes segments that were replaced
 * before the grace period.
 *
 * Compacting the oldest segment keeps only the newest of an item's versions that are more than 90 days older than the newest version of all.
 *
 * @throws AppError `EVENTS_CATALOG_UNWRITABLE` (retryable), `EVENTS_CATALOG_DAMAGED`, `EVENTS_CATALOG_UNREADABLE`.
 */
export async function compactCatalog(catalogFolder: string, options: CompactCatalogOptions = {}): Promise<void> {
  await catalogLogErrors.writing(catalogFolder, compact(catalogFolder, options));
}

async function compact(catalogFolder: string, options: CompactCatalogOptions): Promise<void> {
  const { isFull = false, graceMs = graceMsDefault, now = Date.now } = options;
  const log = await openCatalogLog(catalogFolder, options);
  for (const kind of catalogKinds) {
    const segments = segmentsOf(log.state, kind);
    const run = isFull ? allSegments(segments) : segmentsToCompact(segments);
    const newest = run.at(-1);
    if (newest === undefined) continue;
    const isOldest = run[0] === segments[0];
    const bound =
      isOldest && kind === 'items' ? Math.max(...segments.map(({ receivedTo }) => receivedTo)) - versionHistoryMs : 0;
    const dropped = { versions: 0, removals: 0 };
    const batches = compactedBatches(catalogFolder, run, { kind, isFull, isOldest, bound, dropped });
    const isUnchanged = ({ files }: CatalogState): boolean => run.every(({ path }) => files.has(path));
    const entry = await writeSegment(catalogFolder, kind, batches).catch(async (error: unknown) => {
      if (isMissingSegment(error)) await log.refresh();
      if (isUnchanged(log.state)) throw error;
      return undefined;
    });
    // Another compaction has replaced the segments and deleted them.
    if (!isUnchanged(log.state)) continue;
    const facts = {
      order: newest.order,
      changeIds: run.flatMap(({ changeIds }) => changeIds).slice(-changeIdsMax),
      compactedBefore: Math.max(dropped.versions > 0 ? bound : 0, ...run.map((segment) => segment.compactedBefore)),
      removalsDroppedThrough: Math.max(
        dropped.removals > 0 ? newest.order : 0,
        ...run.map((segment) => segment.removalsDroppedThrough),
      ),
    };
    await commitSegments(
      catalogFolder,
      log,
      {
        add: entry === undefined ? [] : [{ ...entry, segment: { ...entry.segment, ...facts } }],
        remove: run.map(({ path }) => path),
      },
      isUnchanged,
    );
  }
  await deleteReplaced(catalogFolder, log, { now: now(), graceMs });
}

/** Returns the newest segments that are not larger than a multiple of the even newer ones. */
function segmentsToCompact(segments: readonly Segment[]): readonly Segment[] {
  let start = segments.length;
  let newer = 0;
  for (let index = segments.length - 1; index >= 0; index--) {
    const { bytes } = segments[index]!;
    if (bytes < sizeRatioMax * newer) start = index;
    newer += bytes;
  }
  return segments.slice(start);
}

/** Returns all segments, or none if the only one has no removed records. */
function allSegments(segments: readonly Segment[]): readonly Segment[] {
  return segments.length > 1 || segments.some(({ removals }) => removals > 0) ? segments : [];
}

interface CompactionRules {
  readonly kind: CatalogKind;
  readonly isFull: boolean;
  readonly isOldest: boolean;
  /** Epoch milliseconds. */
  readonly bound: number;
  /** Counts what the compaction leaves out. */
  readonly dropped: { versions: number; removals: number };
}

async function* compactedBatches(
  catalogFolder: string,
  run: readonly Segment[],
  rules: CompactionRules,
): AsyncGenerator<readonly RecordVersion[]> {
  for await (const batch of readSegments(run.map(({ path }) => join(catalogFolder, path)))) {
    yield batch.flatMap((versions) => {
      if (rules.kind === 'items') return compactVersions(joinRepeated(versions), rules);
      const last = versions.at(-1)!;
      // Removals stay until a full compaction, so that a late version does not add the user again.
      return rules.isFull && last.record === undefined ? [] : [last];
    });
  }
}

/** Drops all except the last of the versions older than the bound, and the last, too, if it is a removal. */
function compactVersions(
  versions: readonly RecordVersion[],
  { isOldest, bound, dropped }: CompactionRules,
): readonly RecordVersion[] {
  if (!isOldest) return versions;
  const kept = versions.findIndex(({ receivedAt }) => receivedAt >= bound);
  const old = kept === -1 ? versions.length : kept;
  const last = versions[old - 1];
  const isRemoved = last === undefined || (last.record === undefined && (last.repeatedAt ?? 0) < bound);
  const count = isRemoved ? old : old - 1;
  dropped.versions += count;
  if (count === versions.length) dropped.removals++;
  return versions.slice(count);
}

/** Deletes the segments that were replaced before the grace period, and the files of killed writers. */
async function deleteReplaced(
  catalogFolder: string,
  log: CatalogLog,
  { now, graceMs }: { readonly now: number; readonly graceMs: number },
): Promise<void> {
  const { files, removed } = log.state;
  const deleted = [...removed].filter(([, at]) => at <= now - graceMs).map(([path]) => path);
  for (const path of deleted) await rm(join(catalogFolder, path), { force: true });
  if (deleted.length > 0) await log.commit(() => ({ deleted }));
  for (const path of await listSegmentFiles(catalogFolder)) {
    if (files.has(path) || removed.has(path)) continue;
    const written = await stat(join(catalogFolder, path)).catch(() => undefined);
    if (written === undefined) continue;
    if (written.mtimeMs < now - abandonedAfterMs || wasLeftUnfinished(path, written.mtimeMs)) {
      await rm(join(catalogFolder, path), { force: true });
    }
  }
}
